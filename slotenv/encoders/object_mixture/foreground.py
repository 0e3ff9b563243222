"""What is not background: pixels whose colour is unusual at their place."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from slotenv.encoders.object_mixture.palette import Palette

USUAL_COLOURS = 3  # of a place, at most
NO_COLOUR = 255  # stands where a place has fewer
_USUAL = 0.4  # share of frames from which on a colour is usual at a place
_WIDE_USUAL = 0.08  # the same for colours that cover much of the screen: walls, sky, road
_WIDE = 0.04  # share of all pixels that is much
_AT_ONCE = 8  # pixels that are compared at once: they are three words of eight bytes


class ForegroundRuns(NamedTuple):
    """The foreground of B frames: runs of pixels of one colour side by side, padded to R.

    Attributes:
        rows: (B, R) float32, -1 (top) to 1 (bottom).
        columns: (B, R) float32, the middle of the run, -1 (left) to 1 (right).
        scatter: (B, R) float32, variance of the columns of its pixels.
        colours: (B, R) int64 palette indices.
        weights: (B, R) float32: how many pixels each stands for; 0 where there is none.
    """

    rows: NDArray[np.float32]
    columns: NDArray[np.float32]
    scatter: NDArray[np.float32]
    colours: NDArray[np.int64]
    weights: NDArray[np.float32]


class Background:
    """The usual colours of every place.

    Args:
        usual: (H, W, 3) uint8 palette indices, the most usual first, 255 where there are fewer.
        palette: What the indices mean.
        pooled: Whether frames are the maximum of two, as ``FramePreset.max_pool`` says: objects are
            given their own colour where it is blended with the background's.
    """

    def __init__(self, usual: NDArray[np.uint8], palette: Palette, *, pooled: bool = False) -> None:
        self.usual, self.palette, self.pooled = usual, palette, pooled
        self._unpooled = palette.unpooled() if pooled else None
        self._most_usual = usual[..., 0].reshape(-1)
        # Bit c of a place is set if colour c is usual there.
        self._is_usual = np.zeros(usual.shape[:2], np.uint64).reshape(-1)
        for colours in usual.reshape(-1, usual.shape[-1]).T:
            known = colours != NO_COLOUR
            self._is_usual[known] |= np.uint64(1) << colours[known].astype(np.uint64)
        # Compared with before anything else.
        self._picture = np.ascontiguousarray(palette.colours[usual[..., 0]].reshape(-1, 3))

    def foreground(self, frames: NDArray[np.uint8], *, max_runs: int) -> ForegroundRuns:
        """Return the foreground of frames, (B, H, W, 3) uint8.

        More than ``max_runs`` in a frame are thinned out evenly, the rest weighs more.
        """
        height, width = self.usual.shape[:2]
        place, colour = self._unusual(frames)
        starts = np.ones(len(place), np.bool_)
        starts[1:] = (np.diff(place) != 1) | (colour[1:] != colour[:-1]) | (place[1:] % width == 0)
        start = np.flatnonzero(starts)
        length = np.diff(start, append=len(place))
        image = place.take(start) // (height * width)
        position, kept, weight = _thinned(image, length, len(frames), max_runs)
        image, start, length = image[kept], start[kept], length[kept]
        row, column = np.divmod(place.take(start) % (height * width), width)
        values: dict[str, NDArray[Any]] = {
            "rows": (2 * row + 1) / height - 1,
            "columns": (2 * column + length) / width - 1,
            "scatter": (length**2 - 1) / (3 * width**2),
            "colours": colour[start],
            "weights": weight,
        }
        runs = {}
        for name, value in values.items():
            kind = np.int64 if name == "colours" else np.float32
            runs[name] = np.zeros((len(frames), position.max(initial=0) + 1), kind)
            runs[name][image, position] = value
        return ForegroundRuns(**runs)

    def _unusual(self, frames: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        """Return place, counted over all frames, and colour of each foreground pixel, in order."""
        # `take` of whole groups and flat indices: pairs of index arrays cost several times more.
        pixels = len(self._picture)
        at_once = _AT_ONCE if pixels % _AT_ONCE == 0 else 1
        groups = pixels // at_once
        found = _differing(frames.reshape(len(frames), groups, at_once, 3), self._picture)
        usual_here = self._is_usual.reshape(-1, at_once).take(found % groups, 0)
        shown = frames.reshape(-1, at_once * 3).take(found, 0)
        colour = self.palette.indices(shown.reshape(-1, at_once, 3))  # (n, at_once)
        is_usual = (usual_here >> colour.astype(np.uint64)) & np.uint64(1)
        chosen = np.flatnonzero(is_usual == 0)
        place = found.take(chosen // at_once) * at_once + chosen % at_once
        colour = colour.reshape(-1).take(chosen)
        if self._unpooled is not None:
            colour = self._unpooled[colour, self._most_usual.take(place % pixels)]
        return place, colour


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


def _differing(frames: NDArray[np.uint8], picture: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return the numbers, over all frames, of groups (B, G, n, 3) that differ from a picture."""
    batch, _, at_once, channels = frames.shape
    word = np.dtype(np.uint64 if at_once == _AT_ONCE else np.uint8)
    words = at_once * channels // word.itemsize  # in a group
    flat = frames.reshape(batch, picture.size).view(word)
    found = np.flatnonzero(flat != picture.reshape(-1).view(word)) // words
    distinct: NDArray[np.int64] = found[np.diff(found, prepend=-1) > 0]
    return distinct


