"""A frame with what its slots see: a thin box around each object, the slot's number, a trail."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from pretrain.drawing.canvas import FONT_SIZE, MARGIN, SHADOW, ZOOM, Box, Canvas, Colour, place
from pretrain.drawing.labelled_frame import COLOURS
from pretrain.drawing.slot_boxes import SlotBox

SLOT_COLOURS = (
    *COLOURS,
    (255, 200, 120),
    (120, 255, 210),
    (255, 140, 200),
    (200, 255, 120),
    (140, 140, 255),
    (255, 120, 40),
    (0, 205, 255),
    (230, 120, 255),
    (255, 255, 160),
    (60, 255, 60),
    (255, 60, 140),
    (170, 220, 255),
    (210, 190, 90),
)
"""One for each slot of the largest encoders, bright enough for a dark rim to set them off."""
_LINE = 2  # width of lines; pixels of the picture
_NEAR = 24  # pixels of the picture within which boxes are neighbours
_SAME = 0.5  # share of their area that boxes have in common from which on they are of one object


def draw_slots(
    frame: NDArray[np.uint8],
    boxes: Sequence[SlotBox],
    *,
    zoom: int = ZOOM,
    font_size: int = FONT_SIZE,
) -> Image.Image:
    """Draw boxes, trails and numbers on an enlarged frame.

    Args:
        frame: (H, W, 3) uint8.
        boxes: What the slots see.
        zoom: Pixels of the picture for one of the frame.
        font_size: Of the numbers.
    """
    canvas = Canvas(frame, zoom=zoom, font_size=font_size)
    outlines = outlines_of(boxes, zoom)
    colours = [SLOT_COLOURS[box.slot % len(SLOT_COLOURS)] for box in boxes]
    for box, colour in zip(boxes, colours, strict=True):
        _draw_trail(canvas.draw, box, colour, zoom)
    for box in boxes:  # once more, for trails end in the middle of objects
        inside = Box(box.left, box.top, box.right, box.bottom).scaled(zoom)
        corner = (inside.left + MARGIN * zoom, inside.top + MARGIN * zoom)
        canvas.picture.paste(canvas.large.crop(inside), corner)
    for outline, colour in zip(outlines, colours, strict=True):
        _draw_box(canvas.draw, outline, colour)
    names = [str(box.slot) for box in boxes]
    places = place_numbers(outlines, [canvas.text_size(name) for name in names], canvas.area)
    for name, free, colour in zip(names, places, colours, strict=True):
        canvas.write(name, free, colour)
    return canvas.picture


def outlines_of(boxes: Sequence[SlotBox], zoom: int) -> list[Box]:
    """Return the line around each box, on the pixels next to the object.

    Of slots that see the same object, each has its line around that of the one before.

    Returns:
        Rectangles in pixels of the picture.
    """
    plain = [
        Box(*(edge + MARGIN for edge in (box.left, box.top, box.right, box.bottom)))
        .grown(1)
        .scaled(zoom)
        for box in boxes
    ]
    return [
        box.grown(sum(_alike(box, other) for other in plain[:i]) * (_LINE + 1))
        for i, box in enumerate(plain)
    ]


def place_numbers(
    outlines: Sequence[Box], sizes: Sequence[tuple[int, int]], page: Box
) -> list[Box]:
    """Find a place for the number of each box, at the box and off other numbers and boxes.

    Args:
        outlines: The boxes, in pixels of the picture.
        sizes: Width and height of each number.
        page: Where numbers may be.

    Returns:
        A rectangle for each number.
    """
    # Those with the most neighbours have the fewest places to go, so they choose first.
    crowd = [sum(a.grown(_NEAR).shared(b) > 0 for b in outlines) for a in outlines]
    order = sorted(range(len(outlines)), key=lambda i: -crowd[i])
    candidates = map(_candidates, outlines, sizes)
    return place(list(candidates), page, order=order, avoid=outlines, weight=1.0)


def _candidates(outline: Box, size: tuple[int, int]) -> Iterator[tuple[Box, float]]:
    """Yield rectangles around a box, with how far each is from it; the first are the best."""
    wide, high = size
    for away in range(0, 40, 4):
        lefts = (outline.left, outline.right - wide, outline.left - wide, outline.right)
        for top in (outline.top - high - away, outline.bottom + away):
            for left in lefts:
                yield Box(left, top, left + wide, top + high), away
        for left in (outline.right + away, outline.left - wide - away):
            for top in (outline.top, outline.bottom - high):
                yield Box(left, top, left + wide, top + high), away + 1.0


def _alike(a: Box, b: Box) -> bool:
    shared = a.shared(b)
    return shared > _SAME * (a.area + b.area - shared)


def _draw_box(draw: ImageDraw.ImageDraw, outline: Box, colour: Colour) -> None:
    # Pillow counts the last pixel in; a dark rim sets the line off from bright backgrounds.
    left, top, right, bottom = outline.left, outline.top, outline.right - 1, outline.bottom - 1
    draw.rectangle((left - 1, top - 1, right + 1, bottom + 1), outline=SHADOW, width=1)
    draw.rectangle((left, top, right, bottom), outline=colour, width=_LINE)


def _draw_trail(draw: ImageDraw.ImageDraw, box: SlotBox, colour: Colour, zoom: int) -> None:
    points = [((x + 0.5 + MARGIN) * zoom, (y + 0.5 + MARGIN) * zoom) for x, y in box.trail]
    if len(points) > 1:
        draw.line(points, fill=SHADOW, width=_LINE + 2)
        draw.line(points, fill=colour, width=_LINE)
