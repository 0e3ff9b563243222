"""An enlarged frame to draw on, and places for names that hide as little as possible."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

ZOOM, FONT_SIZE = 3, 14
MARGIN = 4
"""Game pixels around the frame, so that what is drawn at its border can be seen."""
SHADOW = (0, 0, 0)
RIM = 2
"""Width of the dark rim that sets names and lines off from the frame, in pixels of the picture."""

Colour = tuple[int, int, int]


class Box(NamedTuple):
    """A rectangle; right and bottom are outside of it."""

    left: int
    top: int
    right: int
    bottom: int

    def shared(self, other: Box) -> int:
        """Return how many pixels two rectangles have in common."""
        wide = min(self.right, other.right) - max(self.left, other.left)
        high = min(self.bottom, other.bottom) - max(self.top, other.top)
        return max(wide, 0) * max(high, 0)

    @property
    def area(self) -> int:
        """Pixels in it."""
        return (self.right - self.left) * (self.bottom - self.top)

    def grown(self, by: int) -> Box:
        """Return it with its edges moved outwards."""
        return Box(self.left - by, self.top - by, self.right + by, self.bottom + by)

    def scaled(self, zoom: int) -> Box:
        """Return it enlarged."""
        return Box(*(side * zoom for side in self))


class Canvas:
    """A frame enlarged, with a margin.

    Args:
        frame: (H, W, 3) uint8.
        zoom: Pixels of the picture for one of the frame.
        font_size: Of names.

    Attributes:
        large: The frame alone, enlarged.
        picture: With its margin, which is drawn on.
        draw: Draws on it.
        area: The whole picture.
    """

    def __init__(self, frame: NDArray[np.uint8], *, zoom: int, font_size: int) -> None:
        height, width = frame.shape[:2]
        self.large = Image.fromarray(frame).resize(
            (width * zoom, height * zoom), Image.Resampling.NEAREST
        )
        self.area = Box(0, 0, (width + 2 * MARGIN) * zoom, (height + 2 * MARGIN) * zoom)
        self.picture = Image.new("RGB", self.area[2:], SHADOW)
        self.picture.paste(self.large, (MARGIN * zoom, MARGIN * zoom))
        self.draw = ImageDraw.Draw(self.picture)
        self._font = ImageFont.load_default(size=font_size)

    def text_size(self, text: str) -> tuple[int, int]:
        """Return width and height of a name with its rim."""
        left, top, right, bottom = self._bounds(text)
        return int(right - left), int(bottom - top)

    def write(self, text: str, place: Box, colour: Colour) -> None:
        """Write a name into its place."""
        left, top, _, _ = self._bounds(text)
        start = place.left - left, place.top - top
        self.draw.text(
            start, text, fill=colour, font=self._font, stroke_width=RIM, stroke_fill=SHADOW
        )

    def _bounds(self, text: str) -> tuple[float, float, float, float]:
        return self.draw.textbbox((0, 0), text, font=self._font, stroke_width=RIM)


def place(
    candidates: Sequence[Iterable[tuple[Box, float]]],
    page: Box,
    *,
    order: Sequence[int],
    avoid: Sequence[Box],
    weight: float,
) -> list[Box]:
    """Choose a rectangle for each name: near to what it names, on the page, off what is there.

    Args:
        candidates: For each name, rectangles with how far each is from what it names, in pixels.
        page: Where names may be; also the place of a name without candidates.
        order: In which names choose.
        avoid: What names should not hide.
        weight: Cost of a hidden pixel of those, in pixels of distance. A pixel of another name or
            beyond the page costs 10.
    """
    placed: dict[int, Box] = {}

    def cost(candidate: tuple[Box, float]) -> float:
        box, distance = candidate
        lost = box.area - box.shared(page) + sum(box.shared(other) for other in placed.values())
        return distance + 10.0 * lost + weight * sum(box.shared(other) for other in avoid)

    for i in order:
        placed[i], _ = min(candidates[i], key=cost, default=(page, 0.0))
    return [placed[i] for i in range(len(candidates))]


def to_png(image: Image.Image) -> bytes:
    """Return a small PNG file: 256 colours at most, which a console's picture rarely exceeds."""
    buffer = io.BytesIO()
    few = image.quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    few.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()
