"""Where the objects of recorded play are by the ``pixel`` labels, which tell edges but no sizes.

Labels are of left and top edges, or of one of them if an object never leaves its row or column. The
size, and the row or column, are those of the object's usual picture: the frames of the first half
are laid on each other so that the labels fall together, and what differs from the background in a
quarter of them or more is the object.
"""

import re

import cv2
import numpy as np
from numpy.typing import NDArray

from pretrain.data.store import FrameStore
from pretrain.drawing.moments import sample_rows
from pretrain.upkeep.truth import Truth, sorted_out, still_ones
from slotenv.labels import labels_for
from slotenv.probe import object_places

_SAMPLE = 500  # frames
_BEFORE = 8  # pixels to the left of and above a label's edge that are looked at
_WINDOW = (48, 72)  # pixels in all: the widest and the tallest object, and something around it
_SAME_EDGE = 3  # pixels between the edge that a label tells and the one that is seen
_OFTEN = 0.25  # share of frames in which a pixel of an object, in one of its poses, differs
_GAP = 5  # pixels between parts of one object, such as head and body
_FEWEST = 20  # frames without which nothing is said of an object


def label_truth(game: str, store: FrameStore) -> Truth:
    """Return where the ``pixel`` labels say that objects are; only what is on the screen.

    An object whose usual picture cannot be seen at its label is left out.

    Args:
        game: Its key.
        store: Frames and RAM.

    Raises:
        ValueError: If the game has no ``pixel`` labels.
    """
    places = object_places(labels_for(game, "pixel"), store.ram)
    rows = sample_rows(len(store) // 2, _SAMPLE)
    frames = store.frames(rows)
    differs = (frames != np.median(frames, axis=0).astype(np.uint8)).any(axis=-1)
    usual = []
    for points, there in zip(places.points.swapaxes(0, 1), places.present.T, strict=True):
        usual.append(_usual_box(points[rows[there[rows]]], differs[there[rows]]))
    first, size = np.split(np.array(usual), 2, axis=1)  # NaN if not seen
    first = np.nan_to_num(places.points) + first
    after = (first + size).clip(max=store.preset.shape[1::-1])
    first = first.clip(0)
    frame, number = np.nonzero(places.present & (after > first).all(axis=2))
    first, after = first[frame, number], after[frame, number]
    box = np.hstack([first + (after - first - 1) / 2, after - first])
    names = [re.sub(r"_?\d+$", "", name).replace("_", " ") for name in places.names]
    kinds = tuple(dict.fromkeys(names))
    kind = np.array([kinds.index(name) for name in names])[number]
    still = still_ones(frame, number, kind, places.points[frame, number], store.episode)
    why = np.where(still, 3, 0)
    truth = sorted_out(frame, kind, box, number, kinds, why, {})
    unseen = [name for k, name in enumerate(kinds) if k not in kind]
    return truth._replace(left_out=truth.left_out | dict.fromkeys(unseen, "not seen at its label"))


def _usual_box(edges: NDArray[np.float64], differs: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return x and y from an object's label to its first pixel, width and height.

    All are NaN if it is not seen. Along an axis without a label, it is the place itself.

    Args:
        edges: (n, 2) where the labels say that it is; NaN along an axis that has none.
        differs: (n, H, W) which pixels differ from the background then.
    """
    unknown = np.full(4, np.nan)
    labelled = ~np.isnan(edges).all(axis=0)
    if len(edges) and labelled.any():
        # Where it is most often, it may have become the background.
        usual, times = np.unique(edges[:, labelled], axis=0, return_counts=True)
        away = (edges[:, labelled] != usual[times.argmax()]).any(axis=1)
        edges, differs = edges[away], differs[away]
    if len(edges) < _FEWEST:
        return unknown
    height, width = differs.shape[1:]
    size = np.where(labelled, _WINDOW, (width, height))
    pad = max(_WINDOW) + _BEFORE
    padded = np.pad(differs, ((0, 0), (pad, pad), (pad, pad)))
    starts = np.where(labelled, np.round(edges) - _BEFORE, 0).astype(int)
    starts = starts.clip(-pad, np.array([width, height]) + pad - size) + pad
    total = np.zeros(size[::-1])
    for image, (left, top) in zip(padded, starts, strict=True):
        total += image[top : top + size[1], left : left + size[0]]
    often = (total >= _OFTEN * len(edges)).astype(np.uint8)
    joined = cv2.morphologyEx(often, cv2.MORPH_CLOSE, np.ones((_GAP, _GAP), np.uint8))
    _, of_part, parts, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    seen = np.bincount(of_part.ravel(), total.ravel())
    at_label = (np.abs(parts[:, :2] - _BEFORE) <= _SAME_EDGE) | ~labelled
    at_label[0] = False  # what is no part
    (fitting,) = np.nonzero(at_label.all(axis=1))
    if not len(fitting):
        return unknown
    box: NDArray[np.float64] = parts[fitting[seen[fitting].argmax()], :4].astype(np.float64)
    box[:2] -= np.where(labelled, _BEFORE, 0)
    return box
