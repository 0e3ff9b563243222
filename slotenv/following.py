"""Things that are alike, followed from step to step: which of them has which slot.

An encoder sees one frame. Of monsters that roam it can say where they are, not which was which a
step before. Here each keeps the slot that it had: a thing is where it was expected to be, by its
last place and velocity.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment  # type: ignore[import-untyped]

REACH = 0.9  # tenths of the screen: what is farther from where it was expected is another thing
_CUT = 0.5  # share of the things of the step before: if fewer are found again, the scene was cut

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.intp]


def keep_slots(
    places: Floats, seen: NDArray[np.bool_], expected: Floats, known: NDArray[np.bool_]
) -> Ints:
    """Return which of the k encoded slots goes to each of k slots, (k,), each to one.

    Things are paired with slots so that the sum of distances is smallest. Those that are new keep
    the slot they were encoded in if nobody has it, else they get one that is free: first of those
    that are known of nothing. If less than half of what there was is found again, as in another
    room, all stay as they were encoded.

    Args:
        places: (k, 2) where the things are that were encoded in each, in tenths of the screen.
        seen: (k,) whether there is one.
        expected: (k, 2) where the things of the step before should be by now.
        known: (k,) whether a slot has one, be it hidden.
    """
    here, live = np.flatnonzero(seen), np.flatnonzero(known)
    order = np.full(len(seen), -1, np.intp)
    if len(here) and len(live):
        away = places[here][:, None] - expected[live]
        distance = np.hypot(away[..., 0], away[..., 1])
        rows, columns = _pairs(distance)
        if len(rows) < _CUT * min(len(here), len(live)):
            return np.arange(len(seen))
        order[live[columns]] = here[rows]
        here = np.delete(here, rows)
    crowded = []
    for slot in here.tolist():
        if order[slot] < 0 and not known[slot]:
            order[slot] = slot
        else:
            crowded.append(slot)
    free = np.flatnonzero(order < 0)
    free = free[np.argsort(known[free], kind="stable")]
    order[free] = [*crowded, *np.flatnonzero(~seen)]
    return order


def _pairs(distance: Floats) -> tuple[Ints, Ints]:
    """Pair rows and columns that are near enough, so that the sum of distances is smallest."""
    nearest = distance.argmin(1)
    rows = np.arange(len(distance))
    if len(set(nearest.tolist())) < len(nearest):  # else each has its own nearest one
        rows, nearest = linear_sum_assignment(np.minimum(distance, REACH))
    near = distance[rows, nearest] < REACH
    return rows[near], nearest[near]
