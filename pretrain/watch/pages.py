"""The pictures of the film: the frame with each slot on it, and the slots' numbers beside it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from pretrain.watch.film import Film
from pretrain.watch.tracks import Tracks

_FAINTEST = 0.15  # strength below which a slot looks at nothing in particular
_FRAME_HEIGHT, _PANEL, _NAME, _GAP, _HEAD, _LEGEND = 420, 340, 84, 14, 30, 100  # pixels
_LEAST_ROW, _MOST_ROW, _LEAST_ARROW, _MOST_ARROW = 32, 90, 14, 70
_ARROW_STEPS = 3
DIM = 0.7  # brightness of the game's frame
_PAPER, _INK, _FAINT = (16, 18, 24), (236, 238, 242), (160, 166, 176)
_SHADES = 14  # of each colour
# Okabe and Ito's colours, told apart by colour-blind eyes; grey for their blue, dim on dark.
COLOURS = (
    (86, 180, 233),
    (240, 228, 66),
    (204, 121, 167),
    (0, 158, 115),
    (230, 159, 0),
    (213, 94, 0),
    (187, 187, 187),
)


@dataclass(frozen=True, kw_only=True)
class Pages:
    """The film's pictures, one for each frame.

    Attributes:
        title: First line.
        film: What was played.
        effects: (n, K, gh, gw) effect of hiding each block, on each slot.
        block: Height and width of a block in pixels.
        tracks: What each slot looks at.
        shades: (n, K, D) slots in 0..1.
        constant: (K,) slots that never change.
    """

    title: str
    film: Film
    effects: NDArray[np.float64]
    block: tuple[int, int]
    tracks: Tracks
    shades: NDArray[np.float64]
    constant: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.film.frames)

    def __iter__(self) -> Iterator[Image.Image]:
        return (self[t] for t in range(len(self)))

    def __getitem__(self, t: int) -> Image.Image:
        """Draw the picture of frame t."""
        height, width = self.film.frames.shape[1:3]
        zoom = max(1, round(_FRAME_HEIGHT / height)) if height < _FRAME_HEIGHT else 1
        num_slots = len(self.constant)
        lines = max(height * zoom, num_slots * _LEAST_ROW + _LEGEND)
        size = (3 * _GAP + width * zoom + _PANEL, 2 * _GAP + _HEAD + lines)
        page = Image.new("RGB", (size[0] + size[0] % 2, size[1] + size[1] % 2), _PAPER)  # for .mp4
        dimmed = (self.film.frames[t] * DIM).astype(np.uint8).repeat(zoom, 0).repeat(zoom, 1)
        picture = Image.fromarray(dimmed)
        draw = ImageDraw.Draw(picture)
        for k in reversed(range(num_slots)):
            self._draw_boxes(draw, t, k, zoom)
        self._draw_markers(draw, t, zoom)
        page.paste(picture, (_GAP, _GAP + _HEAD))
        draw = ImageDraw.Draw(page)
        draw.text((_GAP, _GAP), self.title, fill=_INK, font=_font(17))
        left = 2 * _GAP + width * zoom
        count = f"step {t + 1} of {len(self)}   score: {self.film.scores[t]:g}"
        draw.text((page.width - _GAP, _GAP + 2), count, fill=_FAINT, font=_font(14), anchor="ra")
        row = min(_MOST_ROW, (lines - _LEGEND) / num_slots)
        for k in range(num_slots):
            self._draw_row(draw, t, k, (left, _GAP + _HEAD + k * row), row)
        _draw_legend(draw, (left, page.height - _GAP - _LEGEND))
        return page

    def _draw_boxes(self, draw: ImageDraw.ImageDraw, t: int, k: int, zoom: int) -> None:
        """Outline the area whose hiding changes a slot at least half as much as any does."""
        effect, strength = self.effects[t, k], self.tracks.strengths[t, k]
        if strength < _FAINTEST:
            return
        inside = np.pad(effect >= effect.max() / 2, 1)
        height, width = (n * zoom for n in self.block)
        inset = 2 * k % max(2, min(height, width) // 2 - 2)  # outlines of equal areas lie nested
        colour = _shade(k, 0.35 + 0.4 * strength)
        for row, col in np.argwhere(inside).tolist():
            up, down, before, after = (
                bool(inside[row + i, col + j]) for i, j in ((-1, 0), (1, 0), (0, -1), (0, 1))
            )
            top, left = (row - 1) * height + inset * (not up), (col - 1) * width
            left += inset * (not before)
            bottom = row * height - 1 - inset * (not down)
            right = col * width - 1 - inset * (not after)
            for neighbour, box in (
                (up, (left, top, right, top + 1)),
                (down, (left, bottom - 1, right, bottom)),
                (before, (left, top, left + 1, bottom)),
                (after, (right - 1, top, right, bottom)),
            ):
                if not neighbour:
                    draw.rectangle(box, fill=colour)

    def _draw_markers(self, draw: ImageDraw.ImageDraw, t: int, zoom: int) -> None:
        """Draw each slot's disc, with its number, and the arrow of its motion."""
        discs: list[tuple[float, float, float, int]] = []
        height, width = self.film.frames.shape[1:3]
        size = (width * zoom, height * zoom)
        for k, strength in enumerate(self.tracks.strengths[t].tolist()):
            if strength < _FAINTEST:
                continue
            y, x = (self.tracks.places[t, k] * zoom).tolist()
            down, right = (self.tracks.motions[t, k] * zoom * _ARROW_STEPS).tolist()
            _draw_arrow(draw, (x, y), (x + right, y + down), _shade(k, 1.0))
            discs.append((*_free_place((x, y), 6 + 5 * strength, discs, size), k))
        for x, y, radius, k in discs:
            _draw_disc(draw, (x, y), radius, k, str(k))

    def _draw_row(
        self, draw: ImageDraw.ImageDraw, t: int, k: int, corner: tuple[float, float], height: float
    ) -> None:
        """Draw a slot's name, strength and numbers."""
        left, top = corner
        slot_dim, middle = self.shades.shape[2], top + (height - 8) / 2
        _draw_disc(draw, (left + 9, middle), 9, k, str(k))
        draw.text(
            (left + 26, middle), f"slot {k}", fill=_shade(k, 1.0), font=_font(15), anchor="lm"
        )
        left, right = left + _NAME, left + _PANEL
        if self.constant[k]:
            draw.text((left, middle), "never changes", fill=_FAINT, font=_font(14), anchor="lm")
            return
        draw.rectangle((left, top, right - 1, top + 4), fill=_shade(k, 0.12))
        full = left + (right - 1 - left) * float(self.tracks.strengths[t, k])
        draw.rectangle((left, top, full, top + 4), fill=_shade(k, 0.75))
        edges = np.linspace(left, right, slot_dim + 1).round().tolist()
        gap = 1 if slot_dim <= (right - left) // 4 else 0
        for start, end, value in zip(edges, edges[1:], self.shades[t, k].tolist(), strict=False):
            cell = (start, top + 8, max(start, end - 1 - gap), top + height - 9)
            draw.rectangle(cell, fill=_shade(k, value))


