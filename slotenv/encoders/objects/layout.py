"""Where on the screen what happens: displays, such as scores and lives, and the playing field.

Digits change, lights go on and off, and nothing that is there goes elsewhere. A display is a part
of the screen of its own, in which nothing moves; the field is where something does.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage  # type: ignore[import-untyped]

from slotenv.encoders.objects.kinds import STEP, Steps, pairs_of
from slotenv.encoders.objects.looks import MIN_SIZE
from slotenv.encoders.objects.pieces import Ints, Pieces, Runs, Screen, find_pieces

_FLASH = 0.25  # share of the screen: frames with more foreground do not tell where things happen
_FEWEST_STEPS = 10  # in which something is there, to say that nothing moves
_MOVING = 0.03  # share of these steps: digits look now and then as if one had moved
_MOST = (0.25, 0.5)  # of the screen's height and width: where ships wait is no display
_LEAST_FIELD = 0.25  # of the screen's height, and of its width
_MOSTLY = 0.5  # of the area of a display
_SAME_SIZE = 0.1  # log of the factor in pixels and in extents: what moves stays what it is


class Layout(NamedTuple):
    """Parts of the screen, as first row, first column, row after the last, column after the last.

    Attributes:
        displays: (D, 4) those in which something changes and nothing moves, the most often used
            first.
        field: (4,) the smallest that holds all other parts in which there is often something. An
            axis along which it would be short is not cut: what keeps to a row is not at its edge.
    """

    displays: Ints
    field: Ints


def whole_screen(shape: tuple[int, int]) -> Layout:
    """Return a layout without displays, where all is field."""
    return Layout(np.zeros((0, 4), np.int64), np.array([0, 0, *shape]))


def find_layout(runs: Runs, steps: tuple[Runs, Runs] | None, screen: Screen) -> Layout:
    """Find displays and the field in the foreground of frames, and in steps.

    Places that touch are one part of the screen, by the gaps that pieces may have. Without steps
    nothing is known of what moves: there are no displays then.
    """
    seen = occupied(runs, screen.shape)
    if steps is None or not seen.any():
        return whole_screen(screen.shape)
    near = ndimage.binary_dilation(seen, np.ones((3, 3), np.bool_))  # bridges gaps of two pixels
    part = ndimage.label(near, np.ones((3, 3)))[0] * seen
    boxes = [
        np.array([rows.start, columns.start, rows.stop, columns.stop])
        for rows, columns in ndimage.find_objects(part)
    ]
    pieces, of = zip(*(_pieces_in(part, runs, screen) for runs in steps), strict=True)
    count = int(part.max()) + 1
    there = sum(_steps_with(one, where, count) for one, where in zip(pieces, of, strict=True)) / 2
    often = np.asarray(there >= _FEWEST_STEPS)
    often[0] = False  # what is in no part
    still = often & (_moves(Steps(pieces[0], of[0], pieces[1], of[1]), count) <= _MOVING * there)
    reach = np.array([box[2:] - box[:2] for box in boxes]) / screen.shape
    still[1:] &= (reach < _MOST).all(1)
    field = _box_of((often & ~still)[part], screen.shape)
    chosen = [number for number in np.argsort(-there, kind="stable") if still[number]]
    displays = _apart([boxes[number - 1] for number in chosen])
    displays = displays[[not _is_inside(display, field) for display in displays]]
    for axis, length in enumerate(screen.shape):
        if field[axis + 2] - field[axis] < _LEAST_FIELD * length:
            field[[axis, axis + 2]] = 0, length
    return Layout(displays, field)


def _box_of(where: NDArray[np.bool_], shape: tuple[int, int]) -> Ints:
    """Return the smallest box, (4,), around the places that are true; all of it if none is."""
    box = whole_screen(shape).field
    for axis in (0, 1):
        used = np.flatnonzero(where.any(1 - axis))
        if len(used):
            box[[axis, axis + 2]] = used[0], used[-1] + 1
    return box


def _is_inside(display: Ints, field: Ints) -> bool:
    """Return whether most of a display is inside of the field: a hole in a wall is no display."""
    shared = np.minimum(display[2:], field[2:]) - np.maximum(display[:2], field[:2])
    return bool(shared.clip(0).prod() > _MOSTLY * (display[2:] - display[:2]).prod())


def occupied(runs: Runs, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return where there is foreground in two frames or more, (H, W), flashes left out."""
    height, width = shape
    share = np.bincount(runs.frame, runs.length, minlength=1) / (height * width)
    some = runs.select(share[runs.frame] <= _FLASH)
    change = np.zeros((height, width + 1), np.int64)
    np.add.at(change, (some.row, some.column), 1)
    np.add.at(change, (some.row, some.column + some.length), -1)
    often: NDArray[np.bool_] = change.cumsum(1)[:, :-1] > 1
    return often


