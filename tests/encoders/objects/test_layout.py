"""Displays and the field, found in drawings in which they are known."""

import numpy as np
from drawn_things import HEIGHT, WIDTH, Box, black, draw
from numpy.typing import NDArray

from slotenv.encoders.objects.layout import Layout, display_of, find_layout, occupied, whole_screen
from slotenv.encoders.objects.pieces import Screen

RED, GREEN = 1, 2
SCREEN = Screen((HEIGHT, WIDTH), black().brightness)
DIGITS = [[(4, 10, 6, 2, GREEN)], [(4, 10, 2, 6, GREEN)], [(4, 10, 6, 6, GREEN)]]
"""A display of 6 x 6 pixels that shows three signs."""


def layout_of(play: list[list[Box]]) -> Layout:
    background = black()
    steps = tuple(background.foreground(draw(*some)) for some in (play[:-1], play[1:]))
    return find_layout(background.foreground(draw(*play)), (steps[0], steps[1]), SCREEN)


def ball(n: int) -> Box:
    """A ball that flies about in rows 30 to 63 and columns 20 to 83."""
    return (30 + (3 * n) % 31, 20 + (5 * n) % 61, 4, 4, RED)


def test_signs_that_change_are_a_display_and_what_flies_has_a_field() -> None:
    found = layout_of([[*DIGITS[n // 7 % 3], ball(n)] for n in range(200)])
    assert found.displays.tolist() == [[4, 10, 10, 16]]
    np.testing.assert_allclose(found.field, [30, 20, 64, 84], atol=1)  # two frames reach as far


def test_a_light_that_goes_on_and_off_is_a_display_too() -> None:
    found = layout_of([[(70, 80, 3, 3, GREEN)] * (n % 10 < 4) + [ball(n)] for n in range(200)])
    assert found.displays.tolist() == [[70, 80, 73, 83]]


def test_signs_side_by_side_are_one_display_and_the_oftener_used_is_first() -> None:
    play = []
    for n in range(200):
        tens = [(top, left - 8, *rest) for top, left, *rest in DIGITS[n // 30 % 3]]
        lamp = [(70, 80, 3, 3, GREEN)] * (n % 10 < 2)
        play.append([*DIGITS[n // 7 % 3], *tens, *lamp, ball(n)])
    assert layout_of(play).displays.tolist() == [[4, 2, 10, 16], [70, 80, 73, 83]]


def test_what_moves_is_no_display_though_it_keeps_to_a_corner() -> None:
    corner = [[(4, 10 + n % 12, 3, 3, GREEN), ball(n)] for n in range(200)]
    assert len(layout_of(corner).displays) == 0


def test_what_waits_in_a_row_of_the_whole_width_is_no_display() -> None:
    row = [[(4, 10 * (n // 20), 3, 9, GREEN), ball(n)] for n in range(200)]
    assert len(layout_of(row).displays) == 0


def test_a_ring_around_the_field_is_no_display() -> None:
    ring: list[Box] = [(20, 10, 1, 40, GREEN), (40, 10, 1, 40, GREEN)]
    ring += [(20, 10, 21, 1, GREEN), (20, 49, 21, 1, GREEN)]
    inside = [(24 + (3 * n) % 12, 14 + (5 * n) % 31, 3, 3, RED) for n in range(200)]
    assert len(layout_of([[*ring * (n % 9 < 5), inside[n]] for n in range(200)]).displays) == 0


def test_flashes_are_left_out() -> None:
    play = [[*DIGITS[n // 7 % 3], ball(n)] for n in range(200)]
    flash: list[Box] = [(0, 0, HEIGHT, WIDTH, GREEN)]
    assert layout_of([*play, *[flash] * 9]).displays.tolist() == [[4, 10, 10, 16]]


def test_an_axis_that_is_short_has_no_edges() -> None:
    found = layout_of([[(40, (3 * n) % 91, 4, 4, RED)] for n in range(300)])
    assert found.field.tolist() == [0, 0, HEIGHT, 94]


def test_without_steps_or_foreground_all_is_field() -> None:
    background = black()
    runs = background.foreground(draw(*[[*DIGITS[0], ball(n)] for n in range(9)]))
    for found in (find_layout(runs, None, SCREEN), layout_of([[]] * 30)):
        assert found.displays.shape == (0, 4)
        assert found.field.tolist() == [0, 0, HEIGHT, WIDTH]
    assert whole_screen((3, 7)).field.tolist() == [0, 0, 3, 7]


def test_occupied_is_what_a_count_says() -> None:
    rng = np.random.default_rng(0)
    frames: NDArray[np.uint8] = draw(*[[] for _ in range(6)])
    frames[:, ::4, ::5][rng.random((6, 21, 20)) < 0.3] = (255, 0, 0)
    there = frames.any(-1)
    found = occupied(black().foreground(frames), (HEIGHT, WIDTH))
    np.testing.assert_array_equal(found, there.sum(0) >= 2)


def test_a_run_is_in_a_display_from_end_to_end() -> None:
    boxes: list[Box] = [(5, 10, 1, 6, RED), (6, 12, 1, 9, RED), (7, 0, 1, 30, RED)]
    runs = black().foreground(draw([*boxes, (50, 60, 1, 2, RED)]))
    displays = np.array([[40, 50, 60, 70], [0, 0, 0, 0], [4, 10, 10, 16]])
    assert display_of(runs, displays).tolist() == [2, -1, -1, 0]
    assert (display_of(runs, displays[:0]) == -1).all()
