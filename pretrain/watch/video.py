"""Pictures into a GIF or an MP4."""

from __future__ import annotations

import itertools

import numpy as np
from PIL import Image

from pretrain.drawing.gif import gif
from pretrain.drawing.scenes import sample_rows
from pretrain.watch.pages import DIM, Pages, drawn_colours


def to_gif(pages: Pages, fps: int) -> bytes:
    """Write pages as a GIF with one palette, in which the slots' colours are exact."""
    own = drawn_colours(pages)
    shown = pages.film.frames[sample_rows(len(pages), 8)] * DIM  # the rest is the game's
    strip = Image.fromarray(np.concatenate(list(shown)).astype(np.uint8))
    rest = strip.quantize(256 - len(own), method=Image.Quantize.MEDIANCUT).getpalette() or []
    palette = Image.new("P", (1, 1))
    palette.putpalette([*itertools.chain(*own), *rest])
    return gif(pages, palette, round(100 / fps) * 10)


def to_mp4(pages: Pages, fps: int) -> bytes:
    """Write pages as an MP4."""
    from imageio import v3

    pictures = np.stack([np.asarray(page) for page in pages])
    content: bytes = v3.imwrite(
        "<bytes>", pictures, extension=".mp4", plugin="FFMPEG", fps=fps, macro_block_size=2
    )
    return content
