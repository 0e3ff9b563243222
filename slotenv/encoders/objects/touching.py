"""Things that touch: one connected piece that is several things of other colours."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from slotenv.encoders.objects.kinds import FEWEST, Seen
from slotenv.encoders.objects.looks import Looks, fit_of, learn_some
from slotenv.encoders.objects.pieces import (
    Floats,
    Ints,
    Pieces,
    Runs,
    Screen,
    connect,
    find_pieces,
    gather,
    largest,
    position_within,
)

COVERED = 0.7
"""Share of its pixels that looks of others must have, if it is several that touch."""
_SECOND = 0.15  # share of a second colour from which on a look may be two things that touch
_FEW = 3  # parts of a piece of which each may be one thing and what is left another
_MOSTLY = 0.5  # share of its pieces that must be two others
_STRANGE = 0.08  # share of a colour from which on it counts
_NOT_ITS_OWN = np.log(0.03)  # log share of a colour that a look hardly ever has


class Parts(NamedTuple):
    """Pieces taken apart: P parts of one colour each.

    Attributes:
        runs: The runs of all parts.
        of: (n,) the part of each.
        parts: What there is to know of parts.
        owner: (P,) the piece that each is of.
    """

    runs: Runs
    of: Ints
    parts: Pieces
    owner: Ints

    def largest(self, chosen: Ints) -> Ints:
        """Return the few largest of some parts, (m,), of each piece: more are no two things."""
        order = chosen[np.lexsort((-self.parts.mass[chosen], self.owner[chosen]))]
        kept: Ints = order[position_within(self.owner[order]) < _FEW]
        return kept

    def rest(self, chosen: Ints, screen: Screen) -> tuple[Ints, Pieces]:
        """Return what else there is of a part's piece, for some parts, (m,).

        The rest is one piece, of all its colours. Returned are which of ``chosen`` have a rest, and
        the rests.
        """
        owner = self.owner[self.of]
        order = np.argsort(owner, kind="stable")
        begin = np.searchsorted(owner[order], self.owner[chosen])
        count = np.searchsorted(owner[order], self.owner[chosen], side="right") - begin
        asked = np.repeat(np.arange(len(chosen)), count)
        within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        run = order[np.repeat(begin, count) + within]
        other = self.of[run] != chosen[asked]
        have, number = np.unique(asked[other], return_inverse=True)
        return have, gather(self.runs.select(run[other]), number, screen)


def take_apart(runs: Runs, piece: Ints, screen: Screen) -> Parts:
    """Take pieces apart colour by colour, from their runs and the piece of each, (n,)."""
    part = connect(runs, screen.shape, runs.colour)
    kept = largest(runs, part)
    if not kept.all():
        runs, piece = runs.select(kept), piece[kept]
        part = np.unique(part[kept], return_inverse=True)[1]
    owner = np.zeros(int(part.max(initial=-1)) + 1, np.int64)
    owner[part] = piece
    return Parts(runs, part, gather(runs, part, screen), owner)


def separate(looks: Looks, runs: Runs, screen: Screen) -> tuple[Pieces, Floats]:
    """Return the connected pieces of frames and their fit; of those that touch, each by itself.

    Two things that touch are one piece. If it is of no look, or has a colour that its look has not,
    it is taken apart: into a part of one colour and the rest of it, if both are of looks, and else
    colour by colour. A piece of a look stays whole if its parts are not of two.
    """
    runs, piece, whole = find_pieces(runs, screen, apart=runs.scenery)
    fit = fit_of(looks, whole)
    look, fits = fit.argmax(1), fit.max(1) > 0
    has_not = looks.colours[look] < _NOT_ITS_OWN
    strange = fits & (has_not & (whole.colours > _STRANGE)).any(1)
    asked = ~fits | strange
    if not asked.any():
        return whole, fit
    apart = take_apart(runs.select(asked[piece]), piece[asked[piece]], screen)
    fit_of_parts = fit_of(looks, apart.parts)
    part, rest, fit_of_rest = _in_two(looks, apart, fit_of_parts, screen)
    in_two = np.zeros(len(fits), np.bool_)
    in_two[apart.owner[part]] = True
    known = np.bincount(apart.owner[fit_of_parts.max(1) > 0], minlength=len(fits))
    in_parts = asked & ~in_two & (~fits | (known > 1))
    some = np.concatenate([part, np.flatnonzero(in_parts[apart.owner])])
    kept = ~(in_two | in_parts)
    pieces = whole.select(kept).join(apart.parts.select(some)).join(rest)
    return pieces, np.concatenate([fit[kept], fit_of_parts[some], fit_of_rest])


def unknown(looks: Looks, runs: Runs, screen: Screen) -> Runs:
    """Return the runs of pieces that are of no look, nor several that touch."""
    runs, piece, pieces = find_pieces(runs, screen, apart=runs.scenery)
    strange = (fit_of(looks, pieces).max(1) <= 0)[piece]
    apart = take_apart(runs.select(strange), piece[strange], screen)
    fit_of_parts = fit_of(looks, apart.parts)
    part, _, _ = _in_two(looks, apart, fit_of_parts, screen)
    pixels, known = apart.parts.mass, fit_of_parts.max(1) > 0
    covered = np.bincount(apart.owner, pixels * known, len(pieces.frame))
    is_known = covered > COVERED * pieces.mass
    is_known[apart.owner[part]] = True
    return runs.select(strange & ~is_known[piece])


def _in_two(
    looks: Looks, apart: Parts, fit_of_parts: Floats, screen: Screen
) -> tuple[Ints, Pieces, Floats]:
    """Return parts that are of looks as the rest of their pieces is, those rests, and their fit.

    Of each piece there is one part at most: that with which its pixels fit best, if they do not fit
    better colour by colour.
    """
    best = fit_of_parts.max(1, initial=-np.inf)
    chosen = apart.largest(np.flatnonzero(best > 0))
    have, rest = apart.rest(chosen, screen)
    fit = fit_of(looks, rest)
    part, whole = chosen[have], np.bincount(apart.owner, np.maximum(best, 0) * apart.parts.mass)
    surely = best[part] * apart.parts.mass[part] + fit.max(1) * rest.mass
    both = np.flatnonzero((fit.max(1) > 0) & (surely > whole[apart.owner[part]]))
    order = both[np.lexsort((-surely[both], apart.owner[part[both]]))]
    order = order[np.diff(apart.owner[part[order]], prepend=-1) != 0]
    return part[order], rest.select(order), fit[order]


def two_that_touch(
    seen: Seen, pieces: Pieces, look: Ints, piece: Ints, runs: Runs, screen: Screen
) -> NDArray[np.bool_]:
    """Return (L,) which looks are two things of other colours that touch.

    Most of its pieces are, colour by colour, of at least two looks of single things; or one part of
    it is, and the rest of another look, and both are seen more often than they are seen to touch.
    """
    usable = (seen.often >= FEWEST) & ~seen.scenery
    mixed = usable & (np.sort(seen.colours, axis=1)[:, -2] > _SECOND)
    single = np.flatnonzero(usable & ~mixed)
    touching = np.zeros(len(usable), np.bool_)
    if not len(single) or not mixed.any():
        return touching
    known = learn_some(pieces, look, single)
    all_ = np.flatnonzero(usable)
    every = learn_some(pieces, look, all_)
    for number in np.flatnonzero(mixed):
        own = np.flatnonzero(look == number)
        rows = np.isin(piece, own)
        apart = take_apart(runs.select(rows), np.searchsorted(own, piece[rows]), screen)
        fit = fit_of(known, apart.parts)
        fits, whose = fit.max(1) > 0, single[fit.argmax(1)]
        mass = np.bincount(apart.owner, apart.parts.mass, len(own))
        covered = np.bincount(apart.owner[fits], apart.parts.mass[fits], len(own))
        looks = np.unique(np.stack([apart.owner[fits], whose[fits]]), axis=1)[0]
        several = np.bincount(looks, minlength=len(own)) >= 2
        is_two = several & (covered > COVERED * mass)
        chosen = apart.largest(np.flatnonzero(fits & (seen.often[whose] > seen.often[number])))
        have, rest = apart.rest(chosen, screen)
        fit = fit_of(every, rest)
        fit[:, all_ == number] = -np.inf
        others = all_[fit.argmax(1)]
        other = (fit.max(1) > 0) & (seen.often[others] > seen.often[number])
        other &= others != whose[chosen[have]]
        is_two[apart.owner[chosen[have[other]]]] = True
        touching[number] = is_two.mean() > _MOSTLY
    return touching
