"""A short animation: the game and what each slot looks at, side by side."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from pretrain.drawing.gif import gif
from pretrain.drawing.overlay import panel_names

MAX_BYTES = 2_000_000
_WIDTH, _GAP, _TITLE = 1080, 8, 22  # widest picture, space between panels, height of a title
_COLUMNS = 6  # most panels in a row
_SCALES = (2.0, 1.5, 1.0, 0.75, 0.5)
_MILLISECONDS = 130  # about half the game's own speed, so that an eye can follow
_COLOURS = 128
_PAPER, _INK = (255, 255, 255), (30, 30, 30)


def animate(panels: NDArray[np.uint8], *, max_bytes: int = MAX_BYTES) -> bytes:
    """Draw an animated GIF.

    Args:
        panels: (n, 1 + K, H, W, 3) of consecutive frames, as
            :func:`pretrain.drawing.overlay.slot_panels` returns them.
        max_bytes: The panels are made smaller, and then the clip shorter, to stay below this.
    """
    columns = min(panels.shape[1], _COLUMNS)
    fitting = (_WIDTH / columns - _GAP) / panels.shape[3]
    zooms = [zoom for zoom in _SCALES if zoom <= fitting] or [fitting]
    content = b""
    while len(panels):
        for zoom in zooms:
            content = _encode([_page(p, columns, zoom) for p in panels])
            if len(content) <= max_bytes:
                return content
        panels = panels[: len(panels) // 2]
    return content


def _page(panels: NDArray[np.uint8], columns: int, zoom: float) -> Image.Image:
    """Draw the panels of one moment in rows, each below its name."""
    height, width = (max(1, round(n * zoom)) for n in panels[0].shape[:2])
    rows = math.ceil(len(panels) / columns)
    page = Image.new(
        "RGB", (columns * (width + _GAP) - _GAP, rows * (height + _TITLE + _GAP) - _GAP), _PAPER
    )
    draw = ImageDraw.Draw(page)
    font = ImageFont.load_default(size=15)
    for i, (panel, name) in enumerate(zip(panels, panel_names(len(panels) - 1), strict=True)):
        left, top = i % columns * (width + _GAP), i // columns * (height + _TITLE + _GAP)
        draw.text((left + width / 2, top + _TITLE / 2), name, fill=_INK, font=font, anchor="mm")
        # A shrunk panel must not lose objects of a few pixels; a grown one keeps its sharp edges.
        method = Image.Resampling.NEAREST if zoom >= 1 else Image.Resampling.BOX
        picture = Image.fromarray(panel).resize((width, height), method)
        page.paste(picture, (left, top + _TITLE))
    return page


def _encode(pages: list[Image.Image]) -> bytes:
    shown = pages[:: max(1, len(pages) // 8)]
    strip = Image.new("RGB", (shown[0].width, sum(p.height for p in shown)))
    for i, page in enumerate(shown):
        strip.paste(page, (0, i * page.height))
    palette = strip.quantize(_COLOURS, method=Image.Quantize.MEDIANCUT)
    return gif(pages, palette, _MILLISECONDS)
