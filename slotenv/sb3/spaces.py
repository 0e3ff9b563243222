"""Which of an agent's observations are slots already."""

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.spaces import Box, Dict

from slotenv.observations import PIXELS, SLOTS


def slots_in(space: gym.Space[Any], *, user: str) -> Box | None:
    """Return the space of the slots in observations, None if they hold frames or something else.

    Slots are a Box of floats: flat, (K, D), or (n, K, D) as Gymnasium's ``FrameStackObservation``
    stacks them. Three axes are slots only without bounds, for images have them. In a Dict they are
    the entry ``"slots"``, beside ``"pixels"`` at most.

    Args:
        space: Space of the observations.
        user: Who asks, for messages.

    Raises:
        ValueError: If a Dict has other entries, or a shape has a 0.
        TypeError: If the entry ``"slots"`` of a Dict is something else.
    """
    found = space
    if isinstance(space, Dict):
        if SLOTS not in space.spaces or space.spaces.keys() - {SLOTS, PIXELS}:
            raise ValueError(
                f"{user} takes {SLOTS!r} out of a Dict and leaves {PIXELS!r} out, as "
                "slotenv.ObjectSlotObservation(env, keep_pixels=True) names them, got a Dict of "
                f"{', '.join(map(repr, space.spaces)) or 'nothing'}. MultiInputPolicy's own "
                "CombinedExtractor joins all entries of any Dict."
            )
        found = space[SLOTS]
    if not _are_slots(found):
        if found is space:
            return None
        raise TypeError(
            f"{user} needs {SLOTS!r} of a Dict to be a Box of floats, (K, D) or (K * D,), got "
            f"{found}"
        )
    assert isinstance(found, Box)
    if 0 in found.shape:
        raise ValueError(f"{user} needs slots, (K, D) with K and D positive, got {found}")
    return found


def _are_slots(space: gym.Space[Any]) -> bool:
    if not isinstance(space, Box) or not np.issubdtype(space.dtype, np.floating):
        return False
    return len(space.shape) in (1, 2) or (len(space.shape) == 3 and not space.is_bounded("below"))
