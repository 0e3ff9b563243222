"""What to draw of an encoder's slots: a box for each object they see, and where it came from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pretrain.drawing.marks import Mark

TRAIL = 15
"""Steps back that a trail goes: a second of play."""
_THERE = 0.5  # presence from which on a slot counts as seeing its object
_JUMP = 24.0  # pixels: what moves further in a step is another object


class SlotBox(NamedTuple):
    """Where a slot sees its object now, in pixels of the frame.

    Attributes:
        slot: Its number.
        left: The first column of the object.
        top: The first row.
        right: The column after the last.
        bottom: The row after the last.
        trail: Middles (x, y) in the steps before, the oldest first, the present one last.
    """

    slot: int
    left: int
    top: int
    right: int
    bottom: int
    trail: tuple[tuple[float, float], ...]

    @property
    def mark(self) -> Mark:
        """Its upper left corner."""
        return Mark(str(self.slot), self.left, self.top)


def slot_boxes(
    history: Sequence[NDArray[np.floating[Any]]], shape: tuple[int, ...]
) -> list[SlotBox]:
    """Return a box for each slot that sees its object.

    Args:
        history: (K, 5) boxes of some consecutive steps of an episode, the present ones last:
            presence, x and y of the middle, width and height, in pixels.
        shape: Height and width of the frame, and whatever follows.
    """
    found = []
    for slot, (presence, x, y, width, height) in enumerate(history[-1].tolist()):
        if presence < _THERE:
            continue
        left, right = _edges(x, width, shape[1])
        top, bottom = _edges(y, height, shape[0])
        found.append(SlotBox(slot, left, top, right, bottom, _trail(history, slot)))
    return found


def _edges(middle: float, extent: float, side: int) -> tuple[int, int]:
    """Return the first pixel and the one after the last, at least one apart and in the frame."""
    # Of n pixels in a row, 0 to n - 1, the standard deviation is that of a length sqrt(n^2 - 1).
    half = math.hypot(extent, 1) / 2
    first = min(max(round(middle + 0.5 - half), 0), side - 1)
    return first, min(max(round(middle + 0.5 + half), first + 1), side)


def _trail(
    history: Sequence[NDArray[np.floating[Any]]], slot: int
) -> tuple[tuple[float, float], ...]:
    """Return the places of a slot for as long back as it followed one object."""
    places: list[tuple[float, float]] = []
    for boxes in reversed(history[-TRAIL - 1 :]):
        presence, x, y = boxes[slot, :3].tolist()
        gone = presence < _THERE
        if gone or (places and math.dist(places[-1], (x, y)) > _JUMP):
            break
        places.append((x, y))
    return tuple(reversed(places))
