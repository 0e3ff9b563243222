"""A frame with marks on it: lines around each object, its name, and a trail of where it came from.

Lines lie next to the object and hide nothing of it. An object whose size is not known has a corner
at its left and top edge; one of which a single edge is known has a dashed line across the frame.
"""

import textwrap
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageDraw, ImageFont, ImageOps

from pretrain.drawing.marks import OBJECT_SIZE, Mark

_PALETTE = """
ffeb28 46f0f0 ff5aff 96ff3c ff9628 ffffff 6eb4ff ff5a5a
ffb9cd 28e68c cda5ff ffc878 78ffd2 ff8cc8 c8ff78 8c8cff
ff7828 00cdff e678ff ffffa0 3cff3c ff3c8c aadcff d2be5a
"""
MARGIN = 4
"""Game pixels around the frame, so that what is drawn at its border can be seen."""
COLOURS = tuple(ImageColor.getrgb(f"#{code}") for code in _PALETTE.split())
"""One for each slot of the largest encoders, bright enough for a dark rim to set them off."""
SHADOW = (0, 0, 0)
_PAPER, _INK = (255, 255, 255), (86, 96, 112)
_LINE, _RIM = 2, 2  # width of lines, and of the dark rim of names; pixels of the picture
_DASH = 2  # game pixels
_SAME = 0.5  # share of their area that boxes have in common from which on they are of one object
_NEAR = 24  # pixels of the picture within which boxes are neighbours

Boxes = NDArray[np.int64]
"""Rectangles (..., 4): left, top, right and bottom; the latter two are outside of it."""


def draw_marks(
    frame: NDArray[np.uint8], marks: Sequence[Mark], *, zoom: int = 3, font_size: int = 14
) -> Image.Image:
    """Draw marks and names on a frame (H, W, 3), and list below it the objects that are absent.

    A pixel of the frame is ``zoom`` pixels wide and high.
    """
    large = ImageOps.scale(Image.fromarray(frame), zoom, Image.Resampling.NEAREST)
    plain = ImageOps.expand(large, MARGIN * zoom)
    picture = plain.copy()
    draw = ImageDraw.Draw(picture)
    draw.font = font = ImageFont.load_default(size=font_size)
    present = [mark for mark in marks if mark.present]
    outlines = outlines_of(present, frame.shape, zoom)
    for mark in present:
        points = [((x + 0.5 + MARGIN) * zoom, (y + 0.5 + MARGIN) * zoom) for x, y in mark.trail]
        draw.line(points, fill=SHADOW, width=_LINE + 2)
        draw.line(points, fill=_colour(mark), width=_LINE)
    for mark, outline in zip(present, outlines.tolist(), strict=True):
        if mark.right is not None:  # trails end in the middle of objects
            picture.paste(plain.crop(outline), outline)
    for mark, (left, top, right, bottom) in zip(present, outlines.tolist(), strict=True):
        sharing = [other for other in present if other[1:5] == mark[1:5]]
        for rim, colour in ((1, SHADOW), (0, _colour(mark))):
            outline = (left - rim, top - rim, right + rim, bottom + rim)
            for bar in _bars(mark, outline, _DASH * zoom, sharing):
                draw.rectangle(bar, fill=colour)
    _write_names(draw, present, outlines, picture.size)
    if absent := ", ".join(mark.name for mark in marks if not mark.present):
        lines = textwrap.fill(f"absent: {absent}", max(8, int(picture.width / (0.55 * font_size))))
        below = draw.textbbox((2, picture.height + 2), lines)[3] - picture.height
        picture = ImageOps.expand(picture, (0, 0, 0, int(below) + 4), _PAPER)
        start = (2, picture.height - below)
        ImageDraw.Draw(picture).text(start, lines, fill=_INK, font=font)
    return picture


def outlines_of(marks: Sequence[Mark], shape: tuple[int, ...], zoom: int) -> Boxes:
    """Return the line around each object, on the pixels of the game next to it.

    Around an object that has a box already, the next box lies outside of that.

    Args:
        marks: Objects that are present; one beyond the frame goes to its border.
        shape: Height and width of the frame, and whatever follows.
        zoom: Pixels of the picture for one of the frame.

    Returns:
        (n, 4) in pixels of the picture; along an unknown edge, all of it.
    """
    edges = np.array([mark[1:5] for mark in marks], float).reshape(-1, 2, 2)
    first = edges[:, 0].clip(0, shape[1::-1])
    unknown = np.isnan(first)
    size = np.where(unknown.any(axis=1, keepdims=True), 0, OBJECT_SIZE)
    after = np.where(np.isnan(edges[:, 1]), first + size, edges[:, 1])
    page = np.array(shape[1::-1]) + 2 * MARGIN
    first = np.where(unknown, 0, first - 1 + MARGIN) * zoom
    after = np.where(unknown, page, after + 1 + MARGIN) * zoom
    plain: Boxes = np.concatenate([first, after], axis=1).astype(np.int64)
    shared = _shared(plain[:, None], plain)
    area = shared.diagonal()
    alike = np.tril(shared > _SAME * (area[:, None] + area - shared), -1)
    outward = alike.sum(axis=1) * (_LINE + 1) * ~np.isnan(edges[:, 1, 0])
    outlines: Boxes = plain + outward[:, None] * np.array([-1, -1, 1, 1])
    return outlines


