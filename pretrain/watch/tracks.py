"""Where each slot looks, how strongly, and how that place moves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_SMOOTH = 0.5  # share of the newest change in the shown motion
_SHARPNESS = 4  # power of the effects in the centroid: what matters little must not pull it away


@dataclass(frozen=True, kw_only=True)
class Tracks:
    """What each slot looks at in each frame.

    Attributes:
        places: (n, K, 2) row and column in pixels, the centroid of its attention; NaN where it
            looks at nothing.
        strengths: (n, K) in 0..1, against what is usual for the slot's strongest frames.
        motions: (n, K, 2) change of the place per step, smoothed; 0 at the start of an episode.
    """

    places: NDArray[np.float64]
    strengths: NDArray[np.float64]
    motions: NDArray[np.float64]


def follow(
    effects: NDArray[np.float64], starts: NDArray[np.bool_], block: tuple[int, int]
) -> Tracks:
    """Turn attention into places, strengths and motions.

    Args:
        effects: (n, K, gh, gw) effect of hiding each block, on each slot.
        starts: (n,) whether a frame is the first of an episode.
        block: Height and width of a block in pixels.
    """
    _, _, height, width = effects.shape
    weights = effects**_SHARPNESS
    total = weights.sum(axis=(2, 3))
    rows = (np.arange(height) + 0.5) * block[0]
    cols = (np.arange(width) + 0.5) * block[1]
    with np.errstate(invalid="ignore"):
        places = np.stack(
            [
                (weights.sum(axis=3) * rows).sum(axis=2) / total,
                (weights.sum(axis=2) * cols).sum(axis=2) / total,
            ],
            axis=-1,
        )
    peaks = effects.max(axis=(2, 3))  # (n, K)
    usual = np.percentile(peaks, 95, axis=0)
    strengths = np.zeros_like(peaks)
    np.divide(peaks, usual, out=strengths, where=usual > 0)
    motions = np.zeros_like(places)
    for t in range(1, len(places)):
        if not starts[t]:
            change = np.nan_to_num(places[t] - places[t - 1])
            motions[t] = (1 - _SMOOTH) * motions[t - 1] + _SMOOTH * change
    return Tracks(places=places, strengths=strengths.clip(0, 1), motions=motions)
