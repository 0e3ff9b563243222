"""Which frames an encoder is fitted to, from one data set and from two kinds of frames."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from recorded_frames import Recorded

from pretrain.training.batches import pair_starts
from pretrain.training.sample import Sample, draw_sample, mix_samples


def numbered(count: int, *, first: int = 0) -> Any:
    """Frames that say which they are, in episodes of 10."""
    numbers = np.arange(first, first + count)
    frames = np.zeros((count, 2, 3, 3), np.uint8)
    frames[:, 0, 0, 0], frames[:, 0, 0, 1] = numbers // 256, numbers % 256
    return Recorded(frames, episode=np.arange(count) // 10)


def numbers_of(frames: NDArray[np.uint8]) -> NDArray[np.int64]:
    return frames[:, 0, 0, :2].astype(np.int64) @ [256, 1]


def draw(store: Any, count: int, pairs: int, seed: int = 0) -> Sample:
    return draw_sample(store, pair_starts(store.episode), count, pairs=pairs, seed=seed)


def test_frames_are_drawn_once_each_with_the_step_after_the_first_of_them() -> None:
    sample = draw(numbered(400), 120, 30)
    numbers = numbers_of(sample.frames)
    assert len(set(numbers)) == 120
    assert (numbers % 10 != 9).all()  # the last of an episode has no next
    assert list(numbers_of(sample.next_frames)) == list(numbers[:30] + 1)
    assert numbers[:30].max() > 300 > 100 > numbers[:30].min()
    assert set(numbers) != set(numbers_of(draw(numbered(400), 120, 30, seed=1).frames))


def test_fewer_rows_than_asked_for_give_all_of_them() -> None:
    sample = draw(numbered(20), 120, 30)
    assert sorted(numbers_of(sample.frames)) == [*range(9), *range(10, 19)]
    assert len(sample.next_frames) == 18
    assert len(draw(numbered(20), 0, 30).frames) == 0


def test_a_mix_has_both_kinds_wherever_a_fit_looks() -> None:
    kinds = [draw(numbered(400, first=first), 120, 30) for first in (0, 1_000)]
    mixed = mix_samples(kinds, seed=0)
    numbers = numbers_of(mixed.frames)
    assert sorted(numbers) == sorted(np.concatenate([numbers_of(one.frames) for one in kinds]))
    assert list(numbers_of(mixed.next_frames)) == list(numbers[:60] + 1)
    for looked_at in (numbers[::2], numbers[::5], numbers[::10], numbers[:60]):
        assert 0.2 < (looked_at >= 1_000).mean() < 0.8
    assert (numbers_of(mix_samples(kinds, seed=0).frames) == numbers).all()
    assert (numbers_of(mix_samples(kinds, seed=1).frames) != numbers).any()
