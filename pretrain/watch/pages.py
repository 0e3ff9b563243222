"""The pictures of the film: the frame with marks on it, and a panel beside it."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from pretrain.drawing.files import gif
from pretrain.drawing.marked_frame import COLOURS, MARGIN, SHADOW, draw_marks
from pretrain.drawing.marks import Mark
from pretrain.drawing.moments import sample_rows
from pretrain.watch.film import Film
from pretrain.watch.panels import FAINT, INK, PAPER, SHADES, WIDTH, Panel, font

_FRAME_HEIGHT, _MOST_HEIGHT, _GAP, _HEAD = 420, 660, 14, 52  # pixels
_OWN_COLOURS = [*COLOURS, SHADOW, PAPER, INK, FAINT, *SHADES]


@dataclass(frozen=True, kw_only=True)
class Pages:
    """The film's pictures, one for each frame.

    Attributes:
        title: First line.
        film: What was played.
        marks: What is drawn on each frame; a mark has the colour of its slot.
        panel: What stands beside it.
    """

    title: str
    film: Film
    marks: list[list[Mark]]
    panel: Panel

    def __iter__(self) -> Iterator[Image.Image]:
        return map(self.draw, range(len(self.film.frames)))

    def draw(self, t: int) -> Image.Image:
        """Draw the picture of frame t."""
        frame = (self.film.frames[t] * self.panel.dim).astype(np.uint8)
        fitting = min(self.panel.height, _MOST_HEIGHT) // (len(frame) + 2 * MARGIN)
        zoom = max(1, round(_FRAME_HEIGHT / len(frame)), fitting)
        picture = draw_marks(frame, self.marks[t], zoom=zoom)
        lines = max(picture.height, self.panel.height)
        size = (3 * _GAP + picture.width + WIDTH, 2 * _GAP + _HEAD + lines)
        page = Image.new("RGB", (size[0] + size[0] % 2, size[1] + size[1] % 2), PAPER)  # for .mp4
        page.paste(picture, (_GAP, _GAP + _HEAD))
        draw = ImageDraw.Draw(page)
        draw.font = font(14)
        count = f"step {t + 1} of {len(self.film.frames)}   score: {self.film.scores[t]:g}"
        draw.text((page.width - _GAP, _GAP + 2), count, fill=FAINT, anchor="ra")
        room = page.width - 3 * _GAP - draw.textlength(count)
        draw.text((_GAP, _GAP), _cut(self.title, room), fill=INK, font=font(17))
        draw.text((_GAP, _GAP + 28), self.panel.caption(t), fill=FAINT)
        corner = (2 * _GAP + picture.width, _GAP + _HEAD + MARGIN)
        self.panel.draw(draw, t, corner, page.height - 2 * _GAP - _HEAD - MARGIN)
        return page


def to_gif(pages: Pages, fps: int) -> bytes:
    """Write pages as a GIF in which the colours of marks and numbers are exact."""
    frames = pages.film.frames
    some = frames[sample_rows(len(frames), 8)] * pages.panel.dim
    strip = np.concatenate(list(some)).astype(np.uint8)
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


def _cut(title: str, room: float) -> str:
    """Shorten a title from its front, where an id names its module, until it fits."""
    if font(17).getlength(title) <= room:
        return title
    while title and font(17).getlength(f"… {title}") > room:
        title = title[1:]
    return f"… {title}"
