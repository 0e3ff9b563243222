"""Simple ways to say where objects are, which ours must beat.

``difference`` knows no objects: what differs from the background, in connected pieces that a small
tracker follows. ``mean`` looks at no frame: every true object where it was on average.
"""

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment  # type: ignore[import-untyped]

from pretrain.data.store import FrameStore
from pretrain.drawing.moments import sample_rows
from slotenv.probe import TrueObjects
from slotenv.probe.dataset import frame_batches

MOST_BOXES = 24
"""As many as an encoder of objects has slots unless it is asked for more."""

_SAMPLE, _BATCH = 500, 250  # frames
_LEAST_PIXELS = 2  # of a piece: a missile is one pixel wide
_REACH = 16.0  # pixels from where an object is expected, from which on it is another one
_COASTS = 2  # frames that an object may be missing: what flickers is drawn every other frame
_JOIN = np.ones((3, 3), np.uint8)  # pieces with a gap of two pixels are one

Boxes = NDArray[np.float32]
"""(..., 5) presence 0 or 1, x and y of the middle, width and height, in pixels."""


def difference_boxes(store: FrameStore) -> Boxes:
    """Return the largest connected pieces of each frame that differ from the background.

    The background is the median of up to 500 frames of the first half, channel by channel.

    Returns:
        (N, 24, 5), the largest piece first, in no order that lasts.
    """
    sample = store.frames(sample_rows(len(store) // 2, _SAMPLE))
    background = np.median(sample, axis=0).astype(np.uint8)
    batches = frame_batches(store, len(store), _BATCH)
    return np.stack([_pieces(frame, background) for frames in batches for frame in frames])


def tracked(pieces: Boxes, episode: NDArray[np.int64]) -> Boxes:
    """Follow pieces from frame to frame, each in its own row.

    A piece is expected to go on as it went in the step before, and takes the nearest piece within
    16 pixels, so that the sum of distances is smallest. It is shown where it is expected for up to
    two frames without any. A new piece takes a free row; where there is none, it is not shown.

    Args:
        pieces: (N, K, 5) in the order of play.
        episode: (N,) the episode of each frame.

    Returns:
        (N, K, 5).
    """
    shown = np.zeros_like(pieces)
    rows, speed = np.zeros_like(pieces[0]), np.zeros_like(pieces[0, :, :2])
    missed = np.zeros(len(rows), int)
    for t, found in enumerate(pieces):
        if t and episode[t] != episode[t - 1]:
            rows[:] = 0
        found = found[found[:, 0] > 0]
        old = np.flatnonzero(rows[:, 0])
        rows[old, 1:3] += speed[old]
        taken, piece = _nearest(rows[old, 1:3], found[:, 1:3])
        taken = old[taken]
        speed[taken] += (found[piece, 1:3] - rows[taken, 1:3]) / (1 + missed[taken, None])
        rows[taken], missed[taken] = found[piece], 0
        lost = np.setdiff1d(old, taken)
        missed[lost] += 1
        rows[lost[missed[lost] > _COASTS]] = 0
        free = np.flatnonzero(rows[:, 0] == 0)
        new = np.setdiff1d(np.arange(len(found)), piece)[: len(free)]
        free = free[: len(new)]
        rows[free], speed[free], missed[free] = found[new], 0, 0
        shown[t] = rows
    return shown


def mean_boxes(true: TrueObjects, number: NDArray[np.int64], frames: int) -> Boxes:
    """Return (K, 5): counted objects that are there more often than not, at their mean box.

    Args:
        true: Objects of some frames to learn from.
        number: (M,) which object of the game each is.
        frames: How many frames there are to learn from.

    Returns:
        Up to 24, those that are there most often.
    """
    counts = true.counted[true.kind]
    numbers, which = np.unique(number[counts], return_inverse=True)
    often = np.bincount(which, minlength=len(numbers))
    sums = np.zeros((len(numbers), 4))
    np.add.at(sums, which, true.box[counts])
    kept = np.argsort(-often, kind="stable")[:MOST_BOXES]
    kept = kept[often[kept] > frames / 2]
    boxes = np.hstack([np.ones((len(kept), 1)), sums[kept] / often[kept, None]])
    return boxes.astype(np.float32)


def _pieces(frame: NDArray[np.uint8], background: NDArray[np.uint8]) -> Boxes:
    differs = (frame != background).any(axis=-1).astype(np.uint8)
    joined = cv2.morphologyEx(differs, cv2.MORPH_CLOSE, _JOIN)
    _, _, found, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    area = found[1:, cv2.CC_STAT_AREA]  # the first is the background
    largest = 1 + np.argsort(-area, kind="stable")[: (area >= _LEAST_PIXELS).sum()][:MOST_BOXES]
    corner, size = found[largest, :2], found[largest, 2:4]
    boxes = np.zeros((MOST_BOXES, 5), np.float32)
    boxes[: len(largest)] = np.insert(np.hstack([corner + (size - 1) / 2, size]), 0, 1, axis=1)
    return boxes


def _nearest(
    expected: NDArray[np.float32], found: NDArray[np.float32]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Pair places that are within reach of each other."""
    apart = np.linalg.norm(expected[:, None] - found[None], axis=-1).clip(max=_REACH)
    rows, columns = linear_sum_assignment(apart)
    close = apart[rows, columns] < _REACH
    return rows[close], columns[close]
