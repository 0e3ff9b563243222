"""What is not background, and what has the colour of the scenery nearby."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage  # type: ignore[import-untyped]

from slotenv.encoders.objects.pieces import Runs
from slotenv.encoders.palette import Palette
from slotenv.encoders.usual_colours import (
    NO_COLOUR,
    USUAL_COLOURS,
    UsualColours,
    colour_shares,
    more_usual,
    usual_of,
)

_USUAL = 0.4  # share of frames from which on a colour is usual at a place
_WIDE_USUAL = 0.03  # the same for colours that cover much of the screen: walls, sky, road
_WIDE = 0.015  # share of all pixels that is much
_REGION = 0.02  # share of the screen: what is smaller is a thing, in the colour of a wall
_FAR = 0.25  # of the screen's height or width: what reaches less far is a thing, if a large one
_FADES = 0.4  # of how often it is inside: what is so often just outside goes past
_REGION_FRAMES = 500  # spread over all, in which regions are looked for
_SCENERY = 0.02  # share of the screen at which a colour is usual if it is one of the scenery
_STRIPE = 0.5  # of a row: waves and hills cover less of the screen, but whole rows
_NEARBY = 6  # pixels: scenery moves by so much


class Background(UsualColours):
    """The usual colours of every place, and those of the scenery nearby."""

    def __init__(self, usual: NDArray[np.uint8], palette: Palette, *, pooled: bool = False) -> None:
        super().__init__(usual, palette, pooled=pooled)
        self._is_nearby = _nearby(self.bits, usual)

    def foreground(self, frames: NDArray[np.uint8]) -> Runs:
        """Return the foreground of frames, (B, H, W, 3) uint8."""
        frame, row, column, length, colour = self.runs(frames)
        nearby = self._is_nearby[row, column] >> colour.astype(np.uint64)
        return Runs(frame, row, column, length, colour, (nearby & np.uint64(1)).astype(np.bool_))


def fit_background(
    frames: NDArray[np.uint8], palette: Palette, *, pooled: bool = False
) -> Background:
    """Find the usual colours of every place of frames (N, H, W, 3) uint8.

    A colour is usual at a place if it is there in two of five frames. One that covers much of the
    screen already is if the place is in a large region of it in one frame of thirty, so that
    scrolling banks and the walls of several rooms are background, too, and a boxer in the colour of
    the ring's border is not. Where such a region is, what goes past often, as floes do on water, is
    not usual: see :func:`_goes_past`.
    """
    share = colour_shares(frames, palette)
    wide = _in_regions(frames, palette, share.mean(1) > _WIDE)
    usual = (share > _USUAL) | wide
    past = _goes_past(share, usual, usual & ~wide & wide.any(0), frames.shape[1:3])
    share[past] = 0  # nor the most usual one there
    places = usual_of(share, usual & ~past, frames.shape[1:3], USUAL_COLOURS)
    return Background(places, palette, pooled=pooled)


def extend_background(
    background: Background, frames: NDArray[np.uint8], palette: Palette
) -> Background:
    """Add colours that cover much of new frames, where there is room for one more at a place.

    A colour that is merely often at a place of the new frames is not added: a good player's own
    figure may stay at one place. The palette is the background's, with more colours behind.
    """
    wide = _in_regions(frames, palette, colour_shares(frames, palette).mean(1) > _WIDE)
    return Background(more_usual(background.usual, wide), palette, pooled=background.pooled)


def _in_regions(
    frames: NDArray[np.uint8], palette: Palette, wide: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Return where colours are usual as part of a large region, (C, H * W); (C,) ``wide`` ones."""
    some = palette.indices(frames[:: max(len(frames) // _REGION_FRAMES, 1)])  # (n, H, W)
    usual = np.zeros((len(wide), some[0].size), np.bool_)
    for colour in np.flatnonzero(wide):
        times = np.zeros(some.shape[1:], np.int64)
        for one in some == colour:
            region, _ = ndimage.label(one)
            times += _is_large(region)[region]
        usual[colour] = times.reshape(-1) > _WIDE_USUAL * len(some)
    return usual


def _is_large(region: NDArray[np.integer[Any]]) -> NDArray[np.bool_]:
    """Return which regions are large and reach far, by their numbers (H, W); 0 is none."""
    large = np.bincount(region.reshape(-1)) >= _REGION * region.size
    large[0] = False
    for number, box in enumerate(ndimage.find_objects(region), 1):
        reach = (part.stop - part.start for part in box)
        large[number] &= any(
            far >= _FAR * whole for far, whole in zip(reach, region.shape, strict=True)
        )
    return large


def _goes_past(
    share: NDArray[np.float32],
    usual: NDArray[np.bool_],
    asked: NDArray[np.bool_],
    shape: tuple[int, ...],
) -> NDArray[np.bool_]:
    """Return where colours are only because things go past, (C, H * W).

    What stays where it is ends sharply: just outside it, its colour is never seen. Where things go
    past, their colour is about as often to the left and right, or above and below.

    Args:
        share: (C, H * W) in which share of the frames a place has each colour.
        usual: (C, H * W) where each is usual.
        asked: (C, H * W) for which of these places it is asked.
        shape: (H, W).
    """
    past = np.zeros(asked.shape, np.bool_)
    for colour in np.flatnonzero(asked.any(1)):
        often, is_usual = share[colour].reshape(shape), usual[colour].reshape(shape)
        part, count = ndimage.label(asked[colour].reshape(shape))
        inside = ndimage.mean(often, part, np.arange(count + 1))
        fades = np.zeros(count + 1, np.bool_)
        for axis in (0, 1):
            times, outside = np.zeros(count + 1), np.zeros(count + 1)
            of, value, own = (np.moveaxis(map_, axis, 0) for map_ in (part, often, is_usual))
            for here, there in ((slice(1, None), slice(-1)), (slice(-1), slice(1, None))):
                edge = (of[here] > 0) & ~own[there]
                times += np.bincount(of[here][edge], minlength=count + 1)
                outside += np.bincount(of[here][edge], value[there][edge], count + 1)
            fades |= outside > _FADES * inside * np.maximum(times, 1)
        fades[0] = False
        past[colour] = fades[part].reshape(-1)
    return past


def _nearby(bits: NDArray[np.uint64], usual: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Return which colours of the scenery are usual within 6 pixels of each place, as bits.

    Those are colours of much of the screen, or of most of a row. An object that stands still most
    of the time is usual where it stands, and its colour is none of the scenery's.
    """
    scenery = np.uint64(0)
    for colour in np.unique(usual[usual != NO_COLOUR]):
        there = (usual == colour).any(-1)
        if there.mean() > _SCENERY or there.mean(1).max() > _STRIPE:
            scenery |= np.uint64(1) << np.uint64(colour)
    bits = bits & scenery
    for axis in (0, 1):
        line = np.moveaxis(bits, axis, 0)
        wider = line.copy()
        for shift in range(1, min(_NEARBY, len(line) - 1) + 1):
            wider[shift:] |= line[:-shift]
            wider[:-shift] |= line[shift:]
        bits = np.moveaxis(wider, 0, axis)
    return np.ascontiguousarray(bits)
