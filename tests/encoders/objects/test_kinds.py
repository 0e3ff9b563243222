"""Kinds, from looks whose numbers are written down."""

from typing import Any

import numpy as np
import pytest

from slotenv.encoders.objects.kinds import Seen, Steps, find_kinds, look_around
from slotenv.encoders.objects.pieces import Pieces

FRAMES = 100
RED, PINK, GREEN = (1.0, 0.0), (0.9, 0.1), (0.0, 1.0)


def seen(**changes: Any) -> Seen:
    """Two red looks of one size that take turns, each in half of the frames, anywhere."""
    half = np.arange(FRAMES) < FRAMES / 2
    there = np.stack([half, ~half], 1)
    usual = {
        "often": np.full(2, 0.5),
        "count": there.astype(np.int64),
        "there": there,
        "goes": np.diag([30.0, 30.0]),
        "moves": np.ones(2),
        "middle": np.zeros((2, 2)),
        "spread": np.full((2, 2), 0.3),
        "size": np.zeros((2, 2)),
        "colours": np.array([RED, PINK]),
        "scenery": np.zeros(2, bool),
    }
    return Seen(**{**usual, **changes})


def is_one(**changes: Any) -> bool:
    """Whether the two looks are one kind."""
    one, other = find_kinds(seen(**changes))
    assert one >= 0
    assert other >= 0
    return bool(one == other)


BOTH = np.ones((FRAMES, 2), bool)
TWO_AT_ONCE = 2 * seen().count
UNEQUAL = np.array([[0, 0], [0.2, 0]])
SELDOM_OVER = np.array([[30.0, 2], [1, 30]])
RARE = np.stack([np.arange(FRAMES) < 50, np.arange(FRAMES) >= 91], 1)  # 4.5 by chance
AS_IT_CHANGES = np.stack([np.arange(FRAMES) < 33, abs(np.arange(FRAMES) - 46) < 17], 1)  # 3 both
NOW_AND_THEN = np.stack([np.arange(FRAMES) < 33, abs(np.arange(FRAMES) - 43) < 17], 1)  # 6 both
OFTEN_OVER = np.array([[20.0, 10], [5, 20]])  # 15 of 15 + 20 steps


@pytest.mark.parametrize(
    ("changes", "one"),
    [
        ({}, True),
        ({"there": BOTH}, False),  # both at once
        ({"there": BOTH, "goes": OFTEN_OVER}, True),  # but one becomes the other
        ({"there": BOTH, "goes": np.array([[20.0, 5], [3, 20]])}, False),  # 8 of 28: too rarely
        ({"there": BOTH, "goes": np.array([[20.0, 5], [4, 20]])}, True),  # 9 of 29
        ({"there": BOTH, "goes": np.array([[0.0, 2], [0, 0]])}, False),  # twice: by chance
        ({"colours": np.array([RED, GREEN])}, False),  # ghosts that flicker
        ({"colours": np.array([RED, GREEN]), "goes": SELDOM_OVER}, True),  # changes its colour
        ({"colours": np.array([RED, GREEN]), "goes": SELDOM_OVER, "there": AS_IT_CHANGES}, True),
        ({"colours": np.array([RED, GREEN]), "goes": SELDOM_OVER, "there": RARE}, False),
        ({"colours": np.array([RED, GREEN]), "goes": SELDOM_OVER, "there": NOW_AND_THEN}, False),
        ({"colours": np.array([RED, GREEN]), "goes": SELDOM_OVER, "size": UNEQUAL}, False),
        ({"colours": np.array([RED, GREEN]), "count": TWO_AT_ONCE}, True),  # waves of demons
        ({"middle": np.array([[-0.5, 0], [0.5, 0]])}, False),  # elsewhere
        ({"size": np.array([[0, 0], [0.6, 0]])}, True),
        ({"size": np.array([[0, 0], [0.8, 0]])}, False),
        ({"size": np.array([[0, 0], [0.8, 0]]), "goes": OFTEN_OVER}, False),  # a shot from a ship
        ({"count": seen().count * np.array([1, 3])}, False),  # one and three at once
        ({"moves": np.array([1, 0.01])}, False),  # a mark of what moves
        ({"moves": np.zeros(2)}, False),  # digits
        ({"moves": np.zeros(2), "goes": OFTEN_OVER}, True),
    ],
)
def test_which_looks_are_one_kind(changes: dict[str, Any], one: bool) -> None:
    assert is_one(**changes) == one


