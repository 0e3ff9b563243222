"""A frame with every label drawn on it: where the console's memory says that the objects are.

A coordinate names an object's left or top edge, so a mark lies just outside of that edge and hides
nothing of the object: a corner where both edges are labelled, a dashed line across the frame where
one is.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from pretrain.drawing.canvas import FONT_SIZE, MARGIN, SHADOW, ZOOM, Box, Canvas, Colour, place
from pretrain.drawing.marks import OBJECT_SIZE, Mark

COLOURS = (
    (255, 235, 40),
    (70, 240, 240),
    (255, 90, 255),
    (150, 255, 60),
    (255, 150, 40),
    (255, 255, 255),
    (110, 180, 255),
    (255, 90, 90),
    (255, 185, 205),
    (40, 230, 140),
    (205, 165, 255),
)
_PAPER, _INK = (255, 255, 255), (86, 96, 112)
_INWARD, _OUTWARD, _DASH = 7, 2, 2  # lengths of a corner's arms and of a dash, in game pixels


def draw_marks(
    frame: NDArray[np.uint8],
    marks: Sequence[Mark],
    *,
    zoom: int = ZOOM,
    font_size: int = FONT_SIZE,
) -> Image.Image:
    """Draw marks and names on an enlarged frame, and list below it the objects that are absent.

    Args:
        frame: (H, W, 3) uint8.
        marks: The objects; they take the colours in turn.
        zoom: Pixels of the picture for one of the frame.
        font_size: Of the names.
    """
    height, width = frame.shape[:2]
    canvas = Canvas(frame, zoom=zoom, font_size=font_size)
    coloured = [
        (_moved(mark, width, height), COLOURS[i % len(COLOURS)])
        for i, mark in enumerate(marks)
        if mark.present
    ]
    edges = [(mark.x, mark.y) for mark, _ in coloured]
    for i, (mark, colour) in enumerate(coloured):
        turn, turns = edges[:i].count(edges[i]), edges.count(edges[i])
        _draw_mark(canvas.draw, mark, colour, zoom, turn, turns)
    sizes = [canvas.text_size(_readable(mark.name)) for mark, _ in coloured]
    places = place_names([mark for mark, _ in coloured], sizes, canvas.area, zoom)
    for (mark, colour), box in zip(coloured, places, strict=True):
        canvas.write(_readable(mark.name), box, colour)
    return _with_absent(
        canvas.picture, [mark.name for mark in marks if not mark.present], font_size
    )


def place_names(
    marks: Sequence[Mark], sizes: Sequence[tuple[int, int]], page: Box, zoom: int
) -> list[Box]:
    """Find a place for each name, beside its mark and off the other names where there is room.

    Args:
        marks: In game pixels of the page, edges from its border.
        sizes: Width and height of each name, in pixels of the picture.
        page: Where names may be.
        zoom: Pixels of the picture for one of the game.

    Returns:
        A rectangle for each mark, in pixels of the picture.
    """
    objects = [
        Box(m.x, m.y, m.x + OBJECT_SIZE[0], m.y + OBJECT_SIZE[1]).scaled(zoom)
        for m in marks
        if m.x is not None and m.y is not None
    ]
    # Names of corners first: those of lines may go anywhere along them.
    order = sorted(range(len(marks)), key=lambda i: marks[i].x is None or marks[i].y is None)
    candidates = [
        _candidates(mark, size, page, zoom) for mark, size in zip(marks, sizes, strict=True)
    ]
    return place(candidates, page, order=order, avoid=objects, weight=2.0)


def _candidates(
    mark: Mark, size: tuple[int, int], page: Box, zoom: int
) -> Iterator[tuple[Box, float]]:
    """Yield rectangles for a name and how far each is from its mark, in pixels of the picture."""
    (wide, high), gap = size, 2 * zoom
    if mark.x is not None and mark.y is not None:
        x, y = mark.x * zoom, mark.y * zoom
        beside = x + (OBJECT_SIZE[0] + 1) * zoom
        for down in range(-4 * high, 5 * high, max(1, high // 4)):
            for left in (beside, x, x - gap, x - wide // 2, x - gap - wide):
                box = Box(left, y + down, left + wide, y + down + high)
                across = max(left - x, x - left - wide, 0)
                yield box, float(np.hypot(across, max(box.top - y, y - box.bottom, 0)))
    elif mark.x is not None:
        for top in range(gap, page.bottom - high, max(1, high // 2)):
            for left in (mark.x * zoom + gap // 2, mark.x * zoom - gap - wide):
                yield Box(left, top, left + wide, top + high), top / page.bottom
    elif mark.y is not None:
        for left in range(gap, page.right - wide, max(1, wide // 4)):
            for top in (mark.y * zoom - gap - high, mark.y * zoom + gap // 2):
                yield Box(left, top, left + wide, top + high), left / page.right


def _moved(mark: Mark, width: int, height: int) -> Mark:
    """Return a mark in pixels of the page; one beyond the frame goes to its border."""
    x = None if mark.x is None else min(max(mark.x, 0), width) + MARGIN
    y = None if mark.y is None else min(max(mark.y, 0), height) + MARGIN
    return Mark(mark.name, x, y)


def _draw_mark(
    draw: ImageDraw.ImageDraw,
    mark: Mark,
    colour: Colour,
    zoom: int,
    turn: int,
    turns: int,
) -> None:
    """Draw a mark on the pixels of the game next to the edges, never on the object's side.

    Lines in the same place share it: of ``turns`` dashes, each draws the one whose ``turn`` it is.
    """
    if mark.x is not None and mark.y is not None:
        level = Box(mark.x - 1 - _OUTWARD, mark.y - 1, mark.x + _INWARD, mark.y)
        upright = Box(mark.x - 1, mark.y - 1 - _OUTWARD, mark.x, mark.y + _INWARD)
        bars = [bar.scaled(zoom) for bar in (level, upright)]
        for bar in bars:
            _fill(draw, bar._replace(left=bar.left - 1, top=bar.top - 1), SHADOW)
        for bar in bars:
            _fill(draw, bar, colour)
        return
    # A line is thinner than a corner's arms, for it crosses other objects.
    first, step = turn * _DASH, max(turns, 2) * _DASH
    if mark.x is not None:
        for top in range(first, draw.im.size[1] // zoom, step):
            dash = Box(mark.x - 1, top, mark.x, top + _DASH).scaled(zoom)
            _fill(draw, dash._replace(left=dash.left + zoom // 2), colour)
    elif mark.y is not None:
        for left in range(first, draw.im.size[0] // zoom, step):
            dash = Box(left, mark.y - 1, left + _DASH, mark.y).scaled(zoom)
            _fill(draw, dash._replace(top=dash.top + zoom // 2), colour)


def _fill(draw: ImageDraw.ImageDraw, box: Box, colour: Colour) -> None:
    # Pillow counts the last pixel in.
    draw.rectangle((box.left, box.top, box.right - 1, box.bottom - 1), fill=colour)


def _with_absent(picture: Image.Image, names: Sequence[str], font_size: int) -> Image.Image:
    if not names:
        return picture
    text = "absent: " + ", ".join(_readable(name) for name in names)
    lines = textwrap.wrap(text, max(8, int(picture.width / (0.55 * font_size))))
    line_height = round(1.3 * font_size)
    below = line_height * len(lines) + font_size // 2
    page = Image.new("RGB", (picture.width, picture.height + below), _PAPER)
    page.paste(picture, (0, 0))
    draw = ImageDraw.Draw(page)
    font = ImageFont.load_default(size=font_size)
    for i, line in enumerate(lines):
        draw.text((2, picture.height + i * line_height + 2), line, fill=_INK, font=font)
    return page


def _readable(name: str) -> str:
    return name.replace("_", " ")
