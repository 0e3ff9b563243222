"""Which frames of a data set a report shows: typical ones, unlike each other, and a lively clip."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pretrain.data.store import FrameStore
from pretrain.drawing.attention import Occlusion

_CLIPS = 24  # places in the data at which a clip may begin


def sample_rows(count: int, wanted: int) -> NDArray[np.int64]:
    """Return up to ``wanted`` rows, evenly spread over ``count``."""
    return np.unique(np.linspace(0, count - 1, wanted).astype(np.int64))


def varied_frames(
    frames: NDArray[np.uint8], occlusion: Occlusion, wanted: int
) -> NDArray[np.uint8]:
    """Choose frames with much to see that differ in where it is.

    Starts from the frame that shows most, then takes the one least like those already taken.
    Frames that differ from the background in unusually many places (a flash, a title screen) and
    those in the emptier half are not considered.

    Args:
        frames: (n, H, W, 3) candidates.
        occlusion: Knows the background.
        wanted: How many at most.

    Returns:
        (m, H, W, 3).
    """
    masks = np.stack([occlusion.foreground(frame).ravel() for frame in frames])  # (n, gh * gw)
    busy = masks.sum(axis=1)
    usual = np.flatnonzero((busy >= np.median(busy)) & (busy <= np.percentile(busy, 90)))
    chosen = [int(usual[busy[usual].argmax()])]
    distance = (masks[usual] != masks[chosen[0]]).sum(axis=1)
    while len(chosen) < wanted and distance.max() > 0:
        chosen.append(int(usual[distance.argmax()]))
        distance = np.minimum(distance, (masks[usual] != masks[chosen[-1]]).sum(axis=1))
    return frames[chosen]


def lively_clip(store: FrameStore, occlusion: Occlusion, length: int) -> NDArray[np.uint8]:
    """Choose consecutive frames of one episode in which much moves all the time.

    Args:
        store: The frames.
        occlusion: Knows what differs from the background.
        length: Frames wanted; fewer where episodes are shorter.

    Returns:
        (n, H, W, 3).
    """
    best, most = store.frames([0]), -1.0
    for start in sample_rows(max(1, len(store) - length), _CLIPS):
        rows = np.arange(start, min(start + length, len(store)))
        frames = store.frames(rows[store.episode[rows] == store.episode[start]])
        masks = np.stack([occlusion.foreground(frame) for frame in frames])  # (n, gh, gw)
        moving = (masks[1:] != masks[:-1]).any(axis=(1, 2)).sum()
        shown = np.percentile(masks.sum(axis=(1, 2)), 25)
        if (score := float(len(frames) + moving + shown)) > most:
            best, most = frames, score
    return best
