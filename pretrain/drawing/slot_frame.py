"""A frame with what its slots see: a thin box around each object, the slot's number, a trail."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from pretrain.drawing.labelled_frame import COLOURS, FONT_SIZE, MARGIN, ZOOM, Box
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
_SHADOW = (0, 0, 0)
_LINE, _RIM = 2, 2  # width of lines, and of the dark rim of numbers; pixels of the picture
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
    height, width = frame.shape[:2]
    size = (width + 2 * MARGIN) * zoom, (height + 2 * MARGIN) * zoom
    page = Image.new("RGB", size, _SHADOW)
    large = Image.fromarray(frame).resize((width * zoom, height * zoom), Image.Resampling.NEAREST)
    page.paste(large, (MARGIN * zoom, MARGIN * zoom))
    draw = ImageDraw.Draw(page)
    font = ImageFont.load_default(size=font_size)
    outlines = outlines_of(boxes, zoom)
    colours = [SLOT_COLOURS[box.slot % len(SLOT_COLOURS)] for box in boxes]
    for box, colour in zip(boxes, colours, strict=True):
        _draw_trail(draw, box, colour, zoom)
    for box in boxes:  # once more, for trails end in the middle of objects
        inside = [side * zoom for side in (box.left, box.top, box.right, box.bottom)]
        corner = (inside[0] + MARGIN * zoom, inside[1] + MARGIN * zoom)
        page.paste(large.crop((inside[0], inside[1], inside[2], inside[3])), corner)
    for outline, colour in zip(outlines, colours, strict=True):
        _draw_box(draw, outline, colour)
    names = [str(box.slot) for box in boxes]
    places = place_numbers(outlines, [_size(draw, name, font) for name in names], Box(0, 0, *size))
    for name, place, colour in zip(names, places, colours, strict=True):
        left, top, _, _ = draw.textbbox((0, 0), name, font=font, stroke_width=_RIM)
        start = place.left - left, place.top - top
        draw.text(start, name, fill=colour, font=font, stroke_width=_RIM, stroke_fill=_SHADOW)
    return page


def outlines_of(boxes: Sequence[SlotBox], zoom: int) -> list[Box]:
    """Return the line around each box, on the pixels next to the object.

    Of slots that see the same object, each has its line around that of the one before.

    Returns:
        Rectangles in pixels of the picture.
    """
    plain = [
        Box(
            (box.left - 1 + MARGIN) * zoom,
            (box.top - 1 + MARGIN) * zoom,
            (box.right + 1 + MARGIN) * zoom,
            (box.bottom + 1 + MARGIN) * zoom,
        )
        for box in boxes
    ]
    outlines = []
    for i, box in enumerate(plain):
        away = sum(_alike(box, other) for other in plain[:i]) * (_LINE + 1)
        outlines.append(Box(box.left - away, box.top - away, box.right + away, box.bottom + away))
    return outlines


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
    placed: dict[int, Box] = {}
    # Those with the most neighbours have the fewest places to go, so they choose first.
    crowd = [sum(_near(a, b) for b in outlines) for a in outlines]
    for i in sorted(range(len(outlines)), key=lambda i: -crowd[i]):
        best, least = page, math.inf
        for place, distance in _candidates(outlines[i], sizes[i]):
            cost = distance + 10.0 * (place.area - place.shared(page))
            cost += 10.0 * sum(place.shared(other) for other in placed.values())
            cost += sum(place.shared(other) for other in outlines)
            if cost < least:
                best, least = place, cost
        placed[i] = best
    return [placed[i] for i in range(len(outlines))]


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


def _near(a: Box, b: Box) -> bool:
    reach = 24
    return bool(b.shared(Box(a.left - reach, a.top - reach, a.right + reach, a.bottom + reach)))


def _alike(a: Box, b: Box) -> bool:
    shared = a.shared(b)
    return shared > _SAME * (a.area + b.area - shared)


def _draw_box(draw: ImageDraw.ImageDraw, outline: Box, colour: tuple[int, int, int]) -> None:
    # Pillow counts the last pixel in; a dark rim sets the line off from bright backgrounds.
    left, top, right, bottom = outline.left, outline.top, outline.right - 1, outline.bottom - 1
    draw.rectangle((left - 1, top - 1, right + 1, bottom + 1), outline=_SHADOW, width=1)
    draw.rectangle((left, top, right, bottom), outline=colour, width=_LINE)


def _draw_trail(
    draw: ImageDraw.ImageDraw, box: SlotBox, colour: tuple[int, int, int], zoom: int
) -> None:
    points = [((x + 0.5 + MARGIN) * zoom, (y + 0.5 + MARGIN) * zoom) for x, y in box.trail]
    if len(points) > 1:
        draw.line(points, fill=_SHADOW, width=_LINE + 2)
        draw.line(points, fill=colour, width=_LINE)


def _size(
    draw: ImageDraw.ImageDraw, text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont
) -> tuple[int, int]:
    left, top, right, bottom = draw.textbbox((0, 0), text, font=font, stroke_width=_RIM)
    return int(right - left), int(bottom - top)
