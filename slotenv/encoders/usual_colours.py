"""The usual colours of every place: what has another colour there is no background."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from slotenv.encoders.palette import Palette

USUAL_COLOURS = 3  # of a place, at most
NO_COLOUR = 255  # stands where a place has fewer
MOST_USUAL_SETS = 1 << 18  # of those: more than ordered choices of up to 3 of 64 colours


class UsualColours:
    """The usual colours of every place.

    Args:
        usual: (H, W, 3) uint8 palette indices, the most usual first, 255 where there are fewer.
        palette: What the indices mean.
        pooled: Whether frames may be the maximum of two, as ``FramePreset.max_pool`` says: objects
            are given their own colour where it is blended with the background's.
    """

    def __init__(self, usual: NDArray[np.uint8], palette: Palette, *, pooled: bool = False) -> None:
        self.usual, self.palette, self.pooled = usual, palette, pooled
        self.brightness: NDArray[np.float32] = (palette.colours.mean(1) / 255).astype(np.float32)
        self._unpooled = palette.unpooled() if pooled else None
        self._most_usual = usual[..., 0].reshape(-1)
        # Bit c of a place is set if colour c is usual there.
        self.bits = np.zeros(usual.shape[:2], np.uint64)
        for colours in np.moveaxis(usual, 2, 0):
            known = colours != NO_COLOUR
            self.bits[known] |= np.uint64(1) << colours[known].astype(np.uint64)
        self._picture = palette.colours[self._most_usual]  # (H * W, 3)

    def sets(self) -> tuple[Tensor, Tensor]:
        """Return the different sets of usual colours, (S, 3), and which each place has, (H, W).

        Places share a few sets: a file of them is a third as large as one with each place's own.
        """
        flat = self.usual.reshape(-1, USUAL_COLOURS)
        sets, of = np.unique(flat, axis=0, return_inverse=True)
        places = torch.from_numpy(of.reshape(self.usual.shape[:2]))
        return torch.from_numpy(sets), places.to(places_dtype(len(sets)))

    def mask(self, frames: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Return which pixels of frames, (B, H, W, 3) uint8, are foreground, (B, H, W)."""
        found = np.zeros(frames.shape[:3], np.bool_)
        found.reshape(-1)[self._unusual(frames)[0]] = True
        return found

    def runs(self, frames: NDArray[np.uint8]) -> tuple[NDArray[np.int64], ...]:
        """Return the runs of frames: pixels side by side in a row that have one unusual colour.

        Returns:
            Of each run, in the order of frames, rows and columns: the frame, the row, the first
            column, how many pixels, and the colour.
        """
        height, width = self.usual.shape[:2]
        place, colour = self._unusual(frames)
        starts = np.ones(len(place), np.bool_)
        starts[1:] = (np.diff(place) != 1) | (colour[1:] != colour[:-1]) | (place[1:] % width == 0)
        start = np.flatnonzero(starts)
        length = np.diff(start, append=len(place))
        frame, inside = np.divmod(place.take(start), height * width)
        row, column = np.divmod(inside, width)
        return frame, row, column, length, colour.take(start).astype(np.int64)

    def _unusual(self, frames: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        """Return place, counted over all frames, and colour of each foreground pixel, in order."""
        pixels = len(self._picture)
        # Most pixels are the picture's: 8 at once, three words of 8 bytes, are compared with it.
        at_once, word = (8, np.uint64) if pixels % 8 == 0 else (1, np.uint8)
        flat = frames.reshape(len(frames), pixels * 3).view(word)
        differing = np.flatnonzero(flat != self._picture.reshape(-1).view(word)) // 3
        found = differing[np.diff(differing, prepend=-1) > 0]
        # `take` of whole groups and flat indices: pairs of index arrays cost several times more.
        usual_here = self.bits.reshape(-1, at_once).take(found % (pixels // at_once), 0)
        shown = frames.reshape(-1, at_once * 3).take(found, 0)
        colour = self.palette.indices(shown.reshape(-1, at_once, 3))  # (n, at_once)
        is_usual = (usual_here >> colour.astype(np.uint64)) & np.uint64(1)
        chosen = np.flatnonzero(is_usual == 0)
        place = found.take(chosen // at_once) * at_once + chosen % at_once
        colour = colour.reshape(-1).take(chosen)
        if self._unpooled is not None:
            colour = self._unpooled[colour, self._most_usual.take(place % pixels)]
        return place, colour


def places_dtype(num_sets: int) -> torch.dtype:
    """Return the smallest type that holds which of so many sets of usual colours a place has."""
    return torch.uint8 if num_sets <= 256 else torch.int32


def colour_shares(frames: NDArray[np.uint8], palette: Palette) -> NDArray[np.float32]:
    """Return in which share of the frames each place has each colour, (C, H * W)."""
    count, height, width, _ = frames.shape
    share = np.zeros((len(palette.colours), height * width), np.float32)
    everywhere = np.arange(height * width)
    for frame in frames:
        share[palette.indices(frame).reshape(-1), everywhere] += 1 / count
    return share


def usual_of(
    share: NDArray[np.float32], usual: NDArray[np.bool_], shape: tuple[int, ...], most: int
) -> NDArray[np.uint8]:
    """Return the usual colours of every place, (H, W, 3): palette indices, the most usual first.

    Args:
        share: (C, H * W) in which share of the frames a place has each colour.
        usual: (C, H * W) whether it is usual there; of more than ``most``, the most usual are.
        shape: (H, W).
        most: Usual colours of a place, 1 to 3.
    """
    order = np.argsort(-share, axis=0, kind="stable")[:most]
    kept = np.where(np.take_along_axis(usual, order, 0), order, NO_COLOUR)
    kept[0] = order[0]  # the most usual one is background even where nothing is usual
    places = np.full((*shape, USUAL_COLOURS), NO_COLOUR, np.uint8)
    places[..., : len(kept)] = kept.T.reshape(*shape, -1)  # a palette may have fewer
    return places


def more_usual(usual: NDArray[np.uint8], new: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return usual colours (H, W, 3) with those of ``new``, (C, H * W), where there is room."""
    flat = usual.reshape(-1, USUAL_COLOURS).copy()
    for colour in np.flatnonzero(new.any(1)):
        missing = new[colour] & (flat != colour).all(1)
        for layer in range(1, USUAL_COLOURS):
            free = missing & (flat[:, layer] == NO_COLOUR)
            flat[free, layer] = colour
            missing &= ~free
    return flat.reshape(usual.shape)
