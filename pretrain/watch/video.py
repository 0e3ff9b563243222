"""Pictures into a GIF or an MP4."""

from __future__ import annotations

import io
import itertools

import numpy as np
from PIL import Image

from pretrain.drawing.scenes import sample_rows
from pretrain.watch.pages import DIM, Pages, drawn_colours


def gif(pages: Pages, fps: int) -> bytes:
    """Write pages as a GIF with one palette, in which the slots' colours are exact."""
    own = drawn_colours(pages)
    shown = pages.film.frames[sample_rows(len(pages), 8)] * DIM  # the rest is the game's
    strip = Image.fromarray(np.concatenate(list(shown)).astype(np.uint8))
    rest = strip.quantize(256 - len(own), method=Image.Quantize.MEDIANCUT).getpalette() or []
    palette = Image.new("P", (1, 1))
    palette.putpalette([*itertools.chain(*own), *rest])
    indexed = (page.quantize(palette=palette, dither=Image.Dither.NONE) for page in pages)
    buffer = io.BytesIO()
    next(indexed).save(
        buffer,
        format="GIF",
        save_all=True,
        append_images=indexed,
        duration=round(100 / fps) * 10,  # in the format's hundredths of a second
        loop=0,
        optimize=False,
    )
    return buffer.getvalue()


def mp4(pages: Pages, fps: int) -> bytes:
    """Write pages as an MP4."""
    from imageio import v3

    pictures = np.stack([np.asarray(page) for page in pages])
    content: bytes = v3.imwrite(
        "<bytes>", pictures, extension=".mp4", plugin="FFMPEG", fps=fps, macro_block_size=2
    )
    return content
