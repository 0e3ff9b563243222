"""Reference rows: features that need no training.

``mean`` is the floor (R2 of predicting the mean), ``pixels`` is what a linear probe finds without
any encoder, ``coordinates`` what it finds in the true coordinates: a perfect encoder's score.
"""

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from slotenv.labels import labelled_games, labels_for
from slotenv.probe import Features, ProbeData, read_features

GRID = (21, 16)
"""Rows and columns of averaged pixels: one cell is 10 x 10 pixels of the paper's frames."""


class Reference(NamedTuple):
    """Title in tables, and what turns probe frames and the game's key into features."""

    title: str
    features: Callable[[ProbeData, str], Features]


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
    count = Counter(labels.objects)  # in the order of the labels
    slots = np.zeros((len(values), len(count), 1 + max(count.values())), np.float32)
    for slot, name in enumerate(count):
        own = np.array(labels.objects) == name
        slots[:, slot, 0] = presence[:, own].any(axis=1)
        slots[:, slot, 1 : 1 + count[name]] = np.where(presence[:, own], values[:, own], 0.0)
    return Features(slots, mean_features(store, game).digests)


def _averaged(frames: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Average each frame over a coarse grid: one slot of 21 x 16 x 3 numbers in 0..1."""
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
    "pixels": Reference("Pixels 21 x 16", lambda store, _: read_features(_averaged, store)),
    "mean": Reference("Mean predictor", mean_features),
    "coordinates": Reference("True coordinates", coordinate_features),
}
"""Reference rows by the name that ``--methods`` takes."""
