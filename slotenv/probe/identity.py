"""How often the slot that holds an object changes within an episode."""

from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from slotenv import checks
from slotenv.labels import labels_for
from slotenv.probe.dataset import ProbeData, frame_batches
from slotenv.probe.places import (
    RADIUS,
    ObjectPlaces,
    check_places,
    distances,
    find_holders,
    find_offsets,
    middles_at,
    object_places,
)
from slotenv.probe.report import Identity, IdentityReport
from slotenv.tracking import SEEN, slot_order


class BoxEncoder(Protocol):
    """Such as :class:`slotenv.encoders.ObjectEncoder`."""

    def boxes(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return (B, K, 5) for frames (B, H, W, 3), as :func:`slot_identity` takes them."""


class FollowedEncoder(BoxEncoder, Protocol):
    """An encoder that says which things are alike, as a :class:`slotenv.SlotEncoder` does."""

    slot_fields: tuple[str, ...] | None

    @property
    def alike_slots(self) -> tuple[tuple[int, ...], ...]:
        """Groups of slots among which things may change."""

    def encode_with_boxes(
        self, frames: NDArray[np.uint8]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return slots (B, K, D) and boxes (B, K, 5) for frames (B, H, W, 3)."""


def followed_boxes(
    encoder: FollowedEncoder, dataset: ProbeData, count: int, batch_size: int = 256
) -> NDArray[np.float32]:
    """Return boxes of the first ``count`` frames, (N, K, 5), things that are alike followed.

    Their slots are those that wrappers show with ``hold`` or ``motion``.
    """
    batches = frame_batches(dataset, count, batch_size)
    parts = [encoder.encode_with_boxes(frames) for frames in batches]
    slots, boxes = map(np.concatenate, zip(*parts, strict=True))
    fields, alike = encoder.slot_fields, encoder.alike_slots
    order = slot_order(slots, dataset.episode[:count], fields=fields, alike=alike)
    return np.take_along_axis(boxes, order[..., None], axis=1)


def run_identity(
    encoder: BoxEncoder | FollowedEncoder,
    dataset: ProbeData,
    game: str,
    *,
    follow: bool = False,
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
        follow: Whether things that are alike are followed, as wrappers do with ``hold`` or
            ``motion``; the encoder must have ``alike_slots`` then. By default each frame stands for
            itself.
        max_frames: How many of the first frames to look at; all by default.
        radius: As for :func:`slot_identity`.
        still_axes: As for :func:`slot_identity`.
        batch_size: Frames encoded at a time.

    Raises:
        TypeError: If the encoder has no ``boxes``, is to be followed and has no ``alike_slots``, or
            RAM is not uint8.
        ValueError: If the game has no ``pixel`` labels, there are no frames, or shapes do not fit.

    Example:
        >>> report = run_identity(encoder, dataset, "pong")  # doctest: +SKIP
        >>> report.overall.changes_per_thousand, report.objects["ball"].share  # doctest: +SKIP
    """
    if not hasattr(encoder, "boxes"):
        raise TypeError(
            f"a {type(encoder).__name__} does not say where its slots are on the screen (boxes): "
            "use an encoder such as slotenv.encoders.ObjectEncoder"
        )
    if follow and not hasattr(encoder, "alike_slots"):
        raise TypeError(
            f"a {type(encoder).__name__} does not say which things are alike (alike_slots): use a "
            "slotenv.SlotEncoder, or leave follow out"
        )
    labels = labels_for(game, "pixel")
    count = len(dataset)
    if max_frames is not None:
        count = min(checks.whole_number("max_frames", max_frames, low=1), count)
    objects = object_places(labels, dataset.ram[:count])
    if follow:
        boxes = followed_boxes(cast(FollowedEncoder, encoder), dataset, count, batch_size)
    else:
        batches = frame_batches(dataset, count, batch_size)
        boxes = np.concatenate([encoder.boxes(frames) for frames in batches])
    episode = dataset.episode[:count]
    return slot_identity(boxes, objects, episode, radius=radius, still_axes=still_axes)


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
    check_places(boxes, objects, radius)
    checks.shape("episode", episode, len(boxes))
    names, points, present = objects
    offsets = find_offsets(boxes, objects, still_axes=still_axes)
    middles = middles_at(points, offsets)
    holders = find_holders(boxes, middles, present, radius)
    run = np.cumsum(np.diff(episode, prepend=episode[:1]) != 0)  # (N,) numbers the episodes
    found = {}
    for o, name in enumerate(names):
        held = np.flatnonzero(holders[:, o] >= 0)
        changes = np.diff(holders[held, o]).astype(bool) & (np.diff(run[held]) == 0)
        changed, last = held[1:][changes], holders[held, o][:-1][changes]
        gaps = distances(middles[changed, o], boxes[changed, last])
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
