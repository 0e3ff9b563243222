"""Detection: how many of the true objects have a slot, and how many slots have an object.

A slot and an object may be paired if their middles are at most 4 pixels apart or their boxes have
an intersection over union (IoU) of at least 0.3. Of all ways to pair the slots of a frame with its
objects one to one, the one with the most pairs counts, and of those the one with the least sum of
distances between middles (the Hungarian method, as in https://arxiv.org/abs/2005.12872).

Slots on objects that need no slot, such as score digits, are neither right nor wrong, and neither
are slots near boxes that are known to be wrong: as benchmarks of detection treat regions of crowds
(COCO, https://arxiv.org/abs/1405.0312).
"""

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment  # type: ignore[import-untyped]

from slotenv import checks, records
from slotenv.records import Count, Text
from slotenv.tracking import SEEN

NEAR = 4.0
"""Pixels between two middles that may be one object's: half of what a small sprite is wide."""
OVERLAP = 0.3
"""IoU of two boxes that may be one object's, whose edges are read in different ways."""
STRICT_OVERLAP = 0.5
"""IoU that benchmarks of detection ask for."""

ABOUT = 8.0
"""Pixels around a box that is not trusted, within which its object may be: a sprite's width. Most
boxes that were seen to be wrong are up to so far beside their objects, a few are farther."""

_FAR = 1e6  # pixels; more than all distances of a frame together


class TrueObjects(NamedTuple):
    """The M true objects in N frames, those of one frame after the other.

    Attributes:
        frame: (M,) int, ascending: the number of the frame that each is in.
        kind: (M,) int: its kind, an index into ``kinds``.
        box: (M, 4) float: x and y of the middle, width and height in pixels. Width and height are
            NaN where they are not known; such an object is found by its middle alone.
        kinds: Names of the kinds.
        counted: (kinds,) bool: kinds that slots should find. Others, such as score digits and
            walls, are no miss without a slot, and a slot on them is not judged.
        trusted: (kinds,) bool: kinds whose boxes are where the objects are; None if all are. Of the
            others none may be counted, and a slot within :data:`ABOUT` of such a box is not judged.
    """

    frame: NDArray[np.integer[Any]]
    kind: NDArray[np.integer[Any]]
    box: NDArray[np.floating[Any]]
    kinds: tuple[str, ...]
    counted: NDArray[np.bool_]
    trusted: NDArray[np.bool_] | None = None