def place_names(outlines: Boxes, sizes: NDArray[np.int64], page: tuple[int, int]) -> Boxes:
    """Find a place for each name: at its object, on the page, off other names and objects.

    Args:
        outlines: (n, 4) around the objects.
        sizes: (n, 2) width and height of each name; 0 where there is none.
        page: Width and height of the picture.

    Returns:
        (n, 4).
    """
    across = (outlines[:, 2:] - outlines[:, :2] >= page).any(axis=1)
    around = outlines + np.array([-_NEAR, -_NEAR, _NEAR, _NEAR])
    crowd = (_shared(around[:, None], outlines) > 0).sum(axis=1)
    places = np.zeros_like(outlines)
    obstacles = np.concatenate([places, outlines[~across]])
    weights = np.repeat([10, 2], [len(places), len(obstacles) - len(places)])
    # Names of lines may go anywhere along them; of the rest, the most crowded choose first.
    for i in np.lexsort((-crowd, across)):
        if not sizes[i].any():
            continue
        names = _candidates(outlines[i], sizes[i], page)
        apart = np.maximum(outlines[i, :2] - names[:, 2:], names[:, :2] - outlines[i, 2:]).clip(0)
        lost = _shared(names, names) - _shared(names, np.array([0, 0, *page]))
        reach = np.concatenate([names[:, :2].min(axis=0), names[:, 2:].max(axis=0)])
        near = _shared(reach, obstacles) > 0
        hidden = _shared(names[:, None], obstacles[near]) @ weights[near]
        places[i] = obstacles[i] = names[np.argmin(np.hypot(*apart.T) + 10 * lost + hidden)]
    return places


def _candidates(outline: Boxes, size: NDArray[np.int64], page: tuple[int, int]) -> Boxes:
    """Return places (n, 4) for a name around an outline, the best first of those as near."""
    starts = []
    for axis in (0, 1):
        first, after, extent = outline[axis], outline[axis + 2], size[axis]
        if after - first >= page[axis]:
            starts.append(np.arange(4, max(5, page[axis] - extent), max(1, extent // 4)))
            continue
        away = np.arange(0, 48, 6)
        ends = [first, after - extent]
        around = [first - extent - away, after + away]
        starts.append(np.hstack([*ends, *around] if axis == 0 else [*around, *ends]))
    corners = np.stack(np.meshgrid(*starts), axis=-1).reshape(-1, 2)
    return np.concatenate([corners, corners + size], axis=1)


def _write_names(
    draw: ImageDraw.ImageDraw, marks: Sequence[Mark], outlines: Boxes, page: tuple[int, int]
) -> None:
    found = [
        draw.textbbox((0, 0), mark.name, stroke_width=_RIM) if mark.name else (0, 0, 0, 0)
        for mark in marks
    ]
    bounds = np.array(found, np.int64).reshape(-1, 4)
    places = place_names(outlines, bounds[:, 2:] - bounds[:, :2], page)
    for mark, (x, y) in zip(marks, (places - bounds)[:, :2].tolist(), strict=True):
        draw.text((x, y), mark.name, fill=_colour(mark), stroke_width=_RIM, stroke_fill=SHADOW)


def _bars(
    mark: Mark, outline: tuple[int, int, int, int], dash: int, sharing: Sequence[Mark]
) -> list[tuple[int, int, int, int]]:
    """Return the rectangles that the lines of a mark consist of, the last pixels in them.

    Lines in the same place share it: each has a dash in turn.
    """
    left, top, right, bottom = outline[0], outline[1], outline[2] - 1, outline[3] - 1
    wide, first, step = _LINE - 1, sharing.index(mark) * dash, max(len(sharing), 2) * dash
    if mark.left is None:
        return [(x, top, x + dash - 1, top + wide) for x in range(first, right, step)]
    if mark.top is None:
        return [(left, y, left + wide, y + dash - 1) for y in range(first, bottom, step)]
    if mark.right is None:  # a corner
        right, bottom = (left + right) // 2, (top + bottom) // 2
    bars = [(left, top, right, top + wide), (left, top, left + wide, bottom)]
    if mark.right is not None:
        bars += [(left, bottom - wide, right, bottom), (right - wide, top, right, bottom)]
    return bars


def _colour(mark: Mark) -> tuple[int, ...]:
    return COLOURS[mark.colour % len(COLOURS)]


def _shared(boxes: Boxes, others: Boxes) -> Boxes:
    """Return how many pixels rectangles have in common, broadcast."""
    first = np.maximum(boxes[..., :2], others[..., :2])
    after = np.minimum(boxes[..., 2:], others[..., 2:])
    size = (after - first).clip(0)
    area: Boxes = size[..., 0] * size[..., 1]  # prod is several times slower
    return area