def display_of(runs: Runs, displays: Ints) -> Ints:
    """Return in which of the displays (D, 4) each run lies from end to end, (n,); -1 for none."""
    number = np.full(len(runs.row), -1, np.int64)
    end = runs.column + runs.length
    for which in np.flatnonzero(displays.any(1)):
        top, left, bottom, right = displays[which]
        inside = (runs.row >= top) & (runs.row < bottom) & (runs.column >= left) & (end <= right)
        number[inside] = which
    return number


def _pieces_in(part: Ints, runs: Runs, screen: Screen) -> tuple[Pieces, Ints]:
    """Return pieces, and in which part of the screen, (H, W), each is, (N,)."""
    runs, piece, pieces = find_pieces(runs, screen, apart=runs.scenery)
    where = np.zeros(len(pieces.frame), np.int64)
    where[piece] = part[runs.row, runs.column]
    return pieces, where


def _steps_with(pieces: Pieces, where: Ints, count: int) -> Ints:
    """Return in how many frames there is something in each part, (P,)."""
    return np.bincount(np.unique(pieces.frame * count + where) % count, minlength=count)


def _moves(steps: Steps, count: int) -> Ints:
    """Return in how many steps something moves in each part, (P,): it is elsewhere, as it was.

    The parts stand for looks: in one, what stays near is the same thing.
    """
    before, where, after, _ = steps
    size = [_size(pieces) for pieces in (before, after)]
    moved = np.zeros(count, np.int64)
    for rows, columns in pairs_of(steps):
        far = (np.abs(before.middle[rows] - after.middle[columns]) > STEP).any(1)
        same = (np.abs(size[0][rows] - size[1][columns]) < _SAME_SIZE).all(1)
        moved[np.unique(where[rows[far & same]])] += 1
    return moved


def _size(pieces: Pieces) -> NDArray[np.float64]:
    """Return (N, 3) log of pixels, and of both extents."""
    variance = np.maximum(pieces.variance, MIN_SIZE**2)
    return np.log(np.concatenate([pieces.moments[:, :1], variance], axis=1).astype(np.float64))


def _cut(array: NDArray[Any], box: Ints) -> NDArray[Any]:
    top, left, bottom, right = box
    return array[top:bottom, left:right]


def _apart(boxes: list[Ints]) -> Ints:
    """Return (D, 4) boxes of which none overlap: those that do are one."""
    kept: list[Ints] = []
    for box in boxes:
        joined = box
        while overlap := [other for other in kept if _overlap(joined, other)]:
            kept = [other for other in kept if not _overlap(joined, other)]
            both = np.stack([joined, *overlap])
            joined = np.concatenate([both[:, :2].min(0), both[:, 2:].max(0)])
        kept.append(joined)
    return np.array(kept, np.int64).reshape(-1, 4)


def _overlap(one: Ints, other: Ints) -> bool:
    return bool((one[:2] < other[2:]).all() and (other[:2] < one[2:]).all())
