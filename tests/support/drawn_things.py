"""Frames with things that are known, rectangles over a black screen, and what is found of them."""

import numpy as np
from numpy.typing import NDArray

from slotenv.encoders.objects.background import Background
from slotenv.encoders.objects.pieces import Screen
from slotenv.encoders.objects.sharing import Things
from slotenv.encoders.objects.things import find_things
from slotenv.encoders.palette import Palette

HEIGHT, WIDTH = 84, 100
COLOURS = np.array(
    [[0, 0, 0], [255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255], [200, 120, 40]], np.uint8
)
Box = tuple[int, int, int, int, int]
"""Top, left, height, width and colour, an index into :data:`COLOURS`."""


def draw(*frames: list[Box]) -> NDArray[np.uint8]:
    """Return (N, 84, 100, 3) frames with rectangles, later ones over earlier ones."""
    drawn = np.zeros((len(frames), HEIGHT, WIDTH, 3), np.uint8)
    for frame, boxes in zip(drawn, frames, strict=True):
        for top, left, height, width, colour in boxes:
            frame[top : top + height, left : left + width] = COLOURS[colour]
    return drawn


def black() -> Background:
    """Return a background that is black everywhere."""
    usual = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    usual[..., 0] = 0
    return Background(usual, Palette(COLOURS))


def bounce(steps: int, start: float, speed: float, room: int) -> NDArray[np.int64]:
    """Return where something is that goes to and fro between 0 and ``room``."""
    way = (start + speed * np.arange(steps)) % (2 * room)
    return np.rint(np.minimum(way, 2 * room - way)).astype(int)


def find(play: list[list[Box]], *, max_slots: int = 24, pooled: bool = False) -> Things:
    """Find the things in play, whose frames follow each other."""
    background = black()
    runs = background.foreground(draw(*play))
    steps = tuple(background.foreground(draw(*some)) for some in (play[:-1], play[1:]))
    things = find_things(
        runs,
        steps,
        num_frames=len(play),
        screen=Screen((HEIGHT, WIDTH), background.brightness),
        pooled=pooled,
        max_slots=max_slots,
        seed=0,
    )
    assert things is not None
    return things


def middles(things: Things, frames: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return row and column, in pixels, of what is in each slot, (N, K, 2); NaN if it is empty."""
    background = black()
    runs = background.foreground(frames)
    moments = things.moments_of(background, runs, len(frames))
    found = np.full((len(frames), len(things.home), 2), np.nan)
    kept = moments[..., 0] > 0
    middle = moments[kept][:, 1:3] / moments[kept][:, :1]
    found[kept] = (middle + 1) * np.array([HEIGHT, WIDTH]) / 2 - 0.5
    return found
