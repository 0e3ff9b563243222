"""What frames to find objects in must be, and what weights must keep to, whoever wrote them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from slotenv.encoders.object_mixture.foreground import NO_COLOUR
from slotenv.encoders.weights import check_bounds
from slotenv.frames import FramePreset

_FAR = 20.0  # half screens, and natural logarithms of them: exp(2 * 20) is still a float32
_SMALLEST, _LARGEST = 1e-6, 1e9  # pixels of an object
_BOUNDS = {
    "size": (-_FAR, _FAR),
    "spread": (-_FAR, _FAR),
    "home": (-_FAR, _FAR),
    "usual_mass": (_SMALLEST, _LARGEST),
    "moves": (0.0, 1.0),
    "look": (-_FAR, _FAR),
    "look_range": (0.0, _FAR),
}


def check_sample(
    preset: FramePreset, frames: NDArray[np.uint8], next_frames: NDArray[np.uint8] | None = None
) -> None:
    """Raise unless these are frames to find objects in, of that preset.

    Raises:
        TypeError: If frames are not uint8.
        ValueError: If they have another shape, there are none, or more next frames than frames.
    """
    preset.check_frames(frames)
    if len(frames) == 0:
        raise ValueError("an encoder of objects needs frames to find them in, got none")
    if next_frames is None:
        return
    preset.check_frames(next_frames)
    if len(next_frames) > len(frames):
        raise ValueError(
            f"next_frames are those after the first frames, got {len(next_frames)} of them for "
            f"{len(frames)} frames"
        )


def check_mixture(state: Mapping[str, Tensor], *, num_colours: int) -> None:
    """Raise unless slots can be computed with these weights, all of them finite.

    Args:
        state: Of an :class:`~slotenv.encoders.object_mixture.ObjectMixtureEncoder`.
        num_colours: C, which the colours of the background must be below.

    Raises:
        ValueError: If a tensor does not fit; it is named.
    """
    check_bounds(state, _BOUNDS)
    usual = state["usual_colours"]  # (H, W, 3)
    unknown = usual >= num_colours
    unknown[..., 1:] &= usual[..., 1:] != NO_COLOUR  # every place has one usual colour at least
    if unknown.any():
        raise ValueError(
            f"usual_colours holds {int(usual[unknown][0])}, the palette has {num_colours} colours"
        )
