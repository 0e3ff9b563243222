"""What is wrong with the frames that an encoder of objects was fitted to, in plain words."""

from __future__ import annotations

from slotenv.encoders.object_mixture.foreground import MAX_COLOURS
from slotenv.encoders.object_mixture.mixture import Runs

_MUCH = 0.2  # share of foreground; of 20 Atari games at random play, the most has 0.09
_FEW = 30  # frames: what is there in two of five of fewer is often an object, not the background
_MOSTLY = 0.5  # share of the frames


def diagnose(
    foreground: Runs,
    *,
    pixels: int,
    num_frames: int,
    num_slots: int,
    max_slots: int,
    num_colours: int,
) -> list[str]:
    """Say in sentences what makes an encoder's slots of little use; none if nothing does.

    The foreground is that of a sample of the ``num_frames`` frames of so many ``pixels`` that it
    was fitted to.
    """
    weights = foreground.weights.numpy()
    share = weights.sum(1) / pixels  # (B,)
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
        limits = []
        if (full := (weights > 0).all(1).mean()) > _MOSTLY:
            most = weights.shape[1]
            limits.append(f"{full:.0%} of the frames have more pieces than the {most} looked at")
        if num_colours == MAX_COLOURS:
            limits.append(f"the palette of {MAX_COLOURS} colours is full")
        if num_slots == max_slots:
            limits.append(f"all {max_slots} slots are taken")
        also = f" ({'; '.join(limits)})" if limits else ""
        said.append(
            f"{share.mean():.0%} of the screen differs from the background: it is textured, "
            f"scrolls or flickers{also}. Slots follow pieces of it rather than objects. Encoders "
            "for flat backgrounds are of little use here: try another method, such as scn."
        )
    return said
