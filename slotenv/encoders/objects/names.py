"""Names: which of several things that are alike has which slot.

Robots walk about, a ship and its shots have the same colours. Such things can be told apart by
place, or by place and size; what is best is what lets most of them keep their slots from one step
to the next. In a lane they are told apart from left to right.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment  # type: ignore[import-untyped]

from slotenv.encoders.objects.kinds import Steps, pairs_of
from slotenv.encoders.objects.looks import MIN_SIZE, MIN_SPREAD
from slotenv.encoders.objects.pieces import Floats, Ints, Pieces, position_within

PLACES, SIZES = slice(0, 2), slice(2, 4)
"""Where features have row and column, and log height and log width."""
_ANY_SIZE = 10.0  # log spread of sizes that tell nothing
_LEAST = np.array([MIN_SPREAD, MIN_SPREAD, 0.1, 0.1], np.float32)  # spread of each feature
_FRAMES = 300  # spread over all, that names are fitted to
_ROUNDS = 6
_BETTER = 0.03  # share of the things that must keep their slots more often than by place


class Names(NamedTuple):
    """How the things of one group are told apart.

    Attributes:
        in_order: Whether from left to right; else by what is nearest to their means, one to one.
        mean: (K, 4) row, column, log of height and of width.
        spread: (K, 4) log of how far from there.
    """

    in_order: bool
    mean: Floats
    spread: Floats

    @property
    def by_size(self) -> bool:
        """Whether their sizes help to tell them apart."""
        return bool((self.spread[:, SIZES] < _ANY_SIZE).any())


class Passing(NamedTuple):
    """Things of one group in one step: features before (n, 4) and after (m, 4), and which pairs."""

    before: Floats
    after: Floats
    rows: Ints
    columns: Ints


def passing_of(steps: Steps, looks: Ints) -> list[Passing]:
    """Return what passes of the things of some looks, step by step."""
    found = []
    before, after = (np.flatnonzero(np.isin(of, looks)) for of in (steps[1], steps[3]))
    z = features(steps.before), features(steps.after)
    for rows, columns in pairs_of(steps):
        kept = np.isin(rows, before) & np.isin(columns, after)
        if kept.any():
            one, other = (
                own[pieces.frame[own] == pieces.frame[some[0]]]
                for own, pieces, some in ((before, steps[0], rows), (after, steps[2], columns))
            )
            found.append(
                Passing(
                    z[0][one],
                    z[1][other],
                    np.searchsorted(one, rows[kept]),
                    np.searchsorted(other, columns[kept]),
                )
            )
    return found


def features(pieces: Pieces) -> Floats:
    """Return (N, 4) what things are told apart by: row, column, log height, log width."""
    size = 0.5 * np.log(np.maximum(pieces.variance, MIN_SIZE**2))
    return np.concatenate([pieces.middle, size], axis=1)


def nearest(z: Floats, mean: Floats, spread: Floats) -> Ints:
    """Return for the things of one frame, (n, 4), which of K >= n means fit best, one to one."""
    away = ((z[:, None] - mean) ** 2 * np.exp(-2 * spread)).sum(-1)
    taken: Ints = linear_sum_assignment(away + 2 * spread.sum(-1))[1]
    return taken


def find_names(
    frame: Ints, z: Floats, rank: Ints, count: int, steps: list[Passing], *, in_order: bool
) -> Names:
    """Return how ``count`` things of one group are told apart.

    Args:
        frame: (n,) the frame of each of the group's pieces, ascending.
        z: (n, 4) their features.
        rank: (n,) which of its frame each is in reading order.
        count: K.
        steps: The group's things, step by step.
        in_order: Whether the group keeps to a lane in which its things pass each other's places.
    """
    by_rank = _measured(z, rank, count)
    plain = Names(in_order, by_rank.mean, _any_size(by_rank.spread))
    if count == 1 or not steps or in_order:
        return plain
    size = -z[:, 2:].sum(1)
    by_size = position_within(frame)[np.argsort(np.lexsort((size, frame)), kind="stable")]
    tried = [plain, *(_fitted(frame, z, start, count) for start in (rank, by_size))]
    kept = [_kept(names, steps) for names in tried]
    best = int(np.argmax(kept))
    return tried[best] if kept[best] > kept[0] + _BETTER else plain


def name(names: Names, z: Floats) -> Ints:
    """Return the slot of each thing of one frame, (n, 4); -1 for those beyond K."""
    slot = np.full(len(z), -1, np.int64)
    if names.in_order:
        order = np.argsort(z[:, 1], kind="stable")[: len(names.mean)]
        slot[order] = np.arange(len(order))
    elif len(z) <= len(names.mean):
        slot[:] = nearest(z, names.mean, names.spread)
    return slot


def _kept(names: Names, steps: list[Passing]) -> float:
    """Return the share of things that have the same slot before and after a step."""
    same, all_ = 0, 0
    for step in steps:
        before, after = name(names, step.before)[step.rows], name(names, step.after)[step.columns]
        known = (before >= 0) & (after >= 0)
        same += int((before == after)[known].sum())
        all_ += int(known.sum())
    return same / max(all_, 1)


def _fitted(frame: Ints, z: Floats, start: Ints, count: int) -> Names:
    """Fit means to things that start as those of a rank: each frame's go to the nearest ones."""
    begin = np.flatnonzero(np.diff(frame, prepend=-1))
    chosen = begin[np.linspace(0, len(begin) - 1, min(_FRAMES, len(begin))).astype(int)]
    end = np.append(begin, len(frame))[np.searchsorted(begin, chosen) + 1]
    names, slot = _measured(z, start, count), start.copy()
    for _ in range(_ROUNDS):
        slot[:] = count  # not looked at
        for first, last in zip(chosen, end, strict=True):
            if last - first <= count:
                slot[first:last] = nearest(z[first:last], names.mean, names.spread)
        names = _measured(z, slot, count, names)
    return names


def _measured(z: Floats, slot: Ints, count: int, before: Names | None = None) -> Names:
    """Measure means and spreads of things (n, 4) in slots; of an empty slot they stay as before."""
    mean = np.zeros((count, 4), np.float32) if before is None else before.mean.copy()
    spread = np.zeros((count, 4), np.float32) if before is None else before.spread.copy()
    for one in range(count):
        if (own := z[slot == one]).size:
            mean[one] = own.mean(0)
            spread[one] = 0.5 * np.log(own.var(0) + _LEAST**2)
    return Names(False, mean, spread)


def _any_size(spread: Floats) -> Floats:
    wide: NDArray[np.float32] = spread.copy()
    wide[:, 2:] = _ANY_SIZE
    return wide
