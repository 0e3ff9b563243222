"""Pieces that are no things of their own: two that touch, what the edge cuts off, second images."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from slotenv.encoders.objects.kinds import FEWEST, Seen
from slotenv.encoders.objects.looks import Looks, fit_of, learn
from slotenv.encoders.objects.pieces import Floats, Ints, Pieces, Runs
from slotenv.encoders.objects.sharing import by_colour

COVERED = 0.7
"""Share of its pixels that looks of others must have, if it is several that touch."""
_SECOND = 0.15  # share of a second colour from which on a look may be two things that touch
_APART = 0.08  # half screens, at most, between two images of a thing: about seven pixels
_MOSTLY = 0.5  # share of its pieces that must be two others, or cut off


def two_that_touch(
    seen: Seen,
    pieces: Pieces,
    look: Ints,
    piece: Ints,
    runs: Runs,
    shape: tuple[int, int],
    brightness: Floats,
) -> NDArray[np.bool_]:
    """Return (L,) which looks are two things of other colours that touch.

    Most of its pieces are, colour by colour, of at least two looks of single things.
    """
    usable = (seen.often >= FEWEST) & ~seen.scenery
    mixed = usable & (np.sort(seen.colours, axis=1)[:, -2] > _SECOND)
    single = np.flatnonzero(usable & ~mixed)
    touching = np.zeros(len(usable), np.bool_)
    if not len(single) or not mixed.any():
        return touching
    known = _learned(pieces, look, single)
    for number in np.flatnonzero(mixed):
        rows = np.flatnonzero(look == number)
        parts = by_colour(runs.select(np.isin(piece, rows)), shape, brightness)
        fit = fit_of(known, parts)
        fits, whose = fit.max(1) > 0, fit.argmax(1)
        frames = np.unique(pieces.frame[rows])
        mass = np.bincount(parts.frame, parts.moments[:, 0], minlength=frames[-1] + 1)
        covered = np.bincount(parts.frame[fits], parts.moments[fits, 0], minlength=frames[-1] + 1)
        looks = np.unique(np.stack([parts.frame[fits], whose[fits]]), axis=1)[0]
        several = np.bincount(looks, minlength=frames[-1] + 1) >= 2
        is_two = several & (covered > COVERED * mass)
        touching[number] = is_two[frames].mean() > _MOSTLY
    return touching


def cut_off(seen: Seen, pieces: Pieces, look: Ints) -> NDArray[np.bool_]:
    """Return (L,) which looks are what the edge of the screen leaves of other looks.

    Most of its pieces are at an edge, and fit a look whose pieces mostly are not.
    """
    usable = (seen.often >= FEWEST) & ~seen.scenery
    known = look >= 0
    at_edge = np.bincount(look[known], pieces.cut.max(1)[known], len(usable))
    share = at_edge / np.maximum(np.bincount(look[known], minlength=len(usable)), 1)
    whole = np.flatnonzero(usable & (share <= _MOSTLY))
    found = np.zeros(len(usable), np.bool_)
    if len(whole):
        looks = _learned(pieces, look, whole)
        for number in np.flatnonzero(usable & (share > _MOSTLY)):
            fit = fit_of(looks, pieces.select(np.flatnonzero(look == number)))
            found[number] = (fit.max(1) > 0).mean() > _MOSTLY
    return found


def second_images(pieces: Pieces, look: Ints, moving: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which pieces, (N,), are second images of things in the maximum of two frames.

    Those are near another piece of the same look, in rows and in columns, if things of the look,
    (L,), are ``moving``.
    """
    found = np.zeros(len(look), np.bool_)
    rows = np.flatnonzero((look >= 0) & moving[look])
    rows = rows[np.lexsort((look[rows], pieces.frame[rows]))]
    middle, cell = pieces.middle[rows], pieces.frame[rows] * len(moving) + look[rows]
    cuts = np.flatnonzero(np.diff(cell, prepend=-1, append=-1))
    for start, end in pairwise(cuts.tolist()):
        if end - start > 1:
            near = (np.abs(middle[start:end, None] - middle[start:end]) < _APART).all(-1)
            for n in range(1, end - start):
                found[rows[start + n]] = (near[n, :n] & ~found[rows[start : start + n]]).any()
    return found


def _learned(pieces: Pieces, look: Ints, some: Ints) -> Looks:
    """Return what is known of some looks, in their order."""
    renumbered = np.full(int(look.max()) + 2, -1)
    renumbered[some] = np.arange(len(some))
    return learn(pieces, renumbered[look], len(some))
