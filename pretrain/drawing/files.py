"""Pictures and charts as PNG and GIF files."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

from PIL import Image

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def to_png(image: Image.Image, colours: int = 256) -> bytes:
    """Return a small PNG file: 256 colours at most, which a console's picture rarely exceeds."""
    buffer = io.BytesIO()
    few = image.quantize(colours, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    few.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def gif(pictures: Iterable[Image.Image], palette: Image.Image, milliseconds: int) -> bytes:
    """Return a GIF that repeats for ever; one palette for all keeps still parts still.

    Args:
        pictures: At least one; they are taken one at a time.
        palette: A picture of mode P whose colours are used.
        milliseconds: How long each is shown, in steps of 10.
    """
    indexed = (one.quantize(palette=palette, dither=Image.Dither.NONE) for one in pictures)
    first, buffer = next(indexed), io.BytesIO()
    options = {"append_images": indexed, "duration": milliseconds, "loop": 0, "optimize": False}
    first.save(buffer, format="GIF", save_all=True, **options)
    return buffer.getvalue()


def png(figure: Figure) -> bytes:
    """Return a chart as a PNG file; made without pyplot, it leaves nothing global behind."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=130)
    return buffer.getvalue()


def tidy(axis: Axes, grid: Literal["x", "y", "both"] = "both") -> None:
    """Leave the lower and left border and a pale grid behind what is drawn."""
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(alpha=0.25, axis=grid)
    axis.set_axisbelow(True)