def test_scenery_and_what_is_rare_have_no_kind() -> None:
    assert find_kinds(seen(scenery=np.array([True, False]))).tolist() == [-1, 0]
    assert find_kinds(seen(often=np.array([0.5, 0.009]))).tolist() == [0, -1]


def pieces_of(*rows: tuple[float, ...]) -> Pieces:
    """Rows of frame, row, column and standard deviation; all of one colour."""
    table = np.array(rows, np.float32).reshape(-1, 4)
    ones, middle = np.ones((len(table), 1), np.float32), table[:, 1:3]
    moments = np.hstack([ones, middle, table[:, 3:] ** 2 + middle**2, ones])
    nothing = np.zeros((len(table), 2), bool)
    return Pieces(table[:, 0].astype(np.int64), moments, ones, nothing[:, 0], nothing)


def test_what_was_seen_is_counted() -> None:
    pieces = pieces_of(
        (0, 0, 0, 0.1), (0, 0.2, 0, 0.1), (2, 0, 0, 0.1), (2, 0, 0.5, 0.4), (3, 0, 0, 0)
    )
    look = np.array([0, 0, 0, 1, -1])
    inside = look_around(pieces, look, 3, 4, None)
    assert inside.scenery.tolist() == [False, False, True]  # the third is not there
    pieces.cut[3, 1] = True
    found = look_around(pieces, look, 3, 4, None)
    assert found.count.tolist() == [[2, 0, 0], [0, 0, 0], [1, 1, 0], [0, 0, 0]]
    assert found.often.tolist() == [0.5, 0.25, 0]
    assert found.moves.tolist() == [1, 1, 1]
    assert found.scenery.tolist() == [False, True, True]  # the second is large, and at the edge
    np.testing.assert_allclose(found.size[:2], np.log([[0.1] * 2, [0.4] * 2]), rtol=1e-4)


def test_what_has_the_colours_of_the_scenery_is_scenery_unless_it_is_small_and_alone() -> None:
    size = {0: 0.02, 1: 0.02, 2: 0.2}  # of each look; of the second there are two at once
    rows = [(frame, 0, 0.2 * look, size[look]) for frame in range(8) for look in (0, 1, 1, 2)]
    pieces = pieces_of(*rows)
    pieces.scenery[:] = True
    found = look_around(pieces, np.array([0, 1, 1, 2] * 8), 3, 8, None)
    assert found.scenery.tolist() == [False, True, True]
    pieces.scenery[::4] = pieces.scenery[3::4] = False
    found = look_around(pieces, np.array([0, 1, 1, 2] * 8), 3, 8, None)
    assert found.scenery.tolist() == [False, True, False]


def test_things_are_followed_to_the_nearest_and_jumps_are_not_steps() -> None:
    before = pieces_of((0, 0, 0, 0.1), (0, 0, 0.1, 0.1), (1, 0.5, 0.5, 0.1), (2, 0.9, 0.9, 0.1))
    after = pieces_of((0, 0, 0.12, 0.1), (0, 0, 0.02, 0.1), (1, 0.5, 0.5, 0.1), (2, 0, 0, 0.1))
    steps = Steps(before, np.array([0, 1, 1, 0]), after, np.array([1, 0, 0, 0]))
    found = look_around(before, steps.look_before, 2, 3, steps)
    assert found.goes.tolist() == [[1, 0], [1, 1]]  # the last one jumped over the screen
    assert found.moves.tolist() == [1, 1]
    assert found.there.tolist() == [[True, True], [True, True], [True, False]]
    still = look_around(
        before, steps.look_before, 2, 3, Steps(before, np.zeros(4, int), before, np.zeros(4, int))
    )
    assert still.moves.tolist() == [0, 1]  # nothing is known of the other
