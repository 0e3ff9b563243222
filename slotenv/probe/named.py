"""The named reading: slots in the order of the true objects, whatever order they came in.

Where objects are alike, a probe that must name the third robot fails although all three are seen.
What it reads after each frame's slots were matched to the objects is what a perfect order would
get.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from slotenv.probe.places import (
    RADIUS,
    ObjectPlaces,
    check_places,
    find_holders,
    find_offsets,
    middles_at,
)
from slotenv.tracking import track_recording

_FIELDS = ("presence", "x", "y", "width", "height")


def named_slots(
    boxes: NDArray[np.floating[Any]],
    objects: ObjectPlaces,
    *,
    learn_from: NDArray[np.integer[Any]] | slice = slice(None),
    radius: float = RADIUS,
) -> NDArray[np.float32]:
    """Give each object the box of the slot that lies on it.

    In each frame, objects and slots that are there are paired so that the sum of their distances is
    smallest, as :func:`slotenv.probe.slot_identity` does with ``still_axes``. The places of the
    objects decide the pairs: with slots all over the screen some slot always fits. So show what is
    read beside precision (:func:`slotenv.probe.detection`).

    Args:
        boxes: (N, K, 5) presence from 0 to 1, x and y of the middle, width and height in pixels.
        objects: Where the P objects are in the same frames.
        learn_from: Frames in which the constant offset from an object's point to its slot's middle
            is looked for; all by default. An object that is in none of them has no slot.
        radius: Distance in pixels from which on a slot does not hold an object.

    Returns:
        (N, P, 5), zeros where an object is absent or no slot is near.

    Raises:
        ValueError: As :func:`slotenv.probe.slot_identity`.

    Example:
        >>> one = ObjectPlaces(("ball",), np.array([[[8.0, 6.0]]]), np.array([[True]]))
        >>> named_slots(np.array([[[1, 90, 90, 4, 4], [1, 9, 7, 3, 2]]]), one)
        array([[[1., 9., 7., 3., 2.]]], dtype=float32)
    """
    boxes = np.asarray(boxes, np.float64)
    check_places(boxes, objects, radius)
    known = ObjectPlaces(objects.names, objects.points[learn_from], objects.present[learn_from])
    offsets = find_offsets(boxes[learn_from], known, still_axes=True)
    present = objects.present & ~np.isnan(offsets).all(axis=1)
    holders = find_holders(boxes, middles_at(objects.points, offsets), present, radius)
    named = np.zeros((*holders.shape, 5), np.float32)
    frame, owner = np.nonzero(holders >= 0)
    named[frame, owner] = boxes[frame, holders[frame, owner]]
    return named


def held_boxes(
    boxes: NDArray[np.float32],
    episode: NDArray[np.integer[Any]],
    held: tuple[int, ...] | None = None,
) -> NDArray[np.float32]:
    """Leave hidden slots where they were last seen in their episode, as ``hold=True`` does.

    Args:
        boxes: (N, K, 5) in the order of play.
        episode: (N,) the episode of each frame.
        held: The encoder's ``held_slots``; all by default.

    Returns:
        (N, K, 5). The presence is 1 where a held slot was seen in this step or the last few
        (:data:`slotenv.tracking.MEMORY_STEPS`), else 0.
    """
    faded = boxes.copy()
    faded[..., 1:] *= boxes[..., :1]  # as slots are, which is undone for what is held
    shown = track_recording(faded, episode, fields=_FIELDS, held=held)
    shown[..., 0] = shown[..., 1:].any(axis=-1)
    return shown
