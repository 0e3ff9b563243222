"""The pictures of the film: the frame with what each slot looks at, and its numbers beside it."""

import functools
import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from pretrain.drawing.files import gif
from pretrain.drawing.marked_frame import COLOURS, SHADOW, draw_marks
from pretrain.drawing.marks import Mark
from pretrain.drawing.moments import sample_rows
from pretrain.watch.film import Film

_FRAME_HEIGHT, _PANEL, _NAME, _GAP, _HEAD, _LEGEND = 420, 340, 64, 14, 30, 100  # pixels
_LEAST_ROW, _MOST_ROW = 32, 90
_DIM = 0.7  # brightness of the game's frame
_PAPER, _INK, _FAINT = (16, 18, 24), (236, 238, 242), (160, 166, 176)
_SHADES = [(level, level, level) for level in range(36, 245, 16)]  # of numbers, from low to high
_font = functools.cache(ImageFont.load_default)
_OWN_COLOURS = [*COLOURS, SHADOW, _PAPER, _INK, _FAINT, *_SHADES]


@dataclass(frozen=True, kw_only=True)
class Pages:
    """The film's pictures, one for each frame.

    Attributes:
        title: First line.
        film: What was played.
        marks: What is drawn on each frame; a mark has the colour of its slot.
        strengths: (n, K) in 0..1, how strongly each slot looks.
        shades: (n, K, D) slots in 0..1.
        constant: (K,) slots that never change.
    """

    title: str
    film: Film
    marks: list[list[Mark]]
    strengths: NDArray[np.float64]
    shades: NDArray[np.float64]
    constant: NDArray[np.bool_]

    def __iter__(self) -> Iterator[Image.Image]:
        return map(self.draw, range(len(self.film.frames)))

    def draw(self, t: int) -> Image.Image:
        """Draw the picture of frame t."""
        frame = (self.film.frames[t] * _DIM).astype(np.uint8)
        zoom = max(1, round(_FRAME_HEIGHT / len(frame)))
        picture = draw_marks(frame, self.marks[t], zoom=zoom)
        num_slots = len(self.constant)
        lines = max(picture.height, num_slots * _LEAST_ROW + _LEGEND)
        size = (3 * _GAP + picture.width + _PANEL, 2 * _GAP + _HEAD + lines)
        page = Image.new("RGB", (size[0] + size[0] % 2, size[1] + size[1] % 2), _PAPER)  # for .mp4
        page.paste(picture, (_GAP, _GAP + _HEAD))
        draw = ImageDraw.Draw(page)
        draw.font = _font(14)
        draw.text((_GAP, _GAP), self.title, fill=_INK, font=_font(17))
        count = f"step {t + 1} of {len(self.film.frames)}   score: {self.film.scores[t]:g}"
        draw.text((page.width - _GAP, _GAP + 2), count, fill=_FAINT, anchor="ra")
        left, row = 2 * _GAP + picture.width, min(_MOST_ROW, (lines - _LEGEND) / num_slots)
        for k in range(num_slots):
            self._draw_row(draw, t, k, (left, _GAP + _HEAD + k * row), row)
        _draw_legend(draw, (left, page.height - _GAP - _LEGEND))
        return page

    def _draw_row(
        self, draw: ImageDraw.ImageDraw, t: int, k: int, corner: tuple[float, float], height: float
    ) -> None:
        """Draw a slot's name, strength and numbers."""
        left, top = corner
        colour, middle = COLOURS[k % len(COLOURS)], top + (height - 8) / 2
        draw.text((left, middle), f"slot {k}", fill=colour, anchor="lm")
        left, right = left + _NAME, left + _PANEL
        if self.constant[k]:
            draw.text((left, middle), "never changes", fill=_FAINT, anchor="lm")
            return
        full = left + (right - 1 - left) * float(self.strengths[t, k])
        draw.rectangle((left, top, right - 1, top + 4), fill=_SHADES[0])
        draw.rectangle((left, top, full, top + 4), fill=colour)
        values = self.shades[t, k].tolist()
        edges = np.linspace(left, right, len(values) + 1).round().tolist()
        gap = 1 if len(values) <= (right - left) // 4 else 0
        for (start, end), value in zip(itertools.pairwise(edges), values, strict=True):
            cell = (start, top + 8, max(start, end - 1 - gap), top + height - 9)
            draw.rectangle(cell, fill=_SHADES[round(value * (len(_SHADES) - 1))])


def to_gif(pages: Pages, fps: int) -> bytes:
    """Write pages as a GIF in which the colours of marks and numbers are exact."""
    frames = pages.film.frames
    strip = np.concatenate(list(frames[sample_rows(len(frames), 8)] * _DIM)).astype(np.uint8)
    rest = Image.fromarray(strip).quantize(256 - len(_OWN_COLOURS), Image.Quantize.MEDIANCUT)
    palette = Image.new("P", (1, 1))
    palette.putpalette([*itertools.chain(*_OWN_COLOURS), *(rest.getpalette() or [])])
    return gif(pages, palette, round(100 / fps) * 10)


def to_mp4(pages: Pages, fps: int) -> bytes:
    """Write pages as an MP4."""
    from imageio import v3

    pictures = np.stack([np.asarray(page) for page in pages])
    content: bytes = v3.imwrite(
        "<bytes>", pictures, extension=".mp4", plugin="FFMPEG", fps=fps, macro_block_size=2
    )
    return content


def _draw_legend(draw: ImageDraw.ImageDraw, corner: tuple[float, float]) -> None:
    left, top = corner
    draw.line((left, top + 4, left + _PANEL, top + 4), fill=_SHADES[3])
    for i, text in enumerate(
        (
            "what the slot looks at: hiding it changes the slot",
            "where the middle of that came from",
            "how strongly it looks, against what is usual",
            "the slot's numbers, from low to high",
        )
    ):
        y = top + 19 + i * 21
        draw.text((left + 42, y), text, fill=_FAINT, font=_font(12), anchor="lm")
        if i == 0:
            draw.rectangle((left + 4, y - 7, left + 24, y + 7), outline=_FAINT, width=2)
        elif i < 3:
            draw.line((left + 2, y, left + 26, y), fill=_FAINT, width=2 * i)
        else:
            for step in range(5):
                cell = (left + 5 * step + 2, y - 6, left + 5 * step + 5, y + 6)
                draw.rectangle(cell, fill=_SHADES[3 * step])
