"""What stands beside the game in a film: a row for each slot, and what the signs mean."""

import functools
import itertools
import textwrap
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import ImageDraw, ImageFont

from pretrain.drawing.marked_frame import COLOURS
from slotenv.encoders import SlotDescription
from slotenv.tracking import SEEN

WIDTH = 340
"""Pixels of every panel."""
PAPER, INK, FAINT = (16, 18, 24), (236, 238, 242), (160, 166, 176)
SHADES = [(level, level, level) for level in range(36, 245, 16)]
"""Of numbers, from low to high."""
_NAME = 64  # pixels of a slot's name
_LINE = 21  # of a line of the legend
font = functools.cache(ImageFont.load_default)

Corner = tuple[float, float]


class Panel(Protocol):
    """Draws what slots hold beside a frame.

    Attributes:
        dim: Brightness of the game's frame, 0 to 1.
        height: Pixels that it needs at least.
    """

    @property
    def dim(self) -> float: ...  # noqa: D102
    @property
    def height(self) -> int: ...  # noqa: D102
    def caption(self, t: int) -> str:
        """Say in a line what is marked in frame t, or why nothing is."""

    def draw(self, draw: ImageDraw.ImageDraw, t: int, corner: Corner, height: float) -> None:
        """Draw the panel of frame t, ``height`` pixels high, from its upper left corner on."""


@dataclass(frozen=True, kw_only=True)
class BoxPanel:
    """Each slot's name, and where it sees its object.

    Attributes:
        slots: What each slot held over the film.
        boxes: (n, K, 5) where it was in each frame.
    """

    slots: list[SlotDescription]
    boxes: NDArray[np.float32]
    dim: ClassVar[float] = 1.0
    _ROW: ClassVar[tuple[int, int]] = (36, 56)  # least and most pixels of a row

    @property
    def height(self) -> int:
        """Pixels that the rows, those never seen and the legend need."""
        return self._ROW[0] * len(self._shown) + self._foot

    def caption(self, t: int) -> str:
        """Say how many slots see something."""
        number, count = int((self.boxes[t, :, 0] > SEEN).sum()), len(self.slots)
        if number == 0:
            return f"nothing is marked: no slot sees its object (presence is never above {SEEN:g})"
        return f"{number} of {count} {'slot sees' if count == 1 else 'slots see'} an object"

    def draw(self, draw: ImageDraw.ImageDraw, t: int, corner: Corner, height: float) -> None:
        """Draw a row for each slot that is ever seen, then the others' numbers and the legend."""
        left, top = corner
        row = min(self._ROW[1], (height - self._foot) / max(1, len(self._shown)))
        for i, slot in enumerate(self._shown):
            self._draw_row(draw, slot, self.boxes[t, slot.index].tolist(), (left, top + i * row))
        y = top + height - self._foot
        for line in self._unseen:
            draw.text((left, y + 8), line, fill=FAINT, font=font(13), anchor="lm")
            y += _LINE
        y = _rule(draw, (left, y))
        draw.rectangle((left + 4, y - 7, left + 24, y + 7), outline=FAINT, width=2)
        _note(draw, (left, y), "what a slot sees, in the frame")
        draw.line((left + 2, y + _LINE, left + 26, y + _LINE), fill=FAINT, width=2)
        _note(draw, (left, y + _LINE), "where its middle was in the steps before")

    def _draw_row(
        self, draw: ImageDraw.ImageDraw, slot: SlotDescription, box: list[float], corner: Corner
    ) -> None:
        """Draw a slot's number, name and place."""
        (left, top), (presence, x, y, width, height) = corner, box
        seen, colour = presence > SEEN, COLOURS[slot.index % len(COLOURS)]
        badge = (left, top + 3, left + 30, top + 27)
        draw.rounded_rectangle(badge, 4, fill=colour if seen else SHADES[1])
        middle = (left + 15, top + 15)
        draw.text(
            middle, str(slot.index), fill=PAPER if seen else FAINT, font=font(15), anchor="mm"
        )
        left += 40
        name = slot.name.removesuffix(f" (slot {slot.index})")
        draw.text((left, top + 8), name, fill=INK if seen else FAINT, font=font(15), anchor="lm")
        now = f"x {x:.0f}   y {y:.0f}   size {width:.0f} x {height:.0f}" if seen else "not seen now"
        draw.text((left, top + 24), now, fill=FAINT, font=font(13), anchor="lm")

    @property
    def _shown(self) -> list[SlotDescription]:
        return [slot for slot in self.slots if slot.present]

    @property
    def _unseen(self) -> list[str]:
        numbers = ", ".join(str(slot.index) for slot in self.slots if not slot.present)
        return textwrap.wrap(f"never seen in this film: {numbers}", 48) if numbers else []

    @property
    def _foot(self) -> int:
        return len(self._unseen) * _LINE + 58


