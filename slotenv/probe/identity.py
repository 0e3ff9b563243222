"""How often the slot that holds an object changes within an episode."""

from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment  # type: ignore[import-untyped]

from slotenv import checks
from slotenv.labels import GameLabels, labels_for
from slotenv.probe.dataset import ProbeData, frame_batches
from slotenv.probe.report import Identity, IdentityReport
from slotenv.tracking import SEEN

RADIUS = 12.0
"""Pixels between an object and a slot from which on the slot is another's. Constant offsets are
taken out first, so that what is left is small: 8 to 12 px find nearly the same. At 16 px a car of
Freeway that has no slot takes one of the next lane, which is 16 px away."""

_FARTHEST_OFFSET = 16.0  # from the edge of the console's widest sprite, 32 px, to its middle
_CELL = 4.0  # px; offsets are looked for in squares of that size


class BoxEncoder(Protocol):
    """Such as :class:`slotenv.encoders.ObjectMixtureEncoder`."""

    def boxes(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return (B, K, 5) for frames (B, H, W, 3), as :func:`slot_identity` takes them."""


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


def run_identity(
    encoder: BoxEncoder,
    dataset: ProbeData,
    game: str,
    *,
    max_frames: int | None = None,
    radius: float = RADIUS,
    still_axes: bool = False,
    batch_size: int = 256,
) -> IdentityReport:
    """Measure how often the slot that holds an object changes.

    Args:
        encoder: One with ``boxes``.
        dataset: Frames and RAM from play that the encoder was not trained on.
        game: The game they come from, in any form that :func:`slotenv.labels.labels_for` takes.
        max_frames: How many of the first frames to look at; all by default.
        radius: As for :func:`slot_identity`.
        still_axes: As for :func:`slot_identity`.
        batch_size: Frames encoded at a time.

    Raises:
        TypeError: If the encoder has no ``boxes``, or RAM is not uint8.
        ValueError: If the game has no ``pixel`` labels, there are no frames, or shapes do not fit.

    Example:
        >>> report = run_identity(encoder, dataset, "pong")  # doctest: +SKIP
        >>> report.overall.changes_per_thousand, report.objects["ball"].share  # doctest: +SKIP
    """
    if not hasattr(encoder, "boxes"):
        raise TypeError(
            f"a {type(encoder).__name__} does not say where its slots are on the screen (boxes): "
            "use an encoder such as slotenv.encoders.ObjectMixtureEncoder"
        )
    labels = labels_for(game, "pixel")
    count = len(dataset)
    if max_frames is not None:
        count = min(checks.whole_number("max_frames", max_frames, low=1), count)
    objects = object_places(labels, dataset.ram[:count])
    boxes = [encoder.boxes(frames) for frames in frame_batches(dataset, count, batch_size)]
    episode = dataset.episode[:count]
    return slot_identity(
        np.concatenate(boxes), objects, episode, radius=radius, still_axes=still_axes
    )


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


def slot_identity(
    boxes: NDArray[np.floating[Any]],
    objects: ObjectPlaces,
    episode: NDArray[np.integer[Any]],
    *,
    radius: float = RADIUS,
    still_axes: bool = False,
) -> IdentityReport:
    """Count how often the slot that holds an object changes.

    The constant offset from a label's point to the slot's middle is found first, object by object:
    the densest place among the differences to all slots. Then, in each frame, objects that are
    there and slots that are there are paired so that the sum of their distances is smallest, where
    an object without a slot counts as much as one at the radius.

    Args:
        boxes: (N, K, 5) presence from 0 to 1, x and y of the middle in pixels, and two numbers that
            are not read. A slot is there while its presence is above
            :data:`slotenv.tracking.SEEN`.
        objects: Where the objects are.
        episode: (N,) the episode of each frame, in the order they were played.
        radius: Distance in pixels from which on a slot does not hold an object.
        still_axes: What becomes of an axis without a label. False: objects are matched on their
            other axis alone, where every slot that passes by is a candidate (in Freeway, cars that
            pass each other seem to change slots). True: the object is taken to stand still on that
            axis, which is why most ``pixel`` tables leave it out, at the place where slots most
            often are when they fit the other axis.

    Raises:
        ValueError: If shapes do not fit, boxes are not finite, there are no frames or objects, or
            the radius is not positive.
    """
    boxes = np.asarray(boxes, np.float64)
    _check(boxes, objects, episode, radius)
    names, points, present = objects
    offsets = np.stack(
        [
            _offset(points[there, o], boxes[there], still_axes=still_axes)
            for o, there in enumerate(present.T)
        ]
    )  # (O, 2), NaN along axes that are not looked at
    middles = np.where(np.isnan(points), 0, points) + offsets
    holders = np.full(present.shape, -1)  # (N, O) the slot of each object, -1: none
    for t, there in enumerate(present):
        slots = np.flatnonzero(boxes[t, :, 0] > SEEN)
        distances = _distances(middles[t, there, None], boxes[t, slots]).clip(max=radius)
        rows, columns = linear_sum_assignment(distances)
        close = distances[rows, columns] < radius
        holders[t, np.flatnonzero(there)[rows[close]]] = slots[columns[close]]
    run = np.cumsum(np.diff(episode, prepend=episode[:1]) != 0)  # (N,) numbers the episodes
    found = {}
    for o, name in enumerate(names):
        held = np.flatnonzero(holders[:, o] >= 0)
        changes = np.diff(holders[held, o]).astype(bool) & (np.diff(run[held]) == 0)
        changed, last = held[1:][changes], holders[held, o][:-1][changes]
        gaps = _distances(middles[changed, o], boxes[changed, last])
        still_there = (boxes[changed, last, 0] > SEEN) & (gaps < radius)
        free = (holders[changed] != last[:, None]).all(axis=1)
        x, y = (None if np.isnan(offset) else float(offset) for offset in offsets[o])
        found[name] = Identity(
            present=int(present[:, o].sum()),
            assigned=len(held),
            changes=len(changed),
            doubles=int((still_there & free).sum()),
            offset=(x, y),
        )
    return IdentityReport(
        objects=found,
        overall=Identity(
            present=sum(one.present for one in found.values()),
            assigned=sum(one.assigned for one in found.values()),
            changes=sum(one.changes for one in found.values()),
            doubles=sum(one.doubles for one in found.values()),
        ),
        num_slots=boxes.shape[1],
        frames=len(boxes),
        episodes=int(run[-1]) + 1,
        radius=float(radius),
        still_axes=still_axes,
    )


def _offset(
    points: NDArray[np.float64], boxes: NDArray[np.float64], *, still_axes: bool
) -> NDArray[np.float64]:
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


def _distances(middles: NDArray[np.float64], boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the distances (...) of middles (..., 2) from boxes (..., 5), NaN axes left out."""
    return np.asarray(np.sqrt(np.nansum((boxes[..., 1:3] - middles) ** 2, axis=-1)))


def _check(boxes: NDArray[Any], objects: ObjectPlaces, episode: Any, radius: float) -> None:
    checks.shape("boxes", boxes, "N", "K", 5)
    checks.finite("boxes", boxes)
    checks.shape("points of the objects", objects.points, len(boxes), len(objects.names), 2)
    checks.shape("presence of the objects", objects.present, len(boxes), len(objects.names))
    checks.shape("episode", episode, len(boxes))
    unknown = np.isnan(objects.points)
    for o, name in enumerate(objects.names):
        axes = unknown[:, o].all(axis=0)
        if axes.all() or (unknown[:, o].any(axis=0) & ~axes).any():
            raise ValueError(f"{name} needs x or y, and NaN in all frames or in none of an axis")
    if not radius > 0:
        raise ValueError(f"radius must be positive, got {radius}")
