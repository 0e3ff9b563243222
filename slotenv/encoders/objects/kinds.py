"""Kinds of things: looks that one thing has by turns, told by what follows what.

A robot that walks has several looks, and a demon has others in each wave. Two looks are of one kind
if one goes over into the other at the same place, a quarter as often as it stays what it is; or if
they are never there together though they come in the same places, in like sizes, and in like
colours or several at a time. What changes its colour all the time is told by its size, which stays,
if there would be two of them together now and then by chance. Ghosts of other colours stay kinds of
their own.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment  # type: ignore[import-untyped]

from slotenv.encoders.objects.looks import MIN_SIZE
from slotenv.encoders.objects.pieces import Floats, Ints, Pieces

AT_ONCE = 0.95
"""Quantile, over frames in which a kind is there, of how many of it are there at once."""
FEWEST = 0.01  # share of the frames in which a kind must be there
_REACH = 0.11  # half screens that a thing moves in one step, at most: about ten pixels
_ANOTHER = 0.03  # what a change of look counts when things are followed, in such lengths
_STILL = 0.02  # share of the steps: what moves in fewer stands still
STEP = 0.009  # half screens: what moves less does not move, about three quarters of a pixel
_SCENERY = 0.7  # share of the pieces of a look that have colours of the background nearby
_ALONE = 0.5  # share of the frames in which there is one: a small thing for all its colours
_SMALL = 0.15  # half screens: what is narrower and lower
_LARGE = 0.9  # half screens: what is wider or taller, and goes beyond the edge, is scenery
_AT_EDGE = 0.5  # share of the pieces of a look that do
_GOES_OVER = 0.3  # share of the steps, of those in which it stays or goes over
_FEWEST_STEPS = 3
_TOGETHER = 0.1  # share of the steps in which the rarer is there: with fewer, they take turns
_LIKE_COLOURS = 0.8  # Bhattacharyya coefficient
_LIKE_SIZE = 0.7  # log of the factor between two extents: about two
_SAME_SIZE = 0.5  # the same where colours differ
_ONE_SIZE = 0.1  # the same of what changes its colour
_BY_CHANCE = 5  # steps, at least, that both would be there in if neither knew of the other
_TURNS = 0.2  # share of those that they may be
_ROUND = 0.03  # half screens that are added to how far looks spread


class Steps(NamedTuple):
    """Pieces of frames t and of those one step later, and their looks (-1 for none)."""

    before: Pieces
    look_before: Ints
    after: Pieces
    look_after: Ints


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What was seen of L looks.

    Attributes:
        often: (L,) share of the frames in which each is there.
        count: (n, L) how many of each are in each frame.
        there: (m, L) bool, whether each is there in each step, before or after it.
        goes: (L, L) how often a thing of one look has another one step later.
        moves: (L,) share of the steps in which things of each look move; 1 without steps.
        middle, spread: (L, 2) where it is, and how far from there.
        size: (L, 2) log of its extent.
        colours: (L, C) shares.
        scenery: (L,) bool, whether it is background that moves.
    """

    often: Floats
    count: Ints
    there: NDArray[np.bool_]
    goes: NDArray[np.float64]
    moves: NDArray[np.float64]
    middle: Floats
    spread: Floats
    size: Floats
    colours: Floats
    scenery: NDArray[np.bool_]

    @property
    def still(self) -> NDArray[np.bool_]:
        """(L,) whether each stands still."""
        still: NDArray[np.bool_] = self.moves < _STILL
        return still


def look_around(
    pieces: Pieces, look: Ints, num_looks: int, num_frames: int, steps: Steps | None
) -> Seen:
    """Gather what was seen of looks in a sample of frames, and in steps, if there are any."""
    known = look >= 0
    count = np.zeros((num_frames, num_looks), np.int64)
    np.add.at(count, (pieces.frame[known], look[known]), 1)
    middle = pieces.middle
    of = [np.flatnonzero(look == number) for number in range(num_looks)]
    empty = np.array([len(rows) == 0 for rows in of], np.bool_)
    rows_of = [rows if len(rows) else np.zeros(1, np.int64) for rows in of]
    size = 0.5 * np.log(np.maximum(pieces.variance, MIN_SIZE**2))
    extent = np.sqrt(12 * np.maximum(pieces.variance, 0))
    reach = np.array([extent[rows].mean(0).max() for rows in rows_of])
    scenery = np.array([pieces.scenery[rows].mean() > _SCENERY for rows in rows_of])
    at_edge = np.array([pieces.cut[rows].any(1).mean() > _AT_EDGE for rows in rows_of])
    alone = ((count == 1).mean(0) > _ALONE) & (reach < _SMALL)
    there, goes, moves = (count > 0), np.zeros((num_looks, num_looks)), np.ones(num_looks)
    if steps is not None:
        there, goes, moves = _follow(steps, num_looks)
    return Seen(
        often=(count > 0).mean(0),
        count=count,
        there=there,
        goes=goes,
        moves=moves,
        middle=np.stack([middle[rows].mean(0) for rows in rows_of]),
        spread=np.stack([middle[rows].std(0) for rows in rows_of]) + np.float32(_ROUND),
        size=np.stack([size[rows].mean(0) for rows in rows_of]),
        colours=np.stack([pieces.colours[rows].mean(0) for rows in rows_of]),
        scenery=(scenery & ~alone) | ((reach > _LARGE) & at_edge) | empty,
    )


