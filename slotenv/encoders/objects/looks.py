"""What pieces look like: colours and extent, found as clusters, and how well a piece fits each.

A look is a cluster of pieces, over all frames, in their colours and the logarithm of their extent:
a ghost seen from the left, a robot with its arms up, two digits side by side. How many looks there
are comes from the frames (DBSCAN, https://dl.acm.org/doi/10.5555/3001460.3001507): pieces between
two looks, such as half a ghost behind a wall, join them only if there are many.
"""

import math
from typing import NamedTuple

import numpy as np

from slotenv.encoders.objects.pieces import Floats, Ints, Pieces

MIN_SIZE = 0.012  # half screens, a standard deviation: about a pixel, no piece is thinner
MIN_SPREAD = 0.02  # no look keeps closer to its home, however still it stood
_REACHES = (0.2, 0.4, 0.8)  # of a cluster: two looks that are nearer are one
_MOST = 0.5  # share of the pieces that are of a look; if fewer are, the reach is too short
_OF_EXTENT = 0.75  # what a factor of e in extent counts, beside colours that differ at most by 1.4
_STEPS = 16  # of 1, to which descriptions are rounded: most pieces are seen many times over
_DENSE = 0.005  # share of the frames in which pieces of one description make a cluster
_FEWEST = 3  # but so many at least
_MOST_DESCRIPTIONS = 20_000  # the most frequent: games have a few thousand, textures millions
_SMOOTHING = 0.02  # share of a look's colours that is spread over all: none is impossible
_PIXELS = 8.0  # a piece tells as much as so many pixels that were seen by themselves
_UNLIKE = 1.5  # nats a pixel by which a piece may differ from a look and be of it
_CUT = 0.1  # what counts of that: of two parts of a thing, at both edges, the larger fits better
_NOTHING = -1e6  # log weight of a look that no piece has
_NOBODYS = math.log(0.1 / 4)  # density of a piece of no look, which may be anywhere


class Looks(NamedTuple):
    """What is known of L looks. Places and lengths are in half screens."""

    colours: Floats  # (L, C) log probability
    size: Floats  # (L, 2) log standard deviation of the rows and columns of its pixels
    home: Floats  # (L, 2) where it is on average
    spread: Floats  # (L, 2) log standard deviation of where it is
    weight: Floats  # (L,) log share of all pieces


def no_looks(num_colours: int) -> Looks:
    """Return a look that no piece has: there must be one."""
    zeros = np.zeros((1, 2), np.float32)
    colours = np.full((1, num_colours), -np.log(num_colours), np.float32)
    return Looks(colours, zeros, zeros, zeros, np.full(1, _NOTHING, np.float32))


def describe(pieces: Pieces) -> Floats:
    """Return (N, C + 2) descriptions, of which near ones are of one look.

    Roots of the shares of colours, between which distance is Hellinger's, and extents.
    """
    size = 0.5 * np.log(np.maximum(pieces.variance, MIN_SIZE**2))
    described: Floats = np.concatenate([np.sqrt(pieces.colours), _OF_EXTENT * size], axis=1)
    return described


def cluster(described: Floats, num_frames: int) -> Ints:
    """Return the look of each piece (N,), numbered from 0; -1 for those that are too rare."""
    from sklearn.cluster import DBSCAN  # takes a second to load, and encoding needs none of it

    rounded = np.round(described * _STEPS).astype(np.int16)
    once, which, times = np.unique(rounded, axis=0, return_inverse=True, return_counts=True)
    if len(once) == 0:
        return np.zeros(0, np.int64)
    fewest = max(_FEWEST, round(_DENSE * num_frames))
    often = np.argsort(-times, kind="stable")[:_MOST_DESCRIPTIONS]
    labels = np.full(len(once), -1, np.int64)
    for reach in _REACHES:
        found = DBSCAN(eps=reach, min_samples=fewest)
        labels[often] = found.fit_predict(once[often] / _STEPS, sample_weight=times[often])
        if times[labels >= 0].sum() >= _MOST * times.sum():
            break
    look: Ints = labels[which.reshape(-1)]
    return look


def learn(pieces: Pieces, look: Ints, count: int) -> Looks:
    """Return what is known of looks 0 to ``count`` - 1 from pieces (N,) that are of them, or -1.

    Each must have a piece.
    """
    num_colours = pieces.colours.shape[1]
    variance = np.maximum(pieces.variance, MIN_SIZE**2)
    middle = pieces.middle
    if count == 0:
        return no_looks(num_colours)
    of = [np.flatnonzero(look == number) for number in range(count)]
    shares = np.stack([pieces.colours[rows].mean(0) for rows in of])
    shares = (shares + _SMOOTHING / num_colours) / (1 + _SMOOTHING)
    spread = np.stack([middle[rows].var(0) for rows in of]) + MIN_SPREAD**2
    return Looks(
        colours=np.log(shares).astype(np.float32),
        size=(0.5 * np.log(np.stack([variance[rows].mean(0) for rows in of]))).astype(np.float32),
        home=np.stack([middle[rows].mean(0) for rows in of]).astype(np.float32),
        spread=(0.5 * np.log(spread)).astype(np.float32),
        weight=np.log([len(rows) / len(look) for rows in of]).astype(np.float32),
    )


def learn_some(pieces: Pieces, look: Ints, some: Ints) -> Looks:
    """Return what is known of ``some`` looks, (m,), in their order."""
    renumbered = np.full(int(look.max()) + 2, -1)
    renumbered[some] = np.arange(len(some))
    return learn(pieces, renumbered[look], len(some))


def fit_of(looks: Looks, pieces: Pieces) -> Floats:
    """Return how well each piece fits each look, (N, L): more than 0 if it can be of that look.

    The log of the odds that a piece is of the look and not of none: from where it is, and how far
    its colours and its extent are from the look's, as Kullback-Leibler divergences. Those count as
    if eight pixels had been seen one by one, whatever the piece's size: pixels of one thing do not
    tell independently of each other. Part of a piece at the edge of the screen may lie beyond: that
    it is small counts little.
    """
    variance = np.maximum(pieces.variance, MIN_SIZE**2)
    shares = pieces.colours
    entropy = -(shares * np.log(np.where(shares > 0, shares, 1))).sum(1, keepdims=True)
    unlike = -(shares @ looks.colours.T) - entropy  # (N, L)
    ratio = variance[:, None] * np.exp(-2 * looks.size)  # (N, L, 2)
    other = 0.5 * (ratio - 1 - np.log(ratio))
    unlike += np.where(pieces.cut[:, None] & (ratio < 1), _CUT * other, other).sum(-1)
    away = (pieces.middle[:, None] - looks.home) ** 2 * np.exp(-2 * looks.spread)
    place = -0.5 * away.sum(-1) - looks.spread.sum(-1) - math.log(2 * math.pi)
    fit: Floats = looks.weight + place - _NOBODYS - _PIXELS * (unlike - _UNLIKE)
    return fit
