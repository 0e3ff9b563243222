"""What the weights of an encoder of objects must keep to, whoever wrote the file they come from."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from slotenv.encoders.object_mixture.foreground import NO_COLOUR
from slotenv.encoders.weights import check_bounds

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
