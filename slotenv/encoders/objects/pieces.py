"""Connected pieces of the foreground: what a slot takes as a whole.

Pixels of one colour side by side are a run. Runs that touch, or have a small gap between them, are
a piece: the sprites of old consoles leave out every second line, or have eyes apart from the head.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from slotenv.encoders.readout import MASS, PLACE, SQUARES

GAP_COLUMNS = 2
"""Background pixels that may lie between two runs of a piece, in a row."""
GAP_ROWS = 1
"""Rows that may lie between two runs of a piece."""
MOST_PIECES = 256
"""Of a frame, the largest: games have a few dozen, a textured screen has thousands."""

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]


class Runs(NamedTuple):
    """The n runs of foreground of some frames, in the order of frames, rows and columns.

    Attributes:
        frame: (n,) the number of the frame.
        row: (n,) the row.
        column: (n,) the first column.
        length: (n,) how many pixels.
        colour: (n,) index into a palette.
        scenery: (n,) bool, whether the colour is one of the background's nearby.
    """

    frame: Ints
    row: Ints
    column: Ints
    length: Ints
    colour: Ints
    scenery: NDArray[np.bool_]

    def select(self, kept: Ints | NDArray[np.bool_]) -> "Runs":
        """Return some of the runs."""
        return Runs._make(field[kept] for field in self)


class Screen(NamedTuple):
    """What the frames are like that runs are of.

    Attributes:
        shape: Height and width.
        brightness: (C,) of each colour, 0 to 1.
        field: First row and column of the playing field, and those after the last; all by default.
    """

    shape: tuple[int, int]
    brightness: Floats
    field: Ints | None = None


class Pieces(NamedTuple):
    """The N pieces of some frames. Places and lengths are in half screens.

    Attributes:
        frame: (N,) the number of the frame, ascending.
        moments: (N, 6) pixels, and sums over them of row, column, their squares, and brightness.
        colours: (N, C) share of each colour.
        scenery: (N,) whether it has a colour of the background nearby.
        cut: (N, 2) whether it touches the top or the bottom of the playing field, and its left or
            right: part of it may lie beyond.
    """

    frame: Ints
    moments: Floats
    colours: Floats
    scenery: NDArray[np.bool_]
    cut: NDArray[np.bool_]

    @property
    def mass(self) -> Floats:
        """(N,) pixels."""
        mass: Floats = self.moments[:, MASS]
        return mass

    @property
    def middle(self) -> Floats:
        """(N, 2) mean row and column."""
        return self.moments[:, PLACE] / self.moments[:, :1]

    @property
    def variance(self) -> Floats:
        """(N, 2) of rows and of columns."""
        variance: Floats = self.moments[:, SQUARES] / self.moments[:, :1] - self.middle**2
        return variance

    def select(self, rows: Ints | NDArray[np.bool_]) -> "Pieces":
        """Return some of the pieces."""
        return Pieces._make(field[rows] for field in self)

    def join(self, more: "Pieces") -> "Pieces":
        """Return these and more of them behind."""
        return Pieces(
            frame=np.concatenate([self.frame, more.frame]),
            moments=np.concatenate([self.moments, more.moments]),
            colours=np.concatenate([self.colours, more.colours]),
            scenery=np.concatenate([self.scenery, more.scenery]),
            cut=np.concatenate([self.cut, more.cut]),
        )


def find_pieces(
    runs: Runs,
    screen: Screen,
    *,
    apart: Ints | NDArray[np.bool_] | None = None,
) -> tuple[Runs, Ints, Pieces]:
    """Return runs, the piece of each, (n,), and what there is to know of pieces.

    Takes what :func:`connect` and :func:`gather` do. In frames of more than
    :data:`MOST_PIECES` the smallest are left out, and so are their runs.
    """
    piece = connect(runs, screen.shape, apart)
    kept = largest(runs, piece)
    if not kept.all():
        runs, piece = runs.select(kept), np.unique(piece[kept], return_inverse=True)[1]
    return runs, piece, gather(runs, piece, screen)


def largest(runs: Runs, piece: Ints, most: int = MOST_PIECES) -> NDArray[np.bool_]:
    """Return which runs, (n,), are of the ``most`` largest pieces of their frame."""
    count = int(piece.max(initial=-1)) + 1
    frame = np.zeros(count, np.int64)
    frame[piece] = runs.frame
    if np.bincount(frame, minlength=1).max() <= most:
        return np.ones(len(piece), np.bool_)
    order = np.lexsort((-np.bincount(piece, runs.length), frame))
    kept = np.zeros(count, np.bool_)
    kept[order] = position_within(frame[order]) < most
    large: NDArray[np.bool_] = kept[piece]
    return large


def position_within(cell: Ints) -> Ints:
    """Return the position of each in its stretch of equal cells, (n,)."""
    start = np.ones(len(cell), np.bool_)
    start[1:] = cell[1:] != cell[:-1]
    begin = np.flatnonzero(start)
    position: Ints = np.arange(len(cell)) - begin[np.cumsum(start) - 1]
    return position


def connect(
    runs: Runs, shape: tuple[int, int], apart: Ints | NDArray[np.bool_] | None = None
) -> Ints:
    """Return the piece of each run, (n,), numbered from 0 over all frames in their order.

    All runs lie on one long line, row after row, with so much room between rows that neighbours on
    the line are neighbours in a row. If a run touches any run of another row, it touches the first
    one that ends behind its own beginning, or is that first one for the other: so each run needs to
    be compared with one run of each row only.

    Args:
        runs: Of frames of a ``shape`` (height, width).
        shape: Of the frames.
        apart: (n,) runs in which this differs are never of one piece.
    """
    height, width = shape
    count = len(runs.frame)
    kind = np.zeros(count, np.int64) if apart is None else apart.astype(np.int64)
    order = np.argsort(kind, kind="stable")  # runs that are apart are far from each other
    num_frames = int(runs.frame.max(initial=-1)) + 1
    frame = (kind * num_frames + runs.frame)[order]
    pitch = width + 2 * (GAP_COLUMNS + 1)
    start = (frame * (height + GAP_ROWS + 1) + runs.row[order]) * pitch + runs.column[order]
    end = start + runs.length[order]
    first = [np.flatnonzero(start[1:] - end[:-1] <= GAP_COLUMNS)]
    second = [first[0] + 1]
    for rows in range(-GAP_ROWS - 1, GAP_ROWS + 2):
        if rows:
            low, high = start + rows * pitch, end + rows * pitch
            other = np.searchsorted(end, low - GAP_COLUMNS)
            touches = other < count
            touches &= start.take(other, mode="clip") <= high + GAP_COLUMNS
            first.append(np.flatnonzero(touches))
            second.append(other[touches])
    root = _roots(count, np.concatenate(first), np.concatenate(second))
    # Pieces of one frame follow each other.
    is_root = np.flatnonzero(root == np.arange(count))
    number = np.empty(count, np.int64)
    ranked = np.argsort(runs.frame[order[is_root]], kind="stable")
    number[is_root[ranked]] = np.arange(len(is_root))
    piece = np.empty(count, np.int64)
    piece[order] = number[root]
    return piece


def _roots(count: int, first: Ints, second: Ints) -> Ints:
    """Return of each of so many things, (n,), the first one that it is connected with by edges.

    A few hundred things are connected sooner in this way than by a graph of SciPy's.
    """
    root = np.arange(count)
    while True:
        one, other = root[first], root[second]
        apart = one != other
        if not apart.any():
            return root
        one, other = one[apart], other[apart]
        np.minimum.at(root, np.maximum(one, other), np.minimum(one, other))
        while (nearer := root[root]).tobytes() != root.tobytes():
            root = nearer


def gather(runs: Runs, piece: Ints, screen: Screen) -> Pieces:
    """Return what there is to know of pieces.

    Args:
        runs: The runs.
        piece: (n,) the piece of each, as :func:`connect` numbers them.
        screen: Of the frames.
    """
    height, width = screen.shape
    brightness = screen.brightness
    count = int(piece.max(initial=-1)) + 1
    num_colours = len(brightness)
    pixels = runs.length.astype(np.float64)
    row = (2 * runs.row + 1) / height - 1
    column = (2 * runs.column + runs.length) / width - 1
    within = (pixels**2 - 1) / (3 * width**2)  # variance of the columns of one run
    values = (1.0, row, column, row**2, column**2 + within, brightness[runs.colour])
    moments = np.stack(
        [np.bincount(piece, pixels * value, minlength=count) for value in values], axis=1
    )
    had = np.bincount(piece * num_colours + runs.colour, pixels, count * num_colours)
    colours = had.reshape(count, num_colours) / moments[:, :1]
    first = np.zeros(count, np.int64)
    first[piece[::-1]] = np.arange(len(piece))[::-1]
    scenery = np.bincount(piece, runs.scenery, minlength=count) > 0
    top, left, bottom, right = (0, 0, height, width) if screen.field is None else screen.field
    edges = (
        (runs.row <= top) | (runs.row >= bottom - 1),
        (runs.column <= left) | (runs.column + runs.length >= right),
    )
    cut = np.stack([np.bincount(piece, edge, minlength=count) > 0 for edge in edges], axis=1)
    return Pieces(
        frame=runs.frame[first],
        moments=moments.astype(np.float32),
        colours=colours.astype(np.float32),
        scenery=scenery,
        cut=cut,
    )
