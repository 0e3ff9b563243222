"""What is not background: pixels whose colour, of a small palette, is unusual at their place."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from slotenv.encoders.object_mixture.mixture import Runs, run_features

MAX_COLOURS = 64  # of a palette
_BITS = 5  # of each channel that tell colours apart
_LEVELS = 1 << _BITS
MAX_RUNS = 384  # of a frame; of more, some are left out and the others weigh more
USUAL_COLOURS = 3  # of a place, at most
NO_COLOUR = 255  # stands where a place has fewer
MOST_USUAL_SETS = 1 << 18  # of those: more than ordered choices of up to 3 of 64 colours
_USUAL = 0.4  # share of frames from which on a colour is usual at a place
_WIDE_USUAL = 0.08  # the same for colours that cover much of the screen: walls, sky, road
_WIDE = 0.04  # share of all pixels that is much


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
        indices: NDArray[np.uint8] = self._nearest[cells(pixels)]
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


def cells(pixels: NDArray[np.uint8]) -> NDArray[np.intp]:
    """Return the cell of the colour grid that each pixel lies in, (..., 3) to (...)."""
    red, green, blue = (pixels[..., i].astype(np.intp) >> (8 - _BITS) for i in range(3))
    cell: NDArray[np.intp] = (red << (2 * _BITS)) | (green << _BITS) | blue
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


class Background:
    """The usual colours of every place.

    Args:
        usual: (H, W, 3) uint8 palette indices, the most usual first, 255 where there are fewer.
        palette: What the indices mean.
        pooled: Whether frames may be the maximum of two, as ``FramePreset.max_pool`` says: objects
            are given their own colour where it is blended with the background's.
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
        self._picture = palette.colours[self._most_usual]  # (H * W, 3)
        self._brightness = torch.from_numpy(palette.colours).float().mean(1) / 255

    def sets(self) -> tuple[Tensor, Tensor]:
        """Return the different sets of usual colours, (S, 3), and which each place has, (H, W).

        Places share a few sets: a file of them is a third as large as one with each place's own.
        """
        flat = self.usual.reshape(-1, USUAL_COLOURS)
        sets, of = np.unique(flat, axis=0, return_inverse=True)
        places = torch.from_numpy(of.reshape(self.usual.shape[:2]))
        return torch.from_numpy(sets), places.to(places_dtype(len(sets)))

    def foreground(self, frames: NDArray[np.uint8], *, max_runs: int = MAX_RUNS) -> Runs:
        """Return the foreground of frames, (B, H, W, 3) uint8, on the CPU.

        More than ``max_runs`` in a frame are thinned out evenly, and the others weigh more.
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

        def padded(values: NDArray[Any], kind: type[np.generic] = np.float32) -> Tensor:
            table = np.zeros((len(frames), position.max(initial=0) + 1), kind)
            table[image, position] = values
            return torch.from_numpy(table)

        colours = padded(colour[start], np.int64)
        features = run_features(
            rows=padded((2 * row + 1) / height - 1),
            columns=padded((2 * column + length) / width - 1),
            scatter=padded((length**2 - 1) / (3 * width**2)),
            brightness=self._brightness[colours],
        )
        return Runs(features, colours, padded(weight))

    def mask(self, frames: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Return which pixels of frames, (B, H, W, 3) uint8, are foreground, (B, H, W)."""
        found = np.zeros(frames.shape[:3], np.bool_)
        found.reshape(-1)[self._unusual(frames)[0]] = True
        return found

    def _unusual(self, frames: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        """Return place, counted over all frames, and colour of each foreground pixel, in order."""
        pixels = len(self._picture)
        # Most pixels are the picture's: 8 at once, three words of 8 bytes, are compared with it.
        at_once, word = (8, np.uint64) if pixels % 8 == 0 else (1, np.uint8)
        flat = frames.reshape(len(frames), pixels * 3).view(word)
        differing = np.flatnonzero(flat != self._picture.reshape(-1).view(word)) // 3
        found = differing[np.diff(differing, prepend=-1) > 0]
        # `take` of whole groups and flat indices: pairs of index arrays cost several times more.
        usual_here = self._is_usual.reshape(-1, at_once).take(found % (pixels // at_once), 0)
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

    A colour that is merely often at a place of the new frames is not added: a good player's own
    figure may stay at one place. The palette is the background's, with more colours behind.
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
