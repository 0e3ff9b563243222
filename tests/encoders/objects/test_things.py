"""Things, found in drawings in which they are known."""

import numpy as np
import pytest
from drawn_things import HEIGHT, WIDTH, Box, black, bounce, draw, find, middles

from slotenv.encoders.objects.pieces import Screen
from slotenv.encoders.objects.sharing import Things
from slotenv.encoders.objects.things import find_things

RED, GREEN, BLUE, WHITE, BROWN = range(1, 6)


def test_every_thing_has_one_slot_for_good() -> None:
    ball_y, ball_x = bounce(120, 3, 2.7, 70), bounce(120, 40, 3.1, 90)
    bat = bounce(120, 10, 4.3, 80)
    play = [
        [(y, x, 4, 4, WHITE), (78, b, 3, 16, RED)]
        for y, x, b in zip(ball_y, ball_x, bat, strict=True)
    ]
    things = find(play)
    assert len(things.home) == 2
    found = middles(things, draw(*play))
    ball, paddle = np.argsort(things.home[:, 0])
    np.testing.assert_allclose(found[:, ball], np.stack([ball_y, ball_x], 1) + 1.5, atol=1e-3)
    np.testing.assert_allclose(found[:, paddle, 1], bat + 7.5, atol=1e-3)


def test_the_head_and_the_feet_of_one_thing_are_one() -> None:
    x = bounce(80, 0, 3, 80)
    play = [
        [(40, left, 6, 8, GREEN), (47, left, 3, 3, BLUE), (47, left + 5, 3, 3, BLUE)] for left in x
    ]
    assert len(find(play).home) == 1


def test_a_thing_that_changes_its_look_keeps_its_slot() -> None:
    x, y = bounce(120, 0, 3, 80), bounce(120, 20, 2, 60)
    looks = [(6, 6, RED), (6, 8, RED), (7, 7, GREEN)]
    play = [[(t, left, *looks[n % 3])] for n, (t, left) in enumerate(zip(y, x, strict=True))]
    things = find(play)
    assert len(things.home) == 1
    assert np.isfinite(middles(things, draw(*play))).all()


def test_things_of_other_colours_that_flicker_are_not_one() -> None:
    places = [
        np.stack([bounce(160, a, 2, 70), bounce(160, b, 3, 90)], 1) for a, b in ((0, 9), (50, 60))
    ]
    play = [
        [(*map(int, places[who][n]), 6, 6, colour)]
        for n in range(160)
        for who, colour in [((n % 2), (RED, GREEN)[n % 2])]
    ]
    things = find(play)
    assert len(things.home) == 2
    shown = np.isfinite(middles(things, draw(*play))[..., 0])
    assert (shown[::2] == shown[0]).all()
    assert (shown[1::2] == shown[1]).all()
    assert (shown[0] ^ shown[1]).all()


def test_each_lane_has_slots_of_its_own_in_the_order_of_the_lane() -> None:
    rng = np.random.default_rng(0)
    lanes, play = [8, 30, 52, 72], []
    cars = [bounce(300, start, speed, 88) for start, speed in ((5, 3), (60, 2), (20, 4), (40, 1))]
    ahead = bounce(300, 45, 2.4, 88)  # a second one in the first lane, which overtakes
    for n in range(300):
        boxes: list[Box] = [(y, int(x[n]), 5, 9, BLUE) for y, x in zip(lanes, cars, strict=True)]
        if abs(ahead[n] - cars[0][n]) > 12:
            boxes.append((lanes[0], int(ahead[n]), 5, 9, BLUE))
        rng.shuffle(boxes)
        play.append(boxes)
    things = find(play)
    assert len(things.home) == 5
    assert things.in_order.all()
    found = middles(things, draw(*play))
    first = np.flatnonzero(np.abs(things.home[:, 0] - (2 * (lanes[0] + 2.5) / HEIGHT - 1)) < 0.05)
    both = np.isfinite(found[:, first, 1]).all(1)
    assert both.sum() > 100
    assert (found[both, first[0], 1] < found[both, first[1], 1]).all()
    for lane, x in zip(lanes[1:], cars[1:], strict=True):
        slot = np.nanargmin(np.abs(np.nanmean(found[..., 0], 0) - lane - 2))
        np.testing.assert_allclose(found[:, slot, 1], x + 4, atol=1e-3)


