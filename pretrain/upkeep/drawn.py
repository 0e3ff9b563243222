"""Which boxes have anything drawn in them: the console draws what flickers in some frames only."""

import numpy as np
from numpy.typing import NDArray

from pretrain.data.store import FrameStore
from pretrain.drawing.moments import sample_rows
from slotenv.probe.dataset import frame_batches

_SAMPLE, _BATCH = 500, 250  # frames
_BEYOND = 2  # pixels that a sprite may stick out of its box
_COVERED = np.iinfo(np.uint32).max  # no colour


def drawn(
    store: FrameStore,
    frame: NDArray[np.int64],
    first: NDArray[np.int64],
    after: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Return (M,) whether a box has a pixel unlike what is usual there while no box is near.

    Nothing is drawn either where a box and the pixels around it have one colour: what is usual may
    be another scene.

    Args:
        store: The frames.
        frame: (M,) ascending: the frame of each box.
        first: (M, 2) x and y of its first pixel.
        after: (M, 2) x and y after its last.
    """
    starts = np.searchsorted(frame, np.arange(len(store) + 1))
    rows = sample_rows(len(store), _SAMPLE)
    colours = _colours(store.frames(rows))
    for image, row in zip(colours, rows, strict=True):
        for i in range(starts[row], starts[row + 1]):
            (left, top), (right, bottom) = (first[i] - _BEYOND).clip(0), after[i] + _BEYOND
            image[top:bottom, left:right] = _COVERED
    colours.sort(axis=0)
    free = (colours != _COVERED).sum(axis=0)
    # The middle one of the colours; where boxes are all the time, none, which is unlike all.
    background = np.take_along_axis(colours, ((free - 1) // 2).clip(0)[None], axis=0)[0]
    found = np.zeros(len(frame), np.bool_)
    row = 0
    for frames in frame_batches(store, len(store), _BATCH):
        for image in _colours(frames):
            unlike = image != background
            for i in range(starts[row], starts[row + 1]):
                (left, top), (right, bottom) = first[i], after[i]
                around = image[max(top - 1, 0) : bottom + 1, max(left - 1, 0) : right + 1]
                is_plain = (around == around[0, 0]).all()
                found[i] = unlike[top:bottom, left:right].any() and not is_plain
            row += 1
    return found


def _colours(frames: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Return one number for each pixel's colour."""
    red, green, blue = np.moveaxis(frames.astype(np.uint32), -1, 0)
    colours: NDArray[np.uint32] = red << 16 | green << 8 | blue
    return colours
