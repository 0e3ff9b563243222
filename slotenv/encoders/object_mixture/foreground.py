"""What is not background: pixels whose colour is unusual at their place."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from slotenv.encoders.object_mixture.palette import Palette

USUAL_COLOURS = 3
NO_COLOUR = 255
_USUAL = 0.4  # share of frames from which on a colour is usual at a place
_WIDE_USUAL = 0.08  # the same for colours that cover much of the screen: walls, sky, road
_WIDE = 0.04  # share of all pixels that is much


class ForegroundPixels(NamedTuple):
    """The foreground of B frames, padded to the same number of pixels P.

    Attributes:
        rows: (B, P) float32, -1 (top) to 1 (bottom).
        columns: (B, P) float32, -1 (left) to 1 (right).
        colours: (B, P) int64 palette indices.
        weights: (B, P) float32: how many pixels each stands for; 0 where there is none.
    """

    rows: NDArray[np.float32]
    columns: NDArray[np.float32]
    colours: NDArray[np.int64]
    weights: NDArray[np.float32]


class Background:
    """The usual colours of every place.

    Args:
        usual: (H, W, 3) uint8 palette indices, the most usual first, 255 where there are fewer.
        palette: What the indices mean.
    """

    def __init__(self, usual: NDArray[np.uint8], palette: Palette) -> None:
        self.usual, self.palette = usual, palette
        self._flat = usual.reshape(-1, usual.shape[-1])
        self._picture = palette.colours[usual[..., 0]]  # compared with before anything else

    def foreground(self, frames: NDArray[np.uint8], *, max_pixels: int) -> ForegroundPixels:
        """Return the foreground pixels of frames.

        Args:
            frames: (B, H, W, 3) uint8.
            max_pixels: More than that in a frame are thinned out evenly, the rest weighs more.
        """
        found = [self._of_frame(frame) for frame in frames]
        counts = [len(place) for place, _ in found]
        size = max(min(max(counts, default=0), max_pixels), 1)
        shape = (len(frames), size)
        places, colours = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        weights = np.zeros(shape, np.float32)
        for i, (place, colour) in enumerate(found):
            count = len(place)
            if count > size:
                kept = np.arange(size) * count // size
                place, colour = place[kept], colour[kept]
            places[i, : len(place)], colours[i, : len(place)] = place, colour
            weights[i, : len(place)] = max(count / size, 1.0)
        height, width = self.usual.shape[:2]
        rows, columns = np.divmod(places, width)
        return ForegroundPixels(
            ((2 * rows + 1) / height - 1).astype(np.float32),
            ((2 * columns + 1) / width - 1).astype(np.float32),
            colours,
            weights,
        )

    def _of_frame(self, frame: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        """Return the flat places of a frame's foreground pixels and their colours."""
        differs = np.flatnonzero((frame != self._picture).reshape(-1))
        places = np.unique(differs // 3) if len(differs) else differs
        colours = self.palette.indices(frame.reshape(-1, 3)[places])
        unusual = (self._flat[places] != colours[:, None]).all(1)
        return places[unusual], colours[unusual]


def fit_background(frames: NDArray[np.uint8], palette: Palette) -> Background:
    """Find the usual colours of every place.

    A colour is usual at a place if it is there in two of five frames; a colour that covers much of
    the screen already if it is there in one of twelve, so that scrolling banks and the walls of
    several rooms are background, too.

    Args:
        frames: (N, H, W, 3) uint8, drawn from all of the data.
        palette: Their colours.
    """
    count, height, width, _ = frames.shape
    share = np.zeros((len(palette.colours), height * width), np.float32)
    everywhere = np.arange(height * width)
    for frame in frames:
        share[palette.indices(frame).reshape(-1), everywhere] += 1 / count
    wide = share.mean(1, keepdims=True) > _WIDE
    usual = (share > _USUAL) | (wide & (share > _WIDE_USUAL))
    order = np.argsort(-share, axis=0, kind="stable")[:USUAL_COLOURS]
    kept = np.where(np.take_along_axis(usual, order, 0), order, NO_COLOUR)
    kept[0] = order[0]  # the most usual one is background even where nothing is usual
    places = np.full((height, width, USUAL_COLOURS), NO_COLOUR, np.uint8)
    places[..., : len(kept)] = kept.T.reshape(height, width, -1)  # a palette may have fewer
    return Background(places, palette)