@dataclass(frozen=True, kw_only=True)
class AttentionPanel:
    """How strongly each slot looks, and its numbers.

    Attributes:
        strengths: (n, K) in 0..1, how strongly each slot looks.
        shades: (n, K, D) slots in 0..1.
        constant: (K,) slots that never change.
        marked: (n,) how many slots have a mark in each frame.
    """

    strengths: NDArray[np.float64]
    shades: NDArray[np.float64]
    constant: NDArray[np.bool_]
    marked: NDArray[np.int64]
    dim: ClassVar[float] = 0.7  # so that marks stand out
    _ROW: ClassVar[tuple[int, int]] = (32, 90)  # least and most pixels of a row
    _LEGEND: ClassVar[int] = 100

    @property
    def height(self) -> int:
        """Pixels that the rows and the legend need."""
        return self._ROW[0] * len(self.constant) + self._LEGEND

    def caption(self, t: int) -> str:
        """Say how many slots look at something."""
        number, count = int(self.marked[t]), len(self.constant)
        if number == 0:
            return "nothing is marked: no slot changes much when a part of this frame is hidden"
        return f"{number} of {count} {'slot looks' if count == 1 else 'slots look'} at something"

    def draw(self, draw: ImageDraw.ImageDraw, t: int, corner: Corner, height: float) -> None:
        """Draw a row for each slot, then the legend."""
        left, top = corner
        row = min(self._ROW[1], (height - self._LEGEND) / len(self.constant))
        for k in range(len(self.constant)):
            self._draw_row(draw, t, k, (left, top + k * row), row)
        self._draw_legend(draw, (left, top + height - self._LEGEND))

    def _draw_row(
        self, draw: ImageDraw.ImageDraw, t: int, k: int, corner: Corner, height: float
    ) -> None:
        """Draw a slot's name, strength and numbers."""
        left, top = corner
        colour, middle = COLOURS[k % len(COLOURS)], top + (height - 8) / 2
        draw.text((left, middle), f"slot {k}", fill=colour, anchor="lm")
        left, right = left + _NAME, left + WIDTH
        if self.constant[k]:
            draw.text((left, middle), "never changes", fill=FAINT, anchor="lm")
            return
        full = left + (right - 1 - left) * float(self.strengths[t, k])
        draw.rectangle((left, top, right - 1, top + 4), fill=SHADES[0])
        draw.rectangle((left, top, full, top + 4), fill=colour)
        values = self.shades[t, k].tolist()
        edges = np.linspace(left, right, len(values) + 1).round().tolist()
        gap = 1 if len(values) <= (right - left) // 4 else 0
        for (start, end), value in zip(itertools.pairwise(edges), values, strict=True):
            cell = (start, top + 8, max(start, end - 1 - gap), top + height - 9)
            draw.rectangle(cell, fill=SHADES[round(value * (len(SHADES) - 1))])

    def _draw_legend(self, draw: ImageDraw.ImageDraw, corner: Corner) -> None:
        left, y = corner[0], _rule(draw, corner)
        for i, text in enumerate(
            (
                "what the slot looks at: hiding it changes the slot",
                "where the middle of that came from",
                "how strongly it looks, against what is usual",
                "the slot's numbers, from low to high",
            )
        ):
            if i == 0:
                draw.rectangle((left + 4, y - 7, left + 24, y + 7), outline=FAINT, width=2)
            elif i < 3:
                draw.line((left + 2, y, left + 26, y), fill=FAINT, width=2 * i)
            else:
                for step in range(5):
                    cell = (left + 5 * step + 2, y - 6, left + 5 * step + 5, y + 6)
                    draw.rectangle(cell, fill=SHADES[3 * step])
            _note(draw, (left, y), text)
            y += _LINE


def _rule(draw: ImageDraw.ImageDraw, corner: Corner) -> float:
    """Draw a line above the legend, and return the height of its first line's middle."""
    left, top = corner
    draw.line((left, top + 4, left + WIDTH, top + 4), fill=SHADES[3])
    return top + 19


def _note(draw: ImageDraw.ImageDraw, corner: Corner, text: str) -> None:
    draw.text((corner[0] + 42, corner[1]), text, fill=FAINT, font=font(12), anchor="lm")