def test_two_that_touch_are_two_if_their_colours_differ() -> None:
    x = bounce(200, 0, 1.7, 80)
    play = [[(40, int(left), 8, 10, RED), (40, 45, 8, 10, GREEN)] for left in x]
    for n, boxes in enumerate(play):  # the green one moves, too
        boxes[1] = (40, 45 + n % 3, 8, 10, GREEN)
    things = find(play)
    assert len(things.home) == 2
    apart = draw([(40, 34, 8, 10, RED), (40, 46, 8, 10, GREEN)])  # two pixels: one piece
    assert np.isfinite(middles(things, apart)).all()


def test_a_ball_that_touches_a_bat_is_still_a_ball() -> None:
    """A piece of the two fits the bat's look: the ball is a tenth of it."""
    x, y = bounce(300, 0, 3, 90), bounce(300, 9, 1.7, 50)
    play = [
        [(60, int(30 + (2 * n) % 20), 4, 20, RED), (int(y[n]), int(x[n]), 2, 4, WHITE)]
        for n in range(300)
    ]
    things = find(play)
    assert len(things.home) == 2
    apart = draw([(60, 40, 4, 20, RED), (20, 45, 2, 4, WHITE)])
    touching = draw([(60, 40, 4, 20, RED), (58, 45, 2, 4, WHITE)])
    expected, found = middles(things, apart)[0], middles(things, touching)[0]
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found[:, 1], expected[:, 1], atol=1e-3)
    other = draw([(60, 40, 4, 20, RED), (58, 45, 2, 4, BROWN)])  # of no look: one thing, the bat
    ball = int(things.home[:, 0].argmin())
    assert np.isnan(middles(things, other)[0, ball]).all()
    assert np.isfinite(middles(things, other)[0, 1 - ball]).all()


def test_displays_come_last_and_go_first() -> None:
    ball = bounce(90, 0, 3, 90)
    digits = [(5, 9), (5, 7), (4, 9)]
    play = [[(2, 50, *digits[n % 3], WHITE), (40, int(x), 4, 4, RED)] for n, x in enumerate(ball)]
    things = find(play)
    assert len(things.home) >= 2
    np.testing.assert_allclose(things.home[0, 0], 2 * 42 / HEIGHT - 1, atol=0.02)  # the ball
    assert len(find(play, max_slots=1).home) == 1
    np.testing.assert_allclose(find(play, max_slots=1).home, things.home[:1])


def test_without_foreground_there_is_nothing() -> None:
    background = black()
    runs = background.foreground(draw([], []))
    things = find_things(
        runs,
        None,
        num_frames=2,
        screen=Screen((HEIGHT, WIDTH), background.brightness),
        pooled=False,
        max_slots=4,
        seed=0,
    )
    assert things is None