def fit_background(
    frames: NDArray[np.uint8],
    palette: Palette,
    *,
    pooled: bool = False,
    most_usual: int = USUAL_COLOURS,
    wide: float = _WIDE,
) -> Background:
    """Find the usual colours of every place.

    A colour is usual at a place if it is there in two of five frames; a colour that covers much of
    the screen already if it is there in one of twelve, so that scrolling banks and the walls of
    several rooms are background, too.

    Args:
        frames: (N, H, W, 3) uint8, drawn from all of the data.
        palette: Their colours.
        pooled: Whether each is the maximum of two.
        most_usual: How many a place may have, at most 3.
        wide: Share of all pixels that is much.
    """
    share = _shares(frames, palette)
    usual = (share > _USUAL) | _is_wide(share, wide)
    order = np.argsort(-share, axis=0, kind="stable")[:most_usual]
    kept = np.where(np.take_along_axis(usual, order, 0), order, NO_COLOUR)
    kept[0] = order[0]  # the most usual one is background even where nothing is usual
    places = np.full((*frames.shape[1:3], USUAL_COLOURS), NO_COLOUR, np.uint8)
    places[..., : len(kept)] = kept.T.reshape(*frames.shape[1:3], -1)  # a palette may have fewer
    return Background(places, palette, pooled=pooled)


def extend_background(
    background: Background, frames: NDArray[np.uint8], palette: Palette
) -> Background:
    """Add colours that cover much of new frames, where there is room for one more at a place.

    What was usual stays so. A colour that is merely often at a place of the new frames is not
    added: a good player's own figure may stay at one place. The palette is the background's, with
    more colours behind.
    """
    wide = _is_wide(_shares(frames, palette), _WIDE)
    flat = background.usual.reshape(-1, USUAL_COLOURS).copy()
    for colour in np.flatnonzero(wide.any(1)):
        new = wide[colour] & (flat != colour).all(1)
        for layer in range(1, USUAL_COLOURS):
            free = new & (flat[:, layer] == NO_COLOUR)
            flat[free, layer] = colour
            new &= ~free
    return Background(flat.reshape(background.usual.shape), palette, pooled=background.pooled)


def _shares(frames: NDArray[np.uint8], palette: Palette) -> NDArray[np.float32]:
    """Return in which share of the frames each place has each colour, (C, H * W)."""
    count, height, width, _ = frames.shape
    share = np.zeros((len(palette.colours), height * width), np.float32)
    everywhere = np.arange(height * width)
    for frame in frames:
        share[palette.indices(frame).reshape(-1), everywhere] += 1 / count
    return share


def _is_wide(share: NDArray[np.float32], wide: float) -> NDArray[np.bool_]:
    """Return where a colour that covers much of the screen is usual, (C, H * W)."""
    is_wide: NDArray[np.bool_] = (share.mean(1, keepdims=True) > wide) & (share > _WIDE_USUAL)
    return is_wide
