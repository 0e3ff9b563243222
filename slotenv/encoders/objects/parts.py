"""Pieces that are no things: what the edge cuts off, second images, patterns from edge to edge."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from slotenv.encoders.objects.kinds import FEWEST, Seen
from slotenv.encoders.objects.looks import fit_of, learn_some
from slotenv.encoders.objects.pieces import Ints, Pieces, Screen

_APART = 0.08  # half screens, at most, between two images of a thing: about seven pixels
_MOSTLY = 0.5  # share of its pieces that must be cut off, or in a pattern
_LESS = 0.9  # of the pixels that pieces of the other look have on average
_OFTEN = 0.5  # of how often the smaller one is there
_IN_PATTERN = 4  # pieces in a row, at least
_EVEN = 0.03  # half screens by which gaps between them may differ: two pixels
_ROOM = 1.5  # gaps from the last one to the edge, where another one may be cut off
_ROWS = 50  # that half a screen is divided into


def cut_off(seen: Seen, pieces: Pieces, look: Ints) -> NDArray[np.bool_]:
    """Return (L,) which looks are what the edge of the playing field leaves of other looks.

    Most of its pieces are at an edge, above and below or at the sides; they fit a look whose pieces
    mostly are not, and are smaller. What goes along the edge, such as in a corridor, is no less for
    that, and what it is part of when it touches something is rarer.
    """
    usable = (seen.often >= FEWEST) & ~seen.scenery
    known = look >= 0
    count = np.maximum(np.bincount(look[known], minlength=len(usable)), 1)
    pixels = np.bincount(look[known], pieces.mass[known], len(usable)) / count
    found = np.zeros(len(usable), np.bool_)
    for cut in pieces.cut.T:
        share = np.bincount(look[known], cut[known], len(usable)) / count
        whole = np.flatnonzero(usable & (share <= _MOSTLY))
        if not len(whole):
            continue
        looks = learn_some(pieces, look, whole)
        for number in np.flatnonzero(usable & (share > _MOSTLY)):
            own = pieces.select(np.flatnonzero(look == number))
            fit = fit_of(looks, own)
            of = whole[fit.argmax(1)]
            left = (own.mass < _LESS * pixels[of]) & (fit.max(1) > 0)
            left &= seen.often[of] > _OFTEN * seen.often[number]
            found[number] |= left.mean() > _MOSTLY
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


def patterns(pieces: Pieces, look: Ints, num_looks: int, screen: Screen) -> NDArray[np.bool_]:
    """Return (L,) which looks are patterns: lines on a road, columns of a hall.

    Most of its pieces are in rows of four or more with equal gaps, and the field has no room for
    another whole one at either end. A formation of invaders has room to move.
    """
    width = screen.shape[1]
    left, right = (0, width) if screen.field is None else screen.field[[1, 3]]
    rows = np.flatnonzero(look >= 0)
    middle = pieces.middle[rows]
    line = pieces.frame[rows] * num_looks + look[rows]
    line = line * (2 * _ROWS + 1) + np.round((middle[:, 0] + 1) * _ROWS).astype(np.int64)
    order = np.lexsort((middle[:, 1], line))
    line, column = line[order], middle[order, 1]
    begin = np.flatnonzero(np.diff(line, prepend=-1))
    if not len(begin):
        return np.zeros(num_looks, np.bool_)
    end = np.append(begin[1:], len(line))
    gap, inside = np.diff(column, append=np.inf), np.ones(len(line), np.bool_)
    inside[end - 1] = False
    widest = np.maximum.reduceat(np.where(inside, gap, -np.inf), begin)
    narrowest = np.minimum.reduceat(np.where(inside, gap, np.inf), begin)
    full = (end - begin >= _IN_PATTERN) & (widest - narrowest < _EVEN)
    room = _ROOM * widest
    full &= column[begin] - room < 2 * left / width - 1
    full &= column[end - 1] + room > 2 * right / width - 1
    in_full = np.repeat(full, end - begin)
    of = look[rows][order]
    count = np.bincount(of, minlength=num_looks)
    found: NDArray[np.bool_] = np.bincount(of, in_full, num_looks) > _MOSTLY * np.maximum(count, 1)
    return found
