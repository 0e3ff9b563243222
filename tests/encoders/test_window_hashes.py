"""Hashes of windows: equal where the pixels are, different where they only look alike."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from torch import nn

from slotenv.encoders.unique_patches import DistinctWindows

ONE = [nn.Conv2d(3, 1, 8, 4)]
TWO = [*ONE, nn.Conv2d(1, 1, 4, 2)]


def of_blocks(blocks, size=4):
    """A frame (h * 4, w * 4, 3) of blocks (h, w) of one number each."""
    frame = np.kron(np.asarray(blocks, np.uint8), np.ones((size, size), np.uint8))
    return np.repeat(frame[..., None], 3, axis=2)


def key_of(frame, convs):
    """The hash of the only window of a frame."""
    windows = DistinctWindows(frame[None], convs)
    assert windows.positions.shape == (1, 1)
    return int(windows.keys[0])


def test_every_arrangement_of_four_blocks_has_a_hash_of_its_own():
    arrangements = list(itertools.product(range(4), repeat=4))
    keys = {key_of(of_blocks(np.reshape(a, (2, 2))), ONE) for a in arrangements}
    assert len(keys) == len(arrangements)


def test_every_place_of_a_mark_in_a_window_of_windows_has_a_hash_of_its_own():
    keys = set()
    for row, col in itertools.product(range(20), range(20)):
        frame = np.zeros((20, 20, 3), np.uint8)
        frame[row, col] = 9
        keys.add(key_of(frame, TWO))
    assert len(keys) == 400


def test_every_place_and_channel_of_a_mark_in_a_block_has_a_hash_of_its_own():
    keys = set()
    for row, col, channel in itertools.product(range(8), range(8), range(3)):
        frame = np.full((8, 8, 3), 7, np.uint8)
        frame[row, col, channel] = 8
        keys.add(key_of(frame, ONE))
    assert len(keys) == 8 * 8 * 3


def test_a_hash_does_not_depend_on_the_other_frames():
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 2, (6, 8, 8, 3)).astype(np.uint8)
    together = DistinctWindows(frames, ONE)
    for frame, position in zip(frames, together.positions[:, 0].tolist(), strict=True):
        assert key_of(frame, ONE) == together.keys[position]


def true_share(frames):
    windows = [
        frame[r : r + 8, c : c + 8].tobytes()
        for frame in frames
        for r in range(0, frames.shape[1] - 7, 4)
        for c in range(0, frames.shape[2] - 7, 4)
    ]
    return len(set(windows)) / len(windows)


@pytest.mark.parametrize("count", [1, 4, 9])
def test_the_distinct_share_of_a_few_windows_is_that_of_all_of_them(count):
    blocks = np.random.default_rng(1).integers(0, 4, (count, 21, 21))
    frames = np.stack([of_blocks(block) for block in blocks])
    share = DistinctWindows(frames, TWO).distinct_share
    assert share == true_share(frames)
    assert 0 < share < 1


def test_the_distinct_share_of_many_windows_is_that_of_some_4096():
    """Counted are every n-th of all windows, so that the sample spreads over the whole batch."""
    blocks = np.random.default_rng(1).integers(0, 256, (24, 21, 21))
    frames = np.stack([of_blocks(block) for block in blocks])
    frames[12:] = frames[:12]  # of 9600 windows every second is looked at
    assert true_share(frames) == pytest.approx(0.5, abs=1e-2)
    assert DistinctWindows(frames, ONE).distinct_share == pytest.approx(0.5, abs=1e-2)
    frames[1:] = 0
    assert DistinctWindows(frames, ONE).distinct_share == pytest.approx(1 / 24, abs=0.01)
