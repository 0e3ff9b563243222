"""The frames that an encoder is fitted to, drawn from a data set or from several of one game."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pretrain.data.store import FrameStore


class Sample(NamedTuple):
    """What :meth:`slotenv.SlotEncoder.from_frames` takes.

    Attributes:
        frames: (N, H, W, 3) uint8.
        next_frames: (P, H, W, 3) uint8, those one step after the first P of them.
    """

    frames: NDArray[np.uint8]
    next_frames: NDArray[np.uint8]


def draw_sample(
    store: FrameStore, rows: NDArray[np.int64], count: int, *, pairs: int, seed: int
) -> Sample:
    """Draw frames from a data set.

    Args:
        store: The data set.
        rows: Those to draw from; the row after each is the next step of its episode.
        count: How many frames; fewer where there are no more rows.
        pairs: For how many of them the next frame is read, too.
        seed: Decides which.
    """
    chosen = np.random.default_rng([seed, 3]).permutation(rows)[:count]
    chosen[:pairs].sort()  # reading in order is faster
    chosen[pairs:].sort()
    return Sample(store.frames(chosen), store.frames(chosen[:pairs] + 1))


def mix_samples(samples: Sequence[Sample], *, seed: int) -> Sample:
    """Shuffle samples of several kinds of frames into one.

    Fits look at every n-th frame and at the first few: all kinds must be among these.
    """
    rng = np.random.default_rng([seed, 5])
    counts = [len(next_frames) for _, next_frames in samples]
    paired, rest = (
        np.concatenate([s.frames[part] for s, part in zip(samples, parts, strict=True)])
        for parts in ([slice(n) for n in counts], [slice(n, None) for n in counts])
    )
    order = rng.permutation(len(paired))
    frames = np.concatenate([paired[order], rest[rng.permutation(len(rest))]])
    return Sample(frames, np.concatenate([s.next_frames for s in samples])[order])
