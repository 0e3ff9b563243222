"""What each slot looks at, as heat beside the frame: some typical moments, and a moving clip."""

import math
from typing import Any

import matplotlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from pretrain.data.store import FrameStore
from pretrain.drawing.attention import Occlusion
from pretrain.drawing.files import gif, to_png
from pretrain.drawing.moments import sample_rows

_MAX_BYTES = 2_000_000  # of the clip
_CLIPS = 24  # places in the data at which a clip may begin
_DIM, _OPAQUE = 0.6, 0.9  # brightness of the grey frame; opacity of the strongest heat
_WIDTH, _GAP, _TITLE = 800, 8, 30  # widest picture, space between panels, title's height
_COLUMNS = 4  # most panels in a row
_FONT = 22  # half of it is left on a phone
_SCALES = (2.0, 1.5, 1.0, 0.75, 0.5)
_MILLISECONDS = 130  # about half the game's own speed, so that an eye can follow
_PAPER, _INK = (255, 255, 255), (30, 30, 30)


def varied_frames(
    frames: NDArray[np.uint8], occlusion: Occlusion, wanted: int
) -> NDArray[np.uint8]:
    """Choose up to ``wanted`` frames (m, H, W, 3) with much to see that differ in where it is.

    Starts from the frame that shows most, then takes the one least like those already taken.
    Frames that differ from the background in unusually many places (a flash, a title screen) and
    those in the emptier half are not considered.
    """
    masks = np.stack([occlusion.foreground(frame).ravel() for frame in frames])  # (n, gh * gw)
    busy = masks.sum(axis=1)
    usual = np.flatnonzero((busy >= np.median(busy)) & (busy <= np.percentile(busy, 90)))
    chosen = [int(usual[busy[usual].argmax()])]
    distance = (masks[usual] != masks[chosen[0]]).sum(axis=1)
    while len(chosen) < wanted and distance.max() > 0:
        chosen.append(int(usual[distance.argmax()]))
        distance = np.minimum(distance, (masks[usual] != masks[chosen[-1]]).sum(axis=1))
    return frames[chosen]


def lively_clip(store: FrameStore, occlusion: Occlusion, length: int) -> NDArray[np.uint8]:
    """Choose frames (n, H, W, 3) in a row of one episode in which much moves all the time.

    There are ``length`` of them, fewer where episodes are shorter.
    """
    best, most = store.frames([0]), -1.0
    for start in sample_rows(max(1, len(store) - length), _CLIPS):
        rows = np.arange(start, min(start + length, len(store)))
        frames = store.frames(rows[store.episode[rows] == store.episode[start]])
        masks = np.stack([occlusion.foreground(frame) for frame in frames])  # (n, gh, gw)
        moving = (masks[1:] != masks[:-1]).any(axis=(1, 2)).sum()
        shown = np.percentile(masks.sum(axis=(1, 2)), 25)
        if (score := float(len(frames) + moving + shown)) > most:
            best, most = frames, score
    return best


def heat_scale(effects: NDArray[np.floating[Any]]) -> float:
    """Return the effect that gets the brightest colour: 99% of all effects above 0 are below it."""
    positive = effects[effects > 0]
    return float(np.percentile(positive, 99)) if positive.size else 1.0


def slot_panels(
    frames: NDArray[np.uint8],
    effects: NDArray[np.floating[Any]],
    block: tuple[int, int],
    scale: float,
) -> NDArray[np.uint8]:
    """Return (n, 1 + K, H, W, 3): each frame, and beside it each slot's heat over the dimmed frame.

    Args:
        frames: (n, H, W, 3) uint8.
        effects: (n, K, gh, gw) effect of hiding each block, on each slot.
        block: Height and width of a block in pixels.
        scale: Effect that gets the brightest colour.
    """
    panels = []
    for frame, effect in zip(frames, effects, strict=True):
        grey = 255 * _DIM * (frame.mean(axis=-1, keepdims=True) / 255) ** 0.8  # (H, W, 1)
        pixels = effect.repeat(block[0], axis=1).repeat(block[1], axis=2)
        strength = np.clip(pixels[:, : frame.shape[0], : frame.shape[1]] / scale, 0.0, 1.0)
        opacity = (_OPAQUE * np.sqrt(strength))[..., None]
        mixed = np.rint(grey * (1 - opacity) + _heat(strength) * opacity)  # (K, H, W, 3)
        panels.append(np.concatenate([frame[None], mixed.astype(np.uint8)]))
    return np.stack(panels)


