"""A small palette: every colour of a frame becomes one of C."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MAX_COLOURS = 64
_BITS = 5  # of each channel that tell colours apart
_LEVELS = 1 << _BITS


class Palette:
    """The colours an encoder knows; others count as the nearest of them.

    Args:
        colours: (C, 3) uint8, RGB, C at most 64.
    """

    def __init__(self, colours: NDArray[np.uint8]) -> None:
        self.colours = colours
        middle = (np.arange(_LEVELS) << (8 - _BITS)) + (1 << (7 - _BITS))
        grid = np.stack(np.meshgrid(middle, middle, middle, indexing="ij"), -1).reshape(-1, 3)
        distance = np.zeros((len(grid), len(colours)), np.int32)
        for channel in range(3):
            known = colours[:, channel].astype(np.int32)
            distance += (grid[:, channel : channel + 1] - known) ** 2
        self._nearest = distance.argmin(1).astype(np.uint8)
        # A known colour is itself, even where another lies nearer to the middle of its cell.
        self._nearest[cells(colours)] = np.arange(len(colours), dtype=np.uint8)

    def indices(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the palette index of each pixel, (..., 3) uint8 to (...)."""
        indices: NDArray[np.uint8] = self._nearest[cells(pixels)]
        return indices

    def unpooled(self) -> NDArray[np.uint8]:
        """Return what a pooled colour shows of an object, by the background's, (C, C) uint8.

        Where the maximum of two frames is taken, an object that moved is seen in its own colour
        where it is in both, and in the brighter of its own and the background's, channel by
        channel, where it is in one. Entry (c, a) is the colour whose maximum with background a is
        c; c itself if there is none.
        """
        count = len(self.colours)
        index = {tuple(colour): c for c, colour in enumerate(self.colours.tolist())}
        of = np.repeat(np.arange(count, dtype=np.uint8)[:, None], count, axis=1)
        for a, behind in enumerate(self.colours):
            brighter = np.maximum(self.colours, behind).tolist()
            for b in range(count - 1, -1, -1):  # the first, a more striking one, stays
                c = index.get(tuple(brighter[b]))
                if c is not None and c not in (a, b) and b != a:
                    of[c, a] = b
        return of


def cells(pixels: NDArray[np.uint8]) -> NDArray[np.intp]:
    """Return the cell of the colour grid that each pixel lies in, (..., 3) to (...)."""
    shift = 8 - _BITS
    red, green, blue = (pixels[..., i].astype(np.intp) >> shift for i in range(3))
    cell: NDArray[np.intp] = (red << (2 * _BITS)) | (green << _BITS) | blue
    return cell


def fit_palette(
    frames: NDArray[np.uint8], *, max_colours: int = MAX_COLOURS, known: Palette | None = None
) -> Palette:
    """Choose the colours that tell the frames' pixels apart best.

    Colours are taken one by one: each time the one whose pixels lie farthest, by their number's
    square root times squared distance, from the colours taken so far. Rare colours of small objects
    are therefore kept where they differ from all others, shades of one colour are not.

    Args:
        frames: (N, H, W, 3) uint8.
        max_colours: Upper limit of C.
        known: Colours that are taken already; they keep their indices.
    """
    flat = frames.reshape(-1, 3)
    cell = cells(flat)
    counts = np.bincount(cell, minlength=_LEVELS**3)
    used = np.flatnonzero(counts)
    first = np.empty(len(counts), np.int64)
    first[cell[::-1]] = np.arange(len(cell))[::-1]  # a colour that really occurs in each cell
    colours = flat[first[used]]
    weight = np.sqrt(counts[used].astype(np.float64))
    taken = list(colours[[weight.argmax()]] if known is None else known.colours)
    distance = np.full(len(used), np.inf)
    for colour in taken:
        distance = np.minimum(distance, _squared_distance(colours, colour))
    while len(taken) < max_colours and (gain := weight * distance).max() > 0:
        taken.append(colours[gain.argmax()])
        distance = np.minimum(distance, _squared_distance(colours, taken[-1]))
    return Palette(np.array(taken))


def _squared_distance(colours: NDArray[np.uint8], one: NDArray[np.uint8]) -> NDArray[np.float64]:
    squared: NDArray[np.float64] = ((colours.astype(np.float64) - one) ** 2).sum(1)
    return squared
