"""Frames with things that are known: rectangles of a colour over a black screen."""

import numpy as np
from numpy.typing import NDArray

from slotenv.encoders.objects.background import Background
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
