"""Reference rows: what a probe reads from features that nobody trained.

``mean`` is the floor (R2 of predicting the mean), ``pixels`` is what a linear probe finds without
any encoder, ``coordinates`` what it finds in the true coordinates: a perfect encoder's score.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from slotenv.labels import labelled_games, labels_for
from slotenv.probe import Features, ProbeData, read_features

GRID = (21, 16)
"""Rows and columns of averaged pixels: one cell is 10 x 10 pixels of the paper's frames."""


class Reference(NamedTuple):
    """A row that needs no training.

    Attributes:
        title: As tables show it.
        features: From probe frames and the game's key to features.
    """

    title: str
    features: Callable[[ProbeData, str], Features]


def pixel_features(store: ProbeData, game: str) -> Features:
    """Average each frame over a coarse grid: one slot of 21 x 16 x 3 numbers in 0..1."""
    return read_features(_averaged, store)


def mean_features(store: ProbeData, game: str) -> Features:
    """Return one number that never changes: probes can only predict the mean."""
    return read_features(lambda frames: np.ones((len(frames), 1, 1), np.float32), store)


def coordinate_features(store: ProbeData, game: str) -> Features:
    """Return one slot an object: whether it is there, then its coordinates, 0 where it is not.

    They are those of the ``pixel`` labels, or of the ``scn`` labels in games without. Slots of
    objects with fewer coordinates are filled up with zeros.
    """
    labels = labels_for(game, "pixel" if game in labelled_games("pixel") else "scn")
    values, presence = labels.read(store.ram)
    columns: dict[str, list[int]] = {}
    for column, name in enumerate(labels.objects):
        columns.setdefault(name, []).append(column)
    width = 1 + max(map(len, columns.values()))
    slots = np.zeros((len(values), len(columns), width), np.float32)
    for slot, indices in enumerate(columns.values()):
        slots[:, slot, 0] = presence[:, indices].any(axis=1)
        slots[:, slot, 1 : 1 + len(indices)] = np.where(
            presence[:, indices], values[:, indices], 0.0
        )
    return Features(slots, mean_features(store, game).digests)


def _averaged(frames: NDArray[np.uint8]) -> NDArray[np.float32]:
    count, height, width, _ = frames.shape
    if height % GRID[0] or width % GRID[1]:
        raise ValueError(
            f"the pixel reference averages frames over a grid of {GRID[0]} x {GRID[1]}, which does "
            f"not divide {height} x {width}"
        )
    tall, wide = height // GRID[0], width // GRID[1]
    # Whole rows first, which are contiguous: five times faster than both axes at once.
    rows = frames.reshape(count, GRID[0], tall, width * 3).sum(axis=2, dtype=np.uint32)
    sums = rows.reshape(count, GRID[0], GRID[1], wide, 3).sum(axis=3)
    means: NDArray[np.float32] = (sums / (tall * wide * 255)).astype(np.float32)
    return means.reshape(count, 1, -1)


REFERENCES = {
    "pixels": Reference("Pixels 21 x 16", pixel_features),
    "mean": Reference("Mean predictor", mean_features),
    "coordinates": Reference("True coordinates", coordinate_features),
}
"""Reference rows by the name that ``--methods`` takes."""
