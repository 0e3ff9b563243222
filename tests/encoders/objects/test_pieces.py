"""Connected pieces, against a slow flood fill and numbers worked by hand."""

from collections import deque

import numpy as np
import pytest
from numpy.typing import NDArray

from slotenv.encoders.objects.pieces import (
    GAP_COLUMNS,
    GAP_ROWS,
    Runs,
    Screen,
    connect,
    find_pieces,
    gather,
    largest,
    position_within,
)

GREY = np.linspace(0, 1, 5, dtype=np.float32)


def runs_of(frames: NDArray[np.int64]) -> Runs:
    """Return the runs of frames (B, H, W) of colours, of which 0 is background."""
    found = []
    for b, frame in enumerate(frames):
        for y, line in enumerate(frame):
            x = 0
            while x < len(line):
                end = x
                while end < len(line) and line[end] == line[x]:
                    end += 1
                if line[x]:
                    found.append((b, y, x, end - x, line[x], line[x] == 4))
                x = end
    table = np.array(found, np.int64).reshape(-1, 6)
    return Runs(*table.T[:5], table[:, 5].astype(bool))


def flood(frame: NDArray[np.int64], *, by_colour: bool = False) -> NDArray[np.int64]:
    """Number connected pixels (H, W), -1 for background: two pixels are connected if ..."""
    number = np.full(frame.shape, -1)
    known = 0
    for start in zip(*np.nonzero(frame), strict=True):
        if number[start] >= 0:
            continue
        number[start] = known
        todo = deque([start])
        while todo:
            y, x = todo.popleft()
            for other in zip(*np.nonzero(frame), strict=True):
                if number[other] >= 0 or (by_colour and frame[other] != frame[y, x]):
                    continue
                if abs(other[0] - y) <= GAP_ROWS + 1 and abs(other[1] - x) <= GAP_COLUMNS + 1:
                    number[other] = known
                    todo.append(other)
        known += 1
    return number


def same_parts(one: NDArray[np.int64], other: NDArray[np.int64]) -> bool:
    """Whether two numberings tell the same things apart."""
    pairs = len(np.unique(np.stack([one, other]), axis=1).T)
    return pairs == len(np.unique(one)) == len(np.unique(other))


@pytest.mark.parametrize("by_colour", [False, True])
def test_pieces_are_those_of_a_flood_fill(by_colour: bool) -> None:
    rng = np.random.default_rng(0)
    for density in (0.01, 0.03, 0.06, 0.12):
        frames = rng.integers(1, 4, (6, 17, 23)) * (rng.random((6, 17, 23)) < density)
        runs = runs_of(frames)
        piece = connect(runs, (17, 23), apart=runs.colour if by_colour else None)
        filled = [flood(frame, by_colour=by_colour) for frame in frames]
        expected = np.array([filled[b][y, x] for b, y, x, *_ in zip(*runs, strict=True)])
        assert same_parts(piece, expected + 1000 * runs.frame)
        assert (np.diff(gather(runs, piece, Screen((17, 23), GREY)).frame) >= 0).all()


def test_gaps_are_closed_up_to_their_width_and_frames_stay_apart() -> None:
    frames = np.zeros((2, 9, 12), np.int64)
    frames[:, 0, [0, 1 + GAP_COLUMNS]] = 1  # as far as may be
    frames[:, 0, 3 + 2 * GAP_COLUMNS] = 1  # one too far
    frames[:, 1 + GAP_ROWS, 0] = 2
    frames[:, 3 + 2 * GAP_ROWS, 0] = 3
    piece = connect(runs_of(frames), (9, 12))
    assert piece.tolist() == [0, 0, 1, 0, 2, 3, 3, 4, 3, 5]


def test_the_end_of_a_row_is_not_beside_the_beginning_of_the_next() -> None:
    frames = np.zeros((2, 8, 10), np.int64)
    frames[:, 0, -1] = frames[:, 1, 0] = frames[0, -1, 5] = frames[1, 0, 5] = 1
    assert len(set(connect(runs_of(frames), (8, 10)).tolist())) == len(runs_of(frames).row)


def test_moments_colours_and_scenery_are_those_of_the_pixels() -> None:
    rng = np.random.default_rng(1)
    frames = rng.integers(1, 5, (3, 12, 16)) * (rng.random((3, 12, 16)) < 0.1)
    runs = runs_of(frames)
    piece = connect(runs, (12, 16))
    found = gather(runs, piece, Screen((12, 16), GREY))
    for number, moments, variance in zip(
        range(len(found.frame)), found.moments, found.variance, strict=True
    ):
        pixels = [
            (b, y, x + i, c)
            for b, y, x, n, c, p in zip(*runs[:5], piece, strict=True)
            for i in range(n)
            if p == number
        ]
        b, y, x, c = np.array(pixels).T
        assert set(b) == {found.frame[number]}
        places = np.stack([(2 * y + 1) / 12 - 1, (2 * x + 1) / 16 - 1])
        expected = [len(x), *places.sum(1), *(places**2).sum(1), GREY[c].sum()]
        np.testing.assert_allclose(moments, expected, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(variance, places.var(1), atol=1e-5)
        shares = np.bincount(c, minlength=5) / len(c)
        np.testing.assert_allclose(found.colours[number], shares, atol=1e-6)
        assert found.scenery[number] == (c == 4).any()


def test_without_foreground_there_are_no_pieces() -> None:
    runs = runs_of(np.zeros((2, 4, 4), np.int64))
    piece = connect(runs, (4, 4))
    assert piece.shape == (0,)
    assert gather(runs, piece, Screen((4, 4), GREY)).moments.shape == (0, 6)
    assert connect(runs, (4, 4), apart=runs.colour).shape == (0,)


def test_of_too_many_pieces_the_largest_are_kept() -> None:
    rng = np.random.default_rng(3)
    frames = rng.integers(1, 4, (4, 17, 23)) * (rng.random((4, 17, 23)) < 0.04)
    frames[3] = 0
    runs = runs_of(frames)
    piece = connect(runs, (17, 23))
    pixels = np.bincount(piece, runs.length)
    for most in (1, 2, 3):
        kept = largest(runs, piece, most)
        for frame in range(3):
            here = np.unique(piece[runs.frame == frame])
            assert len(here) > 3
            left = np.unique(piece[(runs.frame == frame) & kept])
            assert len(left) == most
            assert sorted(pixels[left]) == sorted(pixels[here])[-most:]
        assert (kept == np.isin(piece, piece[kept])).all()  # a piece is kept as a whole
    assert largest(runs, piece, 100).all()


def test_a_textured_frame_has_so_many_pieces_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    from slotenv.encoders.objects import pieces as module

    frames = np.zeros((2, 8, 40), np.int64)
    for column, height in ((0, 5), (10, 2), (20, 8), (30, 1)):
        frames[0, :height, column] = 1
    frames[1, 0, 0] = 1
    monkeypatch.setattr(module, "largest", lambda runs, piece: largest(runs, piece, 2))
    runs, piece, found = find_pieces(runs_of(frames), Screen((8, 40), GREY))
    assert found.frame.tolist() == [0, 0, 1]
    assert found.moments[:, 0].tolist() == [5, 8, 1]
    np.testing.assert_array_equal(np.bincount(piece, runs.length), found.moments[:, 0])


def test_positions_count_from_0_in_each_stretch() -> None:
    assert position_within(np.array([4, 4, 7, 4, 4, 4])).tolist() == [0, 1, 0, 0, 1, 2]
    assert position_within(np.zeros(0, np.int64)).tolist() == []
