"""What the weights of an encoder of objects may be: others would give numbers without a meaning."""

from collections.abc import Mapping

from torch import Tensor

from slotenv.encoders.object_mixture.foreground import NO_COLOUR
from slotenv.encoders.saving import check_bounds

_FAR = 20.0  # half screens, and natural logarithms of them: exp(2 * 20) is still a float32
_BOUNDS = {
    "size": (-_FAR, _FAR),
    "spread": (-_FAR, _FAR),
    "home": (-_FAR, _FAR),
    "usual_mass": (1e-6, 1e9),  # pixels of an object
    "moves": (0.0, 1.0),
    "look": (-_FAR, _FAR),
    "look_range": (0.0, _FAR),
}


def check_state(state: Mapping[str, Tensor]) -> None:
    """Raise a ValueError unless weights keep to their bounds and name colours that there are."""
    check_bounds(state, _BOUNDS)
    usual, num_colours = state["usual_colours"], len(state["palette"])
    unknown = usual >= num_colours
    unknown[..., 1:] &= usual[..., 1:] != NO_COLOUR  # every place has one usual colour at least
    if unknown.any():
        raise ValueError(
            f"usual_colours holds {int(usual[unknown][0])}, the palette has {num_colours} colours"
        )
    if "usual_places" in state:
        check_bounds(state, {"usual_places": (0, len(usual) - 1)})