@pytest.mark.parametrize("seed", [0, 1])
def test_no_slot_has_two_things_and_of_too_many_some_have_none(seed: int) -> None:
    rng = np.random.default_rng(seed)
    play = []
    for _ in range(150):
        cells = rng.permutation(20)[: rng.integers(1, 7)]
        play.append(
            [
                (16 * (c // 5) + rng.integers(8), 20 * (c % 5) + rng.integers(12), 6, 6, BROWN)
                for c in cells.tolist()
            ]
        )
    things = find(play, max_slots=4)
    assert len(things.home) == 4
    counts = np.isfinite(middles(things, draw(*play))[..., 0]).sum(1)
    np.testing.assert_array_equal(counts, np.minimum([len(boxes) for boxes in play], 4))


def wrapped(top: int, left: int, height: int, width: int, colour: int) -> list[Box]:
    """A box that leaves on the right and comes in on the left."""
    boxes = [(top, left, height, min(width, WIDTH - left), colour)]
    if left + width > WIDTH:
        boxes.append((top, 0, height, left + width - WIDTH, colour))
    return boxes


def test_what_the_edge_cuts_off_is_no_thing_of_its_own() -> None:
    play = [wrapped(40, (2 * n) % WIDTH, 8, 6, RED) for n in range(300)]
    things = find(play)
    assert len(things.home) == 1
    found = middles(things, draw(*play))[:, 0, 1]
    assert np.isfinite(found).all()  # it is never lost
    for n, boxes in enumerate(play):  # of two parts, the larger one is it
        _, left, _, width, _ = max(boxes, key=lambda box: box[3])
        other = [box[1] + (box[3] - 1) / 2 for box in boxes if box[3] == width]
        assert any(abs(found[n] - x) < 1e-3 for x in [left + (width - 1) / 2, *other])


def test_what_is_always_at_the_edge_is_a_thing() -> None:
    x = bounce(200, 0, 3, 80)
    play = [[(HEIGHT - 6, int(left), 6, 14, GREEN), (30, 45, 4, 4, RED)] for left in x]
    for n, boxes in enumerate(play):
        boxes[1] = (30, 20 + 2 * (n % 30), 4, 4, RED)
    assert len(find(play).home) == 2


def test_in_the_maximum_of_two_frames_a_thing_is_there_once() -> None:
    x = bounce(240, 0, 4, 90)
    play = []
    for n in range(240):  # at every other place it moves, and is drawn twice
        boxes = [(40, int(x[n]), 1, 4, RED)]
        if n % 2:
            boxes.append((43, int(x[n]), 1, 4, RED))
        if n % 4 < 2:  # two that stand still, and come and go
            boxes += [(10, 20, 1, 4, GREEN), (13, 20, 1, 4, GREEN)]
        play.append(boxes)

    def slots_of(things: Things, colour: int) -> int:
        groups = np.unique(things.group[np.exp(things.looks.colours[:, colour]) > 0.9])
        return int(np.diff(things.first)[groups].sum())

    once, twice = find(play, pooled=True), find(play)
    assert [slots_of(things, RED) for things in (once, twice)] == [1, 2]
    assert [things.display.any(1).sum() for things in (once, twice)] == [1, 1]  # the green ones


def test_what_goes_along_the_edge_is_a_thing_though_a_rare_larger_one_looks_like_it() -> None:
    """As a maze's outer corridor, in which a figure now and then touches a line of its colour."""
    x, y = bounce(300, 0, 3, 80), 12 + bounce(300, 10, 2, 60)
    play = [[(0, int(left), 4, 6, RED), (int(y[n]), 40, 5, 5, GREEN)] for n, left in enumerate(x)]
    for n in range(0, 300, 12):
        play[n].append((7 * n % 70, 10 + 3 * n % 60, 6, 7, RED))
    things = find(play)
    found = middles(things, draw(*play))
    along = np.isclose(found[..., 0], 1.5).any(1)
    assert along.all()


def test_lines_of_a_road_have_no_slots() -> None:
    """They scroll, and a formation as even as they are stays in the middle."""
    play: list[list[Box]] = []
    for n in range(200):
        road = [(60, left, 2, 6, WHITE) for left in range(-(2 * n % 20), WIDTH, 20)]
        lines = [(top, max(left, 0), h, w + min(left, 0), c) for top, left, h, w, c in road]
        ranks = [(20, 20 + n % 7 + 12 * k, 5, 5, BROWN) for k in range(5)]
        play.append([line for line in lines if line[3] > 0] + ranks)
    things = find(play)
    assert len(things.home) == 5
    np.testing.assert_allclose(things.home[:, 0], 2 * 22.5 / HEIGHT - 1, atol=0.02)
