"""Where labelled objects are on the screen, and which slot is at each."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment  # type: ignore[import-untyped]

from slotenv import checks
from slotenv.labels import GameLabels
from slotenv.tracking import SEEN

Floats = NDArray[np.floating[Any]]

RADIUS = 12.0
"""Pixels between an object and a slot from which on the slot is another's. Constant offsets are
taken out first, so that what is left is small: 8 to 12 px find nearly the same. At 16 px a car of
Freeway that has no slot takes one of the next lane, which is 16 px away."""

_FARTHEST_OFFSET = 16.0  # from the edge of the console's widest sprite, 32 px, to its middle
_CELL = 4.0  # px; offsets are looked for in squares of that size


class ObjectPlaces(NamedTuple):
    """Where O labelled objects are in N frames.

    Attributes:
        names: O names.
        points: (N, O, 2) x and y in pixels of a point that moves with the object, its upper left
            corner as a rule; NaN all along an axis that has no label. Meaningless while absent.
        present: (N, O) whether the object is on the screen.
    """

    names: tuple[str, ...]
    points: NDArray[np.float64]
    present: NDArray[np.bool_]


def object_places(labels: GameLabels, ram: NDArray[np.uint8]) -> ObjectPlaces:
    """Read where objects are from RAM uint8 (N, 128), by labels of view ``"pixel"``.

    An object is present where all its labels say so.
    """
    if labels.view != "pixel":
        raise ValueError(f"places on the screen need labels of view 'pixel', got {labels.view!r}")
    truth = labels.read(ram)
    names = tuple(dict.fromkeys(labels.objects))
    points = np.full((len(truth.values), len(names), 2), np.nan)
    present = np.ones(points.shape[:2], np.bool_)
    for column, label in enumerate(labels.labels):
        owner = names.index(label.object)
        points[:, owner, "xy".index(label.axis)] = truth.values[:, column]
        present[:, owner] &= truth.presence[:, column]
    return ObjectPlaces(names, points, present)


def find_offsets(boxes: Floats, objects: ObjectPlaces, *, still_axes: bool) -> NDArray[np.float64]:
    """Return the constant offset from each object's point to the middle of its slot.

    It is the densest place among the differences to all slots.

    Args:
        boxes: (N, K, 5) presence from 0 to 1, x and y of the middle in pixels, and two more.
        objects: Where the O objects are in the same frames.
        still_axes: As for :func:`slotenv.probe.slot_identity`.

    Returns:
        (O, 2); NaN along axes that are not looked at, and for an object that is never there.
    """
    return np.stack(
        [
            _offset(objects.points[there, o], boxes[there], still_axes=still_axes)
            for o, there in enumerate(objects.present.T)
        ]
    )


def middles_at(points: NDArray[np.float64], offsets: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return where the middles of slots should be, (N, O, 2), for objects at ``points``."""
    return np.where(np.isnan(points), 0, points) + offsets


def find_holders(
    boxes: Floats,
    middles: NDArray[np.float64],
    present: NDArray[np.bool_],
    radius: float,
) -> NDArray[np.intp]:
    """Pair the objects and the slots of each frame so that their distances together are smallest.

    An object without a slot counts as much as one at the radius.

    Args:
        boxes: (N, K, 5) as for :func:`find_offsets`; a slot is there while its presence is above
            :data:`slotenv.tracking.SEEN`.
        middles: (N, O, 2) where the middle of each object's slot should be; NaN along axes that are
            not looked at.
        present: (N, O) which objects are there.
        radius: Distance in pixels from which on a slot does not hold an object.

    Returns:
        (N, O) the slot of each object, -1 where it has none.
    """
    holders = np.full(present.shape, -1, np.intp)
    for t, there in enumerate(present):
        slots = np.flatnonzero(boxes[t, :, 0] > SEEN)
        apart = distances(middles[t, there, None], boxes[t, slots]).clip(max=radius)
        rows, columns = linear_sum_assignment(apart)
        close = apart[rows, columns] < radius
        holders[t, np.flatnonzero(there)[rows[close]]] = slots[columns[close]]
    return holders


def distances(middles: Floats, boxes: Floats) -> NDArray[np.float64]:
    """Return the distances (...) of middles (..., 2) from boxes (..., 5), NaN axes left out."""
    return np.asarray(np.sqrt(np.nansum((boxes[..., 1:3] - middles) ** 2, axis=-1)))


def check_places(boxes: NDArray[Any], objects: ObjectPlaces, radius: float) -> None:
    """Raise a ValueError unless boxes and places are of the same frames, finite and complete."""
    checks.shape("boxes", boxes, "N", "K", 5)
    checks.finite("boxes", boxes)
    checks.shape("points of the objects", objects.points, len(boxes), len(objects.names), 2)
    checks.shape("presence of the objects", objects.present, len(boxes), len(objects.names))
    unknown = np.isnan(objects.points)
    for o, name in enumerate(objects.names):
        axes = unknown[:, o].all(axis=0)
        if axes.all() or (unknown[:, o].any(axis=0) & ~axes).any():
            raise ValueError(f"{name} needs x or y, and NaN in all frames or in none of an axis")
    if not radius > 0:
        raise ValueError(f"radius must be positive, got {radius}")


def _offset(points: Floats, boxes: Floats, *, still_axes: bool) -> NDArray[np.float64]:
    """Return x and y from one object's points (n, 2) to its slot's middle; NaN if not looked at."""
    offset = np.full(2, np.nan)
    labelled = ~np.isnan(points).all(axis=0)
    axes = np.flatnonzero(labelled | (still_axes & labelled.any()))
    if not len(points) or not len(axes):
        return offset
    places = np.where(labelled, points, 0)[:, None]
    differences = (boxes[..., 1:3] - places)[boxes[..., 0] > SEEN]  # (m, 2)
    near = (np.abs(differences) <= _FARTHEST_OFFSET) | ~labelled
    differences = differences[near.all(axis=1)][:, axes]
    offset[axes] = 0
    if not len(differences):
        return offset
    cells, counts = np.unique(np.round(differences / _CELL), axis=0, return_counts=True)
    middle = cells[counts.argmax()] * _CELL
    for _ in range(3):  # what is dense may lie across the borders of cells
        around = (np.abs(differences - middle) <= _CELL).all(axis=1)
        middle = np.median(differences[around], axis=0) if around.any() else middle
    offset[axes] = middle
    return offset