def _draw_legend(draw: ImageDraw.ImageDraw, corner: tuple[float, float]) -> None:
    left, top = corner
    draw.line((left, top + 4, left + _PANEL, top + 4), fill=_shade(-1, 0.3))
    rows = [
        "what the slot looks at: hiding it changes the slot",
        "its middle; larger: stronger (also the thin bar)",
        "where the middle is moving",
        "the slot's numbers, from low to high",
    ]
    for i, text in enumerate(rows):
        y = top + 19 + i * 21
        draw.text((left + 42, y), text, fill=_FAINT, font=_font(12), anchor="lm")
        if i == 0:
            draw.rectangle((left + 4, y - 7, left + 24, y + 7), outline=_shade(-1, 0.75), width=2)
        elif i == 1:
            _draw_disc(draw, (left + 14, y), 7, -1, "")
        elif i == 2:
            _draw_arrow(draw, (left + 2, y), (left + 26, y), _shade(-1, 1.0))
        else:
            for step in range(5):
                cell = (left + 5 * step + 2, y - 6, left + 5 * step + 5, y + 6)
                draw.rectangle(cell, fill=_shade(-1, step / 4))


def _draw_disc(
    draw: ImageDraw.ImageDraw, middle: tuple[float, float], radius: float, k: int, text: str
) -> None:
    x, y = middle
    draw.ellipse((x - radius - 1, y - radius - 1, x + radius + 1, y + radius + 1), fill=_PAPER)
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=_shade(k, 1.0))
    draw.text((x, y), text, fill=_PAPER, font=_font(12), anchor="mm")


def _free_place(
    middle: tuple[float, float],
    radius: float,
    discs: list[tuple[float, float, float, int]],
    size: tuple[int, int],
) -> tuple[float, float, float]:
    """Return the place and radius of a disc: beside those that are there, so all can be read."""
    for ring in range(0, max(size), 3):
        for angle in np.linspace(0, 2 * math.pi, max(1, ring), endpoint=False).tolist():
            x, y = middle[0] + ring * math.cos(angle), middle[1] + ring * math.sin(angle)
            inside = 0 <= x < size[0] and 0 <= y < size[1]
            if inside and all(math.hypot(x - a, y - b) > radius + r - 2 for a, b, r, _ in discs):
                return x, y, radius
    return *middle, radius  # no room at all


def _draw_arrow(
    draw: ImageDraw.ImageDraw,
    start: tuple[float, float],
    end: tuple[float, float],
    colour: tuple[int, int, int],
) -> None:
    """Draw an arrow with a dark rim, not too long, and none that its disc would hide."""
    (x, y), (right, down) = start, (end[0] - start[0], end[1] - start[1])
    length = math.hypot(right, down)
    if length < _LEAST_ARROW:
        return
    ux, uy = right / length, down / length
    end = (x + ux * min(length, _MOST_ARROW), y + uy * min(length, _MOST_ARROW))
    tip = (end[0] + 7 * ux, end[1] + 7 * uy)
    head = [tip, (end[0] - 6 * uy, end[1] + 6 * ux), (end[0] + 6 * uy, end[1] - 6 * ux)]
    draw.line((x, y, *end), fill=_PAPER, width=5)
    draw.line((x, y, *end), fill=colour, width=3)
    draw.polygon(head, fill=colour, outline=_PAPER)


def _shade(k: int, value: float) -> tuple[int, int, int]:
    """Return one of the shades of a slot's colour: 0 is close to the paper, 1 the colour itself."""
    colour = np.array(_INK if k < 0 else COLOURS[k % len(COLOURS)])
    share = 0.1 + 0.9 * round(value * (_SHADES - 1)) / (_SHADES - 1)
    red, green, blue = (np.array(_PAPER) * (1 - share) + colour * share).round().astype(int)
    return int(red), int(green), int(blue)


@cache
def _font(size: int) -> Any:
    return ImageFont.load_default(size=size)


def drawn_colours(pages: Pages) -> list[tuple[int, int, int]]:
    """Return the colours that pages are drawn in, besides the game's own."""
    shades = [
        _shade(k, i / (_SHADES - 1))
        for k in range(-1, min(len(pages.constant), len(COLOURS)))
        for i in range(_SHADES)
    ]
    return [_PAPER, _INK, _FAINT, *shades]
