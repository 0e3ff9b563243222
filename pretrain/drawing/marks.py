"""What to mark on a frame: objects where the labels, or an encoder's slots, see them."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from slotenv.labels import GameLabels
from slotenv.tracking import SEEN

OBJECT_SIZE = (9, 12)
"""Width and height in pixels of most Atari objects, whose true sizes the labels do not tell."""
TRAIL = 15
"""Steps back that a trail goes: a second of play."""
_JUMP = 24.0  # pixels: what moves further in a step is another object
_CLEAR = 8  # distance from the border, beyond the object's size, of what is in plain view
_ENOUGH = 60  # more space than this around an object is no better

Trail = Sequence[tuple[float, float]]


class Mark(NamedTuple):
    """Where one object is, in pixels of the frame; an edge that is not known is None.

    Attributes:
        name: What is written beside it.
        left: The first column of the object.
        top: The first row.
        right: The column after the last.
        bottom: The row after the last.
        trail: Middles (x, y) in the steps before, the oldest first, the present one last.
        colour: Which of the colours it gets.
    """

    name: str
    left: int | None
    top: int | None
    right: int | None = None
    bottom: int | None = None
    trail: Trail = ()
    colour: int = 0

    @property
    def present(self) -> bool:
        """Whether there is anything to mark."""
        return self.left is not None or self.top is not None


def label_marks(labels: GameLabels, ram: NDArray[np.uint8]) -> list[Mark]:
    """Return a mark for each labelled object, in the order of the labels.

    Args:
        labels: A game's ``pixel`` labels, which name an object's left edge, its top edge or both.
        ram: (128,) RAM of one moment.
    """
    values, presence = (row[0] for row in labels.read(ram))
    edges: dict[str, dict[str, int]] = {name: {} for name in labels.objects}
    for label, value, is_there in zip(labels.labels, values, presence, strict=True):
        if is_there:
            edges[label.object][label.axis] = round(float(value))
    return [
        Mark(name.replace("_", " "), of_name.get("x"), of_name.get("y"), colour=i)
        for i, (name, of_name) in enumerate(edges.items())
    ]


def slot_marks(history: Sequence[NDArray[np.floating[Any]]], shape: tuple[int, ...]) -> list[Mark]:
    """Return a mark for each slot that sees its object.

    Args:
        history: (K, 5) boxes of some consecutive steps of an episode, the present ones last:
            presence, x and y of the middle, width and height, in pixels.
        shape: Height and width of the frame, and whatever follows.
    """
    places = np.stack([boxes[:, :3] for boxes in history[-TRAIL - 1 :]])  # (n, K, 3)
    found = []
    for slot, (presence, x, y, width, height) in enumerate(history[-1].tolist()):
        if presence > SEEN:
            left, right = _edges(x, width, shape[1])
            top, bottom = _edges(y, height, shape[0])
            seen = np.where(places[:, slot, :1] <= SEEN, np.nan, places[:, slot, 1:])
            found.append(Mark(str(slot), left, top, right, bottom, trail_of(seen), slot))
    return found


def trail_of(places: NDArray[np.floating[Any]]) -> Trail:
    """Return the last places of an object, as long as it is the same.

    Args:
        places: (n, 2) in consecutive steps, the present one last; NaN where it was not seen.
    """
    steps = np.hypot(*np.diff(places[-TRAIL - 1 :], axis=0).T)
    (breaks,) = np.nonzero(~(steps <= _JUMP))
    return [(x, y) for x, y in places[-TRAIL - 1 :][breaks.max(initial=-1) + 1 :].tolist()]


def fullness(marks: Sequence[Mark], shape: tuple[int, ...]) -> tuple[int, float]:
    """Return how good a moment is to look at: objects in plain view, then the space around them.

    What is close to the border may be clipped, wrapped around or behind the score.

    Args:
        marks: The objects, of :data:`OBJECT_SIZE`.
        shape: Height and width of the frame, and whatever follows.
    """
    edges = np.array([mark[1:3] for mark in marks if mark.present], float).reshape(-1, 2)
    beyond = np.array(shape[1::-1]) - edges - OBJECT_SIZE
    rooms = np.nanmin(np.minimum(edges, beyond), axis=1)  # to the border, negative beyond it
    shown = edges[rooms >= _CLEAR]
    first, second = np.triu_indices(len(shown), 1)
    apart = np.hypot(*np.nan_to_num(shown[first] - shown[second]).T)
    gaps = np.concatenate([apart, rooms.clip(0)])
    # One object too close to another is worse than all being far apart is good.
    return len(shown), float(np.log1p(gaps.clip(max=_ENOUGH)).mean()) if gaps.size else 0.0


def _edges(middle: float, extent: float, side: int) -> tuple[int, int]:
    """Return the first pixel and the one after the last, at least one apart and in the frame."""
    # Of n pixels in a row, 0 to n - 1, the standard deviation is that of a length sqrt(n^2 - 1).
    half = math.hypot(extent, 1) / 2
    first = min(max(round(middle + 0.5 - half), 0), side - 1)
    return first, min(max(round(middle + 0.5 + half), first + 1), side)
