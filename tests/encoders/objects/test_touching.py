"""Things that touch, drawn so that what touches what is known."""

import numpy as np
import pytest
from drawn_things import HEIGHT, WIDTH, Box, black, draw

from slotenv.encoders.objects.looks import Looks, fit_of, learn
from slotenv.encoders.objects.pieces import Screen, find_pieces
from slotenv.encoders.objects.touching import separate, take_apart, unknown

RED, GREEN, BLUE, WHITE, BROWN = 1, 2, 3, 4, 5
SCREEN = Screen((HEIGHT, WIDTH), black().brightness)


def floe(top: int, left: int) -> list[Box]:
    return [(top, left, 4, 20, WHITE)]


def player(top: int, left: int) -> list[Box]:
    """A hat, a body and legs: three colours, of which none is a thing of its own."""
    return [
        (top, left, 3, 6, BROWN),
        (top + 3, left, 6, 6, RED),
        (top + 9, left, 5, 6, BLUE),
    ]


def looks_of(*things: list[Box]) -> Looks:
    """The looks of things, each seen here and there."""
    rng = np.random.default_rng(0)
    frames = []
    for _ in range(60):
        for boxes in things:
            down, right = rng.integers(0, 40), rng.integers(0, 50)
            frames.append([(t + down, x + right, h, w, c) for t, x, h, w, c in boxes])
    pieces = find_pieces(black().foreground(draw(*frames)), SCREEN)[2]
    return learn(pieces, np.arange(len(pieces.frame)) % len(things), len(things))


LOOKS = looks_of(floe(0, 0), player(0, 0))


def found(*boxes: Box, looks: Looks = LOOKS) -> list[tuple[int, int]]:
    """The look and the pixels of each piece that is of a look."""
    pieces, fit = separate(looks, black().foreground(draw(list(boxes))), SCREEN)
    np.testing.assert_allclose(fit, fit_of(looks, pieces), rtol=1e-5)
    known = fit.max(1) > 0
    return sorted(zip(fit.argmax(1)[known].tolist(), pieces.mass[known].tolist(), strict=True))


@pytest.mark.parametrize("left", [10, 17, 24])
def test_a_thing_of_several_colours_on_another_thing_is_both(left: int) -> None:
    on_floe = [*floe(44, 10), *player(30, left)]
    assert found(*on_floe) == [(0, 80), (1, 84)]
    apart = take_apart(*_one_piece(on_floe), SCREEN)
    assert len(apart.parts.frame) == 4  # colour by colour there is no player


def test_things_apart_are_whole_and_so_is_one_that_is_of_no_look() -> None:
    assert found(*floe(60, 10), *player(10, 40)) == [(0, 80), (1, 84)]
    assert found((10, 10, 30, 30, GREEN)) == []


def test_two_halves_of_a_thing_that_another_crosses_are_one() -> None:
    looks = looks_of([(0, 0, 9, 1, RED)], [(0, 0, 3, 9, GREEN)])
    crossed = (40, 50, 9, 1, RED), (43, 46, 3, 9, GREEN)
    assert found(*crossed, looks=looks) == [(0, 6), (1, 27)]


def test_three_that_touch_are_taken_apart_colour_by_colour() -> None:
    """A thing and a shot are not one larger thing beside what hides a pixel of them."""
    looks = looks_of([(0, 0, 8, 9, BROWN)], [(0, 0, 9, 1, WHITE)], [(0, 0, 3, 3, RED)])
    boxes = (20, 20, 8, 9, BROWN), (24, 29, 9, 1, WHITE), (24, 30, 3, 3, RED)
    assert found(*boxes, looks=looks) == [(0, 72), (1, 9), (2, 9)]


def test_rests_are_what_else_a_piece_has() -> None:
    """Against a loop over parts."""
    apart = take_apart(*_one_piece([*floe(44, 10), *player(30, 17), *floe(70, 60)]), SCREEN)
    chosen = np.array([3, 0, 4, 2])
    have, rest = apart.rest(chosen, SCREEN)
    expected = {}
    for number, part in enumerate(chosen):
        others = (apart.owner == apart.owner[part]) & (np.arange(len(apart.owner)) != part)
        if others.any():
            expected[number] = apart.parts.moments[others].sum(0)
    assert have.tolist() == list(expected)
    np.testing.assert_allclose(rest.moments, list(expected.values()), rtol=1e-5)


def test_what_is_unknown_is_neither_of_a_look_nor_two_that_touch() -> None:
    strange = (5, 70, 12, 12, GREEN)
    play = draw([*floe(44, 10), *player(30, 17), strange], player(10, 10), [strange])
    left = unknown(LOOKS, black().foreground(play), SCREEN)
    assert set(left.colour.tolist()) == {GREEN}
    assert np.bincount(left.frame, left.length).tolist() == [144, 0, 144]
    looks = looks_of([(0, 0, 40, 2, WHITE)], player(0, 0))  # half of all pixels is the pole
    touching = draw([(10, 70, 40, 2, WHITE), *player(20, 72)])
    assert fit_of(looks, find_pieces(black().foreground(touching), SCREEN)[2]).max() < 0
    assert not len(unknown(looks, black().foreground(touching), SCREEN).frame)
    assert not len(unknown(LOOKS, black().foreground(draw([])), SCREEN).frame)


def _one_piece(boxes: list[Box]) -> tuple:
    runs, piece, _ = find_pieces(black().foreground(draw(boxes)), SCREEN)
    return runs, piece
