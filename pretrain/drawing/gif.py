"""Animated GIFs with one palette for all pictures, so that still parts stay still."""

from __future__ import annotations

import io
from collections.abc import Iterable

from PIL import Image


def gif(pictures: Iterable[Image.Image], palette: Image.Image, milliseconds: int) -> bytes:
    """Return a GIF that repeats for ever.

    Args:
        pictures: At least one; they are taken one at a time.
        palette: A picture of mode P whose colours are used.
        milliseconds: How long each is shown; the format knows hundredths of a second.
    """
    indexed = (one.quantize(palette=palette, dither=Image.Dither.NONE) for one in pictures)
    buffer = io.BytesIO()
    next(indexed).save(
        buffer,
        format="GIF",
        save_all=True,
        append_images=indexed,
        duration=milliseconds,
        loop=0,
        optimize=False,
    )
    return buffer.getvalue()