@dataclass(frozen=True, kw_only=True)
class DetectionReport:
    """What was found. A share is None where there is nothing to take a share of.

    Attributes:
        frames: How many frames.
        objects: How many counted objects, over all frames.
        slots: How many slots with a presence above :data:`slotenv.tracking.SEEN`, over all frames.
        elsewhere: Share of these slots that are not judged: on an object that is not counted, or
            near a box that is not trusted.
        precision: Share of the other slots that are paired with a counted object.
        recall: Share of counted objects that are paired.
        f1: Harmonic mean of the two.
        strict_f1: The same if nothing but an IoU of 0.5 allows a pair.
        f1_of_all: F1 if slots elsewhere were wrong, too: slots of one kind of encoder may lie on
            displays more often than those of another.
        doubles: Share of all slots that may be paired with a counted object which another slot has.
        on_nothing: Share of all slots on no object of any kind: they may be paired with none, their
            middle is in no box, and near none that is not trusted.
        recall_by_kind: Recall of each counted kind that occurs.
    """

    __pydantic_config__ = records.STRICT

    frames: Count
    objects: Count
    slots: Count
    elsewhere: float | None
    precision: float | None
    recall: float | None
    f1: float | None
    strict_f1: float | None
    f1_of_all: float | None
    doubles: float | None
    on_nothing: float | None
    recall_by_kind: dict[Text, float]

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain JSON values."""
        return asdict(self)


def detection(slots: NDArray[np.floating[Any]], true: TrueObjects) -> DetectionReport:
    """Compare where slots are with where objects are.

    Args:
        slots: (N, K, 5) presence from 0 to 1, x and y of the middle, width and height in pixels, as
            :meth:`slotenv.encoders.ObjectEncoder.boxes` returns them.
        true: The objects of the same N frames.

    Raises:
        TypeError: If what is trusted is given, and it or what is counted is not bool.
        ValueError: If the shapes do not fit, slots are not finite, frames are not in order or not
            those of the slots, or a kind is counted whose boxes are not trusted.

    Example:
        >>> ball = TrueObjects(
        ...     frame=np.array([0]), kind=np.array([0]), box=np.array([[9.0, 9.0, 2.0, 2.0]]),
        ...     kinds=("ball",), counted=np.array([True]),
        ... )
        >>> slots = np.array([[[1, 9, 8, 2, 2], [1, 80, 80, 2, 2]]])
        >>> report = detection(slots, ball)
        >>> report.precision, report.recall, report.on_nothing
        (0.5, 1.0, 0.5)
    """
    _check(slots, true)
    counted = true.counted[true.kind]
    trusted = np.ones(len(counted), np.bool_)
    if true.trusted is not None:
        trusted = true.trusted[true.kind]
    found = np.zeros(len(counted), np.bool_)
    starts = np.searchsorted(true.frame, np.arange(len(slots) + 1))
    present = paired = strictly = doubles = nothing = elsewhere = 0
    for boxes, start, end in zip(slots, starts, starts[1:], strict=False):
        boxes = boxes[boxes[:, 0] > SEEN, 1:].astype(np.float64)
        here = slice(start, end)
        seen = _compare(boxes, true.box[here])
        should = counted[here]
        on = seen.may_pair | seen.inside
        on |= seen.about & ~trusted[here]
        may, apart = seen.may_pair[:, should], seen.apart[:, should]
        rows, columns = _pair(may, apart)
        found[start + np.flatnonzero(should)[columns]] = True
        present += len(boxes)
        paired += len(rows)
        strictly += len(_pair(seen.overlap[:, should] >= STRICT_OVERLAP, apart)[0])
        # Were the object of a slot that is left over free, there would be one more pair.
        doubles += int(may.any(axis=1).sum()) - len(rows)
        nothing += int((~on.any(axis=1)).sum())
        elsewhere += int((on[:, ~should].any(axis=1) & ~on[:, should].any(axis=1)).sum())
    objects = int(counted.sum())
    occurring = [k for k in np.unique(true.kind) if true.counted[k]]
    return DetectionReport(
        frames=len(slots),
        objects=objects,
        slots=present,
        elsewhere=_share(elsewhere, present),
        precision=_share(paired, present - elsewhere),
        recall=_share(paired, objects),
        f1=_share(2 * paired, present - elsewhere + objects),
        strict_f1=_share(2 * strictly, present - elsewhere + objects),
        f1_of_all=_share(2 * paired, present + objects),
        doubles=_share(doubles, present),
        on_nothing=_share(nothing, present),
        recall_by_kind={true.kinds[k]: float(found[true.kind == k].mean()) for k in occurring},
    )


class _Compared(NamedTuple):
    """Arrays (n, m): how n slots and m objects lie to each other."""

    may_pair: NDArray[np.bool_]
    inside: NDArray[np.bool_]
    about: NDArray[np.bool_]
    overlap: NDArray[np.float64]
    apart: NDArray[np.float64]


def _compare(found: NDArray[np.float64], true: NDArray[np.floating[Any]]) -> _Compared:
    middle, size = found[:, None, :2], found[:, None, 2:]
    true_middle, true_size = true[None, :, :2], true[None, :, 2:]
    away = np.abs(middle - true_middle)
    apart = np.hypot(away[..., 0], away[..., 1])
    low = np.maximum(middle - size / 2, true_middle - true_size / 2)
    high = np.minimum(middle + size / 2, true_middle + true_size / 2)
    shared = (high - low).clip(0).prod(-1)
    union = size.prod(-1) + true_size.prod(-1) - shared
    # A size that is not known, NaN, overlaps with nothing, and neither do two boxes of no size.
    overlap = np.nan_to_num(shared / np.where(union > 0, union, np.nan))
    inside = np.asarray((away <= true_size / 2).all(axis=-1))
    about = np.asarray((away <= np.nan_to_num(true_size) / 2 + ABOUT).all(axis=-1))
    return _Compared((apart <= NEAR) | (overlap >= OVERLAP), inside, about, overlap, apart)


def _pair(
    may: NDArray[np.bool_], apart: NDArray[np.float64]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Pair rows and columns that may be paired: as many as possible, of those the nearest."""
    rows, columns = linear_sum_assignment(np.where(may, apart - _FAR, 0.0))
    kept = may[rows, columns]
    return rows[kept], columns[kept]


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _check(slots: NDArray[np.floating[Any]], true: TrueObjects) -> None:
    if slots.ndim != 3 or slots.shape[2] != 5:
        raise ValueError(f"slots must have shape (N, K, 5), as boxes gives them, got {slots.shape}")
    checks.finite("slots", slots)
    count, kinds = len(true.frame), len(true.kinds)
    for name, array, shape in (
        ("kind", true.kind, (count,)),
        ("box", true.box, (count, 4)),
        ("counted", true.counted, (kinds,)),
    ):
        if np.shape(array) != shape:
            raise ValueError(f"{name} must have shape {shape}, got {np.shape(array)}")
    _check_trusted(true)
    if count and not 0 <= true.kind.min() <= true.kind.max() < kinds:
        raise ValueError(f"kind must lie in 0..{kinds - 1}, as there are {kinds} kinds")
    if not np.isfinite(true.box[:, :2]).all():
        raise ValueError("middles of objects must be finite, got NaN or infinite numbers")
    if (np.diff(true.frame) < 0).any():
        raise ValueError("objects must be in the order of their frames")
    if count and not 0 <= true.frame[0] <= true.frame[-1] < len(slots):
        raise ValueError(
            f"objects are in frames {true.frame[0]} to {true.frame[-1]}, there are {len(slots)} "
            "frames of slots"
        )


def _check_trusted(true: TrueObjects) -> None:
    if true.trusted is None:
        return
    kinds = len(true.kinds)
    if np.shape(true.trusted) != (kinds,):
        raise ValueError(f"trusted must have shape ({kinds},), got {np.shape(true.trusted)}")
    for name, array in (("counted", true.counted), ("trusted", true.trusted)):
        if array.dtype != np.bool_:
            raise TypeError(f"{name} must be bool, got {array.dtype}")
    if (true.counted & ~true.trusted).any():
        names = [true.kinds[k] for k in np.flatnonzero(true.counted & ~true.trusted)]
        raise ValueError(f"kinds whose boxes are not trusted cannot count: {', '.join(names)}")
