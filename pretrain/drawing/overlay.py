"""Heat laid over dimmed grey frames: the picture of what one slot looks at."""

from __future__ import annotations

from typing import Any

import matplotlib
import numpy as np
from matplotlib.colors import ListedColormap
from numpy.typing import NDArray

# Without the darkest third, which would not stand out from the dimmed frame.
HEAT = ListedColormap(matplotlib.colormaps["inferno"](np.linspace(0.35, 1.0, 256)))
_DIM, _OPAQUE = 0.6, 0.9  # brightness of the grey frame; opacity of the strongest heat


def heat_scale(effects: NDArray[np.floating[Any]]) -> float:
    """Return the effect that gets the brightest colour: 99% of all effects above 0 are below it."""
    positive = effects[effects > 0]
    return float(np.percentile(positive, 99)) if positive.size else 1.0


def overlay(
    frame: NDArray[np.uint8],
    effect: NDArray[np.floating[Any]],
    block: tuple[int, int],
    scale: float,
) -> NDArray[np.uint8]:
    """Lay one slot's heat over a frame.

    Args:
        frame: (H, W, 3) uint8.
        effect: (gh, gw) effect of hiding each block.
        block: Height and width of a block in pixels.
        scale: Effect that gets the brightest colour.

    Returns:
        (H, W, 3) uint8.
    """
    grey = 255 * _DIM * (frame.mean(axis=-1, keepdims=True) / 255) ** 0.8  # (H, W, 1)
    pixels = effect.repeat(block[0], axis=0).repeat(block[1], axis=1)
    pixels = pixels[: frame.shape[0], : frame.shape[1]]
    strength = np.clip(pixels / scale, 0.0, 1.0)
    colour = HEAT(strength)[..., :3] * 255
    opacity = (_OPAQUE * np.sqrt(strength))[..., None]
    mixed: NDArray[np.uint8] = np.rint(grey * (1 - opacity) + colour * opacity).astype(np.uint8)
    return mixed


def slot_panels(
    frames: NDArray[np.uint8],
    effects: NDArray[np.floating[Any]],
    block: tuple[int, int],
    scale: float,
) -> NDArray[np.uint8]:
    """Return (n, 1 + K, H, W, 3): each frame, and one :func:`overlay` for each slot.

    Args:
        frames: (n, H, W, 3) uint8.
        effects: (n, K, gh, gw) effect of hiding each block, on each slot.
        block: Height and width of a block in pixels.
        scale: Effect that gets the brightest colour.
    """
    return np.stack(
        [
            [frame, *(overlay(frame, one, block, scale) for one in effect)]
            for frame, effect in zip(frames, effects, strict=True)
        ]
    )


def panel_names(num_slots: int) -> list[str]:
    """Return the titles of :func:`slot_panels`."""
    return ["the frame", *(f"slot {k}" for k in range(num_slots))]