def sheet(panels: NDArray[np.uint8], scale: float) -> bytes:
    """Draw a PNG of :func:`slot_panels`, the moments below each other, above a scale."""
    columns = min(panels.shape[1], _COLUMNS)
    zoom = (_WIDTH / columns - _GAP) / panels.shape[3]
    # Pictures of a page of few panels are made no larger than those of a full one.
    zoom = min(zoom, (_WIDTH / _COLUMNS - _GAP) / panels.shape[3] * 1.5)
    rows = [np.asarray(_page(row, columns, zoom)) for row in panels]
    height, width = len(rows) * len(rows[0]), max(400, rows[0].shape[1])
    page = Image.new("RGB", (width, height + 36), _PAPER)
    page.paste(Image.fromarray(np.concatenate(rows)))
    bar = _heat(np.linspace(0, 1, 240)[None].repeat(16, axis=0)).astype(np.uint8)
    page.paste(Image.fromarray(bar), (30, height + 10))
    draw = ImageDraw.Draw(page)
    draw.font = ImageFont.load_default(size=_FONT)
    draw.text((24, height + 18), "0", fill=_INK, anchor="rm")
    draw.text((278, height + 18), f"{scale:.2g}", fill=_INK, anchor="lm")
    return to_png(page)


def animate(panels: NDArray[np.uint8], *, max_bytes: int = _MAX_BYTES) -> bytes:
    """Draw an animated GIF of :func:`slot_panels` of consecutive frames.

    The panels are made smaller, and then the clip shorter, to stay below ``max_bytes``.
    """
    columns = min(panels.shape[1], _COLUMNS)
    fitting = (_WIDTH / columns - _GAP) / panels.shape[3]
    zooms = [zoom for zoom in _SCALES if zoom <= fitting] or [fitting]
    content = b""
    while len(panels):
        for zoom in zooms:
            pages = [_page(moment, columns, zoom) for moment in panels]
            strip = np.concatenate([np.asarray(p) for p in pages[:: max(1, len(pages) // 8)]])
            palette = Image.fromarray(strip).quantize(128, Image.Quantize.MEDIANCUT)
            content = gif(pages, palette, _MILLISECONDS)
            if len(content) <= max_bytes:
                return content
        panels = panels[: len(panels) // 2]
    return content


def _heat(strength: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """Return colours (..., 3) in 0..255 of strengths in 0..1."""
    # Without the darkest third, which would not stand out from the dimmed frame.
    colours: NDArray[np.floating[Any]] = matplotlib.colormaps["inferno"](0.35 + 0.65 * strength)
    return 255 * colours[..., :3]


def _page(panels: NDArray[np.uint8], columns: int, zoom: float) -> Image.Image:
    """Draw the panels of one moment in rows, each below its name."""
    height, width = (max(1, round(n * zoom)) for n in panels[0].shape[:2])
    rows = math.ceil(len(panels) / columns)
    size = (columns * (width + _GAP) - _GAP, rows * (height + _TITLE + _GAP) - _GAP)
    page = Image.new("RGB", size, _PAPER)
    draw = ImageDraw.Draw(page)
    font = ImageFont.load_default(size=_FONT)
    for i, panel in enumerate(panels):
        left, top = i % columns * (width + _GAP), i // columns * (height + _TITLE + _GAP)
        name = f"slot {i - 1}" if i else "the frame"
        draw.text((left + width / 2, top + _TITLE / 2), name, fill=_INK, font=font, anchor="mm")
        # A shrunk panel must not lose objects of a few pixels; a grown one keeps its sharp edges.
        method = Image.Resampling.NEAREST if zoom >= 1 else Image.Resampling.BOX
        picture = Image.fromarray(panel).resize((width, height), method)
        page.paste(picture, (left, top + _TITLE))
    return page
