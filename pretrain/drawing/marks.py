"""What to mark on a frame: where the labels see each object, and which moment shows most."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from slotenv.labels import GameLabels

OBJECT_SIZE = (9, 12)
"""Width and height in game pixels of most objects, whose true sizes the labels do not tell."""
_CLEAR = 8  # distance from the border, beyond the object's size, of what is in plain view
_ENOUGH = 60  # more space than this around an object is no better


class Mark(NamedTuple):
    """Where the labels see one object; an edge that is not labelled, or not now, is None.

    Attributes:
        name: The object.
        x: Its left edge, in pixels of the frame.
        y: Its top edge.
    """

    name: str
    x: int | None
    y: int | None

    @property
    def present(self) -> bool:
        """Whether there is anything to mark."""
        return self.x is not None or self.y is not None


def marks_of(labels: GameLabels, ram: NDArray[np.uint8]) -> list[Mark]:
    """Return a mark for each labelled object, in the order of the labels.

    Args:
        labels: A game's ``pixel`` labels.
        ram: (128,) RAM of one moment.
    """
    values, presence = (row[0] for row in labels.read(ram))
    edges: dict[str, dict[str, int]] = {name: {} for name in labels.objects}
    for label, value, is_there in zip(labels.labels, values, presence, strict=True):
        if is_there:
            edges[label.object][label.axis] = round(float(value))
    return [Mark(name, of_name.get("x"), of_name.get("y")) for name, of_name in edges.items()]


def fullness(marks: Sequence[Mark], shape: tuple[int, ...]) -> tuple[int, float]:
    """Return how good a moment is to look at: objects in plain view, then the space around them.

    What is close to the border may be clipped, wrapped around or behind the score.

    Args:
        marks: As :func:`marks_of` gives them.
        shape: Height and width of the frame, and whatever follows.
    """
    rooms = [(mark, _to_border(mark, shape)) for mark in marks if mark.present]
    shown = [mark for mark, room in rooms if room >= _CLEAR]
    gaps = [_distance(a, b) for a, b in itertools.combinations(shown, 2)]
    gaps += [max(room, 0.0) for _, room in rooms]
    # One object too close to another is worse than all being far apart is good.
    return len(shown), float(np.mean(np.log1p(np.minimum(gaps, _ENOUGH)))) if gaps else 0.0


def _distance(a: Mark, b: Mark) -> float:
    across = 0 if a.x is None or b.x is None else a.x - b.x
    down = 0 if a.y is None or b.y is None else a.y - b.y
    return float(np.hypot(across, down))


def _to_border(mark: Mark, shape: tuple[int, ...]) -> float:
    """Return how far an object is from the frame's border, negative where it reaches beyond."""
    rooms = [
        min(edge, side - edge - own)
        for edge, side, own in zip((mark.x, mark.y), (shape[1], shape[0]), OBJECT_SIZE, strict=True)
        if edge is not None
    ]
    return float(min(rooms))
