"""Lanes: rows or columns that things of one kind keep to, such as the lanes of a road."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from slotenv.encoders.objects.looks import MIN_SPREAD
from slotenv.encoders.objects.pieces import Floats, Ints

if TYPE_CHECKING:
    from sklearn.mixture import GaussianMixture

MOST_LANES = 8
NARROW = 0.05
"""Half screens, a standard deviation: what keeps closer to a row or column keeps to a lane."""
_A_LANE = 8  # places at least
_GAIN = 0.1  # nats a place: lanes must tell more of where things are than that there are none
_COST = 0.3  # nats a place for twice as many lanes: halves of what is spread evenly gain less
_LEFT = 0.1  # share of the things in a lane that are in another one step later
_FEWEST = 10  # things that tell of a lane
_MOST_PLACES = 3_000  # drawn for it, at most


def find_lanes(middle: Floats, seed: int) -> tuple[Ints, int | None]:
    """Return the lane of each place, (n,), and the axis across: 0 if lanes are rows, 1 if columns.

    How many there are is what a mixture of Gaussians over one axis explains best, less a cost for
    each. The axis is None where there are no lanes: all is one then.

    Args:
        middle: (n, 2) places of things of one kind.
        seed: Decides where the mixture starts.
    """
    some = middle
    if len(middle) > _MOST_PLACES:
        chosen = np.random.default_rng(seed).choice(len(middle), _MOST_PLACES, replace=False)
        some = middle[chosen]
    best, gain, across = None, _GAIN, None
    for axis in (0, 1):
        line = some[:, axis : axis + 1].astype(np.float64)
        alone = _fitted(line, 1, seed).score(line)
        for count in range(2, min(MOST_LANES, len(line) // _A_LANE) + 1):
            mixture = _fitted(line, count, seed)
            spread = np.average(np.sqrt(mixture.covariances_.ravel()), weights=mixture.weights_)
            gained = mixture.score(line) - _COST * np.log2(count) - alone
            if spread < NARROW and gained > gain:
                best, gain, across = mixture, gained, axis
    if best is None or across is None:
        return np.zeros(len(middle), np.int64), None
    order = np.argsort(np.argsort(best.means_.ravel()))  # from the top, or from the left
    lane: Ints = order[best.predict(middle[:, across : across + 1].astype(np.float64))]
    return lane.astype(np.int64), across


def that_are_left(
    lines: Floats, before: tuple[Ints, Floats], after: tuple[Ints, Floats]
) -> NDArray[np.bool_]:
    """Return (m,) which lanes things leave from one step to the next: those are none.

    A ship that rises and sinks may rest at a few heights, and a missile is seen in a few rows only.

    Args:
        lines: (m,) where lanes are, across.
        before: The step of each of n things, and where it is across, (n,).
        after: The same one step later.
    """
    steps = 1 + int(max(part[0].max(initial=-1) for part in (before, after)))
    count = np.zeros((2, steps, len(lines)), np.int64)
    for one, (step, place) in enumerate((before, after)):
        np.add.at(count[one], (step, np.abs(place[:, None] - lines).argmin(1)), 1)
    whole = count[1].sum(1) >= count[0].sum(1)  # steps in which nothing vanishes
    there, kept = count[0, whole].sum(0), count.min(0)[whole].sum(0)
    left: NDArray[np.bool_] = (kept < (1 - _LEFT) * there) & (there >= _FEWEST)
    return left


def is_narrow(middle: Floats) -> NDArray[np.bool_]:
    """Return (2,) whether places (n, 2) keep to a row, and to a column."""
    narrow: NDArray[np.bool_] = middle.std(0) < NARROW
    return narrow


def _fitted(line: NDArray[np.float64], count: int, seed: int) -> GaussianMixture:
    from sklearn.mixture import GaussianMixture  # takes a second to load, as in looks.py

    mixture = GaussianMixture(count, reg_covar=(MIN_SPREAD / 2) ** 2, n_init=2, random_state=seed)
    with warnings.catch_warnings():  # fewer different places than lanes: one of them stays empty
        warnings.simplefilter("ignore")
        return mixture.fit(line)
