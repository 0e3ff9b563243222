"""What is not background, as runs of pixels that slots compete for."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from slotenv.encoders.object_mixture.mixture import Runs, run_features
from slotenv.encoders.palette import Palette
from slotenv.encoders.usual_colours import (
    USUAL_COLOURS,
    UsualColours,
    colour_shares,
    more_usual,
    usual_of,
)

MAX_RUNS = 384  # of a frame; of more, some are left out and the others weigh more
_USUAL = 0.4  # share of frames from which on a colour is usual at a place
_WIDE_USUAL = 0.08  # the same for colours that cover much of the screen: walls, sky, road
_WIDE = 0.04  # share of all pixels that is much


class Background(UsualColours):
    """The usual colours of every place."""

    def foreground(self, frames: NDArray[np.uint8], *, max_runs: int = MAX_RUNS) -> Runs:
        """Return the foreground of frames, (B, H, W, 3) uint8, on the CPU.

        More than ``max_runs`` in a frame are thinned out evenly, and the others weigh more.
        """
        height, width = self.usual.shape[:2]
        image, row, column, length, colour = self.runs(frames)
        position, kept, weight = _thinned(image, length, len(frames), max_runs)
        image, row, column = image[kept], row[kept], column[kept]
        length, colour = length[kept], colour[kept]

        def padded(values: NDArray[Any], kind: type[np.generic] = np.float32) -> Tensor:
            table = np.zeros((len(frames), position.max(initial=0) + 1), kind)
            table[image, position] = values
            return torch.from_numpy(table)

        colours = padded(colour, np.int64)
        features = run_features(
            rows=padded((2 * row + 1) / height - 1),
            columns=padded((2 * column + length) / width - 1),
            scatter=padded((length**2 - 1) / (3 * width**2)),
            brightness=torch.from_numpy(self.brightness)[colours],
        )
        return Runs(features, colours, padded(weight))


def _thinned(
    image: NDArray[np.int64], length: NDArray[np.int64], num_images: int, most: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Choose runs, evenly, where an image has too many; (n,) image ascends, (n,) length in pixels.

    Returns of the runs that are kept: their position among those of their image, their numbers, and
    how many pixels each stands for; an image's total stays as it was.
    """
    counts = np.bincount(image, minlength=num_images)
    position = np.arange(len(image)) - (np.cumsum(counts) - counts)[image]
    position = position * np.minimum(counts, most)[image] // counts[image]
    kept = np.flatnonzero((np.diff(position, prepend=-1) != 0) | (np.diff(image, prepend=-1) != 0))
    pixels = np.bincount(image, length, minlength=num_images)
    left = np.bincount(image[kept], length[kept], minlength=num_images)
    return position[kept], kept, length[kept] * (pixels / np.maximum(left, 1))[image[kept]]


def fit_background(
    frames: NDArray[np.uint8],
    palette: Palette,
    *,
    pooled: bool = False,
    most_usual: int = USUAL_COLOURS,
    wide: float = _WIDE,
) -> Background:
    """Find the usual colours, ``most_usual`` at most, of every place of frames (N, H, W, 3) uint8.

    A colour is usual at a place if it is there in two of five frames; a colour that covers much of
    the screen, a share ``wide`` of all pixels, already if it is there in one of twelve, so that
    scrolling banks and the walls of several rooms are background, too.
    """
    share = colour_shares(frames, palette)
    usual = (share > _USUAL) | _is_wide(share, wide)
    places = usual_of(share, usual, frames.shape[1:3], most_usual)
    return Background(places, palette, pooled=pooled)


def extend_background(
    background: Background, frames: NDArray[np.uint8], palette: Palette
) -> Background:
    """Add colours that cover much of new frames, where there is room for one more at a place.

    A colour that is merely often at a place of the new frames is not added: a good player's own
    figure may stay at one place. The palette is the background's, with more colours behind.
    """
    wide = _is_wide(colour_shares(frames, palette), _WIDE)
    return Background(more_usual(background.usual, wide), palette, pooled=background.pooled)


def _is_wide(share: NDArray[np.float32], wide: float) -> NDArray[np.bool_]:
    """Return where a colour that covers much of the screen is usual, (C, H * W)."""
    is_wide: NDArray[np.bool_] = (share.mean(1, keepdims=True) > wide) & (share > _WIDE_USUAL)
    return is_wide
