"""Patterns from edge to edge, in pieces whose places are known."""

import numpy as np
import pytest
from numpy.typing import NDArray

from slotenv.encoders.objects.parts import patterns
from slotenv.encoders.objects.pieces import Pieces, Screen

SCREEN = Screen((100, 200), np.zeros(1, np.float32))


def rows_of(*frames: list[tuple[float, float]]) -> Pieces:
    """Pieces at places (row, column) in pixels."""
    frame = np.repeat(np.arange(len(frames)), [len(places) for places in frames])
    places = np.array([place for places in frames for place in places], np.float32).reshape(-1, 2)
    middle = 2 * places / [100, 200] - 1
    ones = np.ones((len(frame), 1))
    moments = np.hstack([ones, middle, middle**2, ones]).astype(np.float32)
    nothing = np.zeros((len(frame), 2), bool)
    return Pieces(frame, moments, ones.astype(np.float32), nothing[:, 0], nothing)


def line(row: float, first: float, gap: float, count: int) -> list[tuple[float, float]]:
    return [(row, first + gap * n) for n in range(count)]


def found(
    pieces: Pieces, look: NDArray[np.int64] | None = None, screen: Screen = SCREEN
) -> list[bool]:
    look = np.zeros(len(pieces.frame), np.int64) if look is None else look
    return patterns(pieces, look, int(look.max(initial=0)) + 1, screen).tolist()


@pytest.mark.parametrize("phase", [0.0, 7.0, 19.0])
def test_lines_on_a_road_are_a_pattern_wherever_it_has_moved(phase: float) -> None:
    assert found(rows_of(line(60, phase, 20, 10))) == [True]
    assert found(rows_of(line(60, 25, 20, 9))) == [True]  # another one may be cut off at the left
    two = rows_of([*line(60, phase, 20, 10), *line(80, phase, 20, 10)])
    assert found(two) == [True]


@pytest.mark.parametrize(
    "places",
    [
        line(30, 20, 20, 6),  # has room at the right, as a formation has
        line(30, 90, 20, 6),  # at the left
        line(30, 10, 60, 3),  # too few
        [(30, column) for column in (5, 30, 60, 85, 120, 150, 185)],  # other gaps
        [],
    ],
    ids=["left", "right", "few", "uneven", "none"],
)
def test_what_is_no_pattern(places: list[tuple[float, float]]) -> None:
    assert found(rows_of(places)) == [False]


def test_most_of_a_look_must_be_in_patterns_and_others_do_not_count() -> None:
    road, alone = line(60, 5, 20, 10), [(60.0, 33.0)]
    frames = rows_of(road, alone, [*road, *alone])
    assert found(frames) == [False]  # a row with one more is not even
    look = np.array([0] * 10 + [1] + [0] * 10 + [1])
    assert found(frames, look) == [True, False]
    look[:] = -1
    assert patterns(frames, look, 2, SCREEN).tolist() == [False, False]


def test_the_field_is_what_counts() -> None:
    narrow = SCREEN._replace(field=np.array([0, 40, 100, 160]))
    middle = rows_of(line(60, 50, 20, 6))
    assert found(middle) == [False]
    assert found(middle, screen=narrow) == [True]