def _follow(
    steps: Steps, num_looks: int
) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.float64]]:
    """Return which looks are there in each step, what goes over into what, and what moves."""
    num_steps = max(steps.before.frame.max(initial=-1), steps.after.frame.max(initial=-1)) + 1
    there = np.zeros((num_steps, num_looks), np.bool_)
    for pieces, look in (steps[:2], steps[2:]):
        there[pieces.frame[look >= 0], look[look >= 0]] = True
    goes, moved = np.zeros((num_looks, num_looks)), np.zeros(num_looks)
    middle = steps.before.middle, steps.after.middle
    for rows, columns in pairs_of(steps):
        one, other = steps.look_before[rows], steps.look_after[columns]
        known = (one >= 0) & (other >= 0)
        np.add.at(goes, (one[known], other[known]), 1)
        same = known & (one == other)
        far = (np.abs(middle[0][rows] - middle[1][columns]) > STEP).any(1)
        np.add.at(moved, one[same], far[same])
    moves = moved / np.maximum(np.diag(goes), 1)
    moves[goes.sum(0) + goes.sum(1) == 0] = 1.0  # it flies too far in one step to be followed
    return there, goes, moves


def pairs_of(steps: Steps) -> Iterator[tuple[Ints, Ints]]:
    """Yield, step by step, which pieces before and after are one thing: the nearest ones."""
    before, after = steps.before.frame, steps.after.frame
    for step in np.intersect1d(before, after):
        rows, columns = np.flatnonzero(before == step), np.flatnonzero(after == step)
        away = steps.before.middle[rows][:, None] - steps.after.middle[columns][None]
        cost = np.hypot(away[..., 0], away[..., 1])
        near = cost < _REACH
        cost = cost + _ANOTHER * (steps.look_before[rows][:, None] != steps.look_after[columns])
        one, other = linear_sum_assignment(np.minimum(cost, _REACH))
        kept = near[one, other]
        yield rows[one[kept]], columns[other[kept]]


def find_kinds(seen: Seen) -> Ints:
    """Return the kind of each look, (L,), numbered from 0; -1 for scenery and what is rare.

    The two looks that are most surely one kind are joined, again and again.
    """
    kept = (seen.often >= FEWEST) & ~seen.scenery
    members = {int(look): [int(look)] for look in np.flatnonzero(kept)}
    sure = {
        (one, other): _how_surely(seen, members[one], members[other])
        for one in members
        for other in members
        if one < other
    }
    while sure:
        (one, other), most = max(sure.items(), key=lambda pair: pair[1])
        if most <= 0:
            break
        members[one] += members.pop(other)
        sure = {pair: value for pair, value in sure.items() if other not in pair}
        for third in members:
            if third != one:
                pair = min(one, third), max(one, third)
                sure[pair] = _how_surely(seen, members[one], members[third])
    kind = np.full(len(kept), -1, np.int64)
    for number, looks in enumerate(members.values()):
        kind[looks] = number
    return kind


def _how_surely(seen: Seen, one: list[int], other: list[int]) -> float:
    """Return more than 0 if two groups of looks are of one kind, and more the surer that is."""
    if seen.still[one].all() != seen.still[other].all():
        return 0.0
    weight_one, weight_other = seen.often[one], seen.often[other]
    size_one = np.average(seen.size[one], axis=0, weights=weight_one)
    size_other = np.average(seen.size[other], axis=0, weights=weight_other)
    factor = float(np.abs(size_one - size_other).max())
    at_once = [
        np.quantile(c[c > 0], AT_ONCE) for c in (seen.count[:, g].sum(1) for g in (one, other))
    ]
    if factor > _LIKE_SIZE or max(at_once) > 2 * min(at_once):
        return 0.0
    over = seen.goes[np.ix_(one, other)].sum() + seen.goes[np.ix_(other, one)].sum()
    stays = np.sqrt(seen.goes[np.ix_(one, one)].sum() * seen.goes[np.ix_(other, other)].sum())
    if over >= _FEWEST_STEPS and (share := over / (over + stays)) > _GOES_OVER:
        return 1.0 + float(share)
    there_one, there_other = seen.there[:, one].any(1), seen.there[:, other].any(1)
    rarer = max(min(there_one.sum(), there_other.sum()), 1)
    both = max((there_one & there_other).sum() - over, 0)  # one that becomes the other is one
    tint = np.sqrt(seen.colours[one].mean(0) * seen.colours[other].mean(0)).sum()
    alike = tint > _LIKE_COLOURS
    by_chance = rarer * max(there_one.mean(), there_other.mean())
    turns = over >= _FEWEST_STEPS and by_chance >= _BY_CHANCE and both < _TURNS * by_chance
    turns = turns and factor < _ONE_SIZE
    if both > _TOGETHER * rarer or seen.still[one].all():
        return 0.0
    if not (alike or turns or min(at_once) >= 2):
        return 0.0
    if not alike and factor > _SAME_SIZE:
        return 0.0
    middle_one = np.average(seen.middle[one], axis=0, weights=weight_one)
    middle_other = np.average(seen.middle[other], axis=0, weights=weight_other)
    reach = seen.spread[one].max(0) + seen.spread[other].max(0)
    if (np.abs(middle_one - middle_other) > reach).any():
        return 0.0
    return 1.0 - factor / 2 - float(both / rarer)
