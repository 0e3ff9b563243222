"""What is wrong with the frames that an encoder of objects was fitted to, in plain words."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_MUCH = 0.2  # share of foreground; of 20 Atari games at random play, the most has 0.09
_LITTLE = 0.3  # share of the foreground in slots
_FEW = 30  # frames: what is there in two of five of fewer is often an object, not the background


def diagnose(
    share: NDArray[np.float32],
    *,
    num_frames: int,
    held: float = 1.0,
    limits: Sequence[str] = (),
) -> list[str]:
    """Say in sentences what makes an encoder's slots of little use; none if nothing does.

    Args:
        share: (B,) share of foreground in a sample of the frames that it was fitted to.
        num_frames: How many those were.
        held: Share of all foreground that slots hold, if most frames have nothing in any slot.
        limits: In words, which limits of the encoder were reached.
    """
    said = []
    if num_frames < _FEW:
        said.append(
            f"Too few frames to find objects in, {num_frames}: what stays at a place in two of "
            "five of them counts as background. Give a thousand or more, drawn from all of the "
            "data."
        )
    if not share.any():
        said.append(
            "Nothing differs from the background in any frame: all of them look alike, black "
            "perhaps, so no slot stands for an object. See whether the environment draws anything."
        )
    elif share.mean() > _MUCH:
        also = f" ({'; '.join(limits)})" if limits else ""
        said.append(
            f"{share.mean():.0%} of the screen differs from the background: it is textured, "
            f"scrolls or flickers{also}. Slots follow pieces of it rather than objects. Encoders "
            "for flat backgrounds are of little use here: try another method, such as scn."
        )
    elif held < _LITTLE:
        said.append(
            f"Slots hold {held:.0%} of what differs from the background: things have other looks "
            "in every frame, or touch each other. Try --method object_mixture "
            "(ObjectMixtureEncoder), whose slots share out single pixels."
        )
    return said
