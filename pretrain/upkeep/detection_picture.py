"""A picture of a detection measurement: true boxes and found ones on one frame."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pretrain.data.store import FrameStore
from pretrain.drawing.marked_frame import COLOURS, draw_marks
from pretrain.drawing.marks import Mark, slot_marks
from slotenv.probe import TrueObjects

_WHITE = COLOURS.index((255, 255, 255))


def draw_detection(store: FrameStore, true: TrueObjects, found: NDArray[np.float32]) -> Image.Image:
    """Draw true boxes, in white, and found ones on the frame with the most counted objects.

    Args:
        store: Frames, of which the last N were judged.
        true: The objects in these.
        found: (N, K, 5) what was found in them.
    """
    counts = np.bincount(true.frame[true.counted[true.kind]], minlength=len(found))
    t = int(counts.argmax())
    frame = store.frames([len(store) - len(found) + t])[0]
    marks = true_marks(true, t)
    for mark in slot_marks([found[t]], frame.shape):
        marks.append(mark._replace(colour=mark.colour + (mark.colour >= _WHITE)))
    return draw_marks(frame, marks)


def true_marks(true: TrueObjects, frame: int) -> list[Mark]:
    """Return a white mark for each counted object of a frame; the first of a kind has its name."""
    marks, named = [], set[int]()
    for row in np.flatnonzero(true.frame == frame):
        kind = int(true.kind[row])
        if true.counted[kind]:
            x, y, width, height = true.box[row]
            left, top = round(x - (width - 1) / 2), round(y - (height - 1) / 2)
            name = "" if kind in named else true.kinds[kind]
            right, bottom = left + round(width), top + round(height)
            marks.append(Mark(name, left, top, right, bottom, colour=_WHITE))
            named.add(kind)
    return marks
