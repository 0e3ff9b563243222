"""The few colours that an encoder of objects knows."""

import numpy as np
from numpy.typing import NDArray

MAX_COLOURS = 64  # of a palette
_BITS = 5  # of each channel that tell colours apart
_LEVELS = 1 << _BITS


class Palette:
    """The colours an encoder knows, (C, 3) uint8, C at most 64; others count as the nearest."""

    def __init__(self, colours: NDArray[np.uint8]) -> None:
        self.colours = colours
        corners = np.indices((_LEVELS, _LEVELS, _LEVELS)).reshape(3, -1).T << (8 - _BITS)
        middles = (corners + (1 << (7 - _BITS))).astype(np.float64)
        known = colours.astype(np.float64)
        # The squared distance, without what is the same for all colours: exact, as all are whole.
        distance = (known**2).sum(1) - 2 * middles @ known.T
        self._nearest = distance.argmin(1).astype(np.uint8)
        # A known colour is itself, even where another lies nearer to the middle of its cell.
        self._nearest[cells(colours)] = np.arange(len(colours), dtype=np.uint8)

    def indices(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the palette index of each pixel, (..., 3) uint8 to (...)."""
        indices: NDArray[np.uint8] = self._nearest.take(cells(pixels))
        return indices

    def unpooled(self) -> NDArray[np.uint8]:
        """Return which object's colour a pooled colour stands for, by background, (C, C) uint8.

        Where a frame is the maximum of two, an object that moved shows its own colour where it is
        in both, and the brighter of its own and the background's, channel by channel, where it is
        in one. Entry (c, a) is the colour whose maximum with background a is c; c itself if there
        is none.
        """
        count = len(self.colours)
        index = {tuple(colour): c for c, colour in enumerate(self.colours.tolist())}
        of = np.repeat(np.arange(count, dtype=np.uint8)[:, None], count, axis=1)
        for a, behind in enumerate(self.colours):
            brighter = np.maximum(self.colours, behind).tolist()
            for b in range(count - 1, -1, -1):  # of several, the first, more striking one stays
                c = index.get(tuple(brighter[b]))
                if c is not None and c not in (a, b) and b != a:
                    of[c, a] = b
        return of


def cells(pixels: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """Return the cell of the colour grid that each pixel lies in, (..., 3) to (...)."""
    levels = pixels >> (8 - _BITS)
    cell: NDArray[np.uint16] = levels[..., 0].astype(np.uint16)
    for channel in (1, 2):
        cell = np.bitwise_or(np.left_shift(cell, _BITS), levels[..., channel], dtype=np.uint16)
    return cell


def fit_palette(frames: NDArray[np.uint8], *, known: Palette | None = None) -> Palette:
    """Choose the colours that tell pixels of frames (N, H, W, 3) uint8 apart best.

    Colours are taken one by one, after those that are ``known``: each time the one whose pixels lie
    farthest, by the square root of their number times squared distance, from those taken so far. So
    rare colours of small objects are kept where they differ from all others, shades are not.
    """
    flat = frames.reshape(-1, 3)
    cell = cells(flat)
    counts = np.bincount(cell, minlength=_LEVELS**3)
    used = np.flatnonzero(counts)
    first = np.empty(len(counts), np.int64)
    first[cell[::-1]] = np.arange(len(cell))[::-1]  # a colour that really occurs in each cell
    colours = flat[first[used]].astype(np.float64)
    weight = np.sqrt(counts[used].astype(np.float64))
    taken = list(colours[[weight.argmax()]] if known is None else known.colours)
    distance = np.min([((colours - colour) ** 2).sum(1) for colour in taken], axis=0)
    while len(taken) < MAX_COLOURS and (gain := weight * distance).max() > 0:
        taken.append(colours[gain.argmax()])
        distance = np.minimum(distance, ((colours - taken[-1]) ** 2).sum(1))
    return Palette(np.array(taken).astype(np.uint8))
