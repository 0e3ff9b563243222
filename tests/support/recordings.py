"""Slots of play in which things come and go, and what encodes them."""

from types import SimpleNamespace

import numpy as np
import torch
from spots import FIELDS

from slotenv.encoders import SlotOutput


def recording(count=60, seed=0):
    """Slots multiplied by presence, of episodes of 1, 2, ... 20 frames."""
    rng = np.random.default_rng(seed)
    slots = rng.normal(size=(count, 3, 4)).astype(np.float32)
    presence = rng.choice([0, 0, 0.2, 0.5, 0.6, 1, 1], size=(count, 3)).astype(np.float32)
    presence[40:60, 0] = [1, *[0] * 19]  # hidden for longer than anything is remembered
    slots *= presence[..., None]
    slots[..., 1] = presence
    return slots, np.repeat(np.arange(9), [1, 2, 3, 4, 5, 6, 7, 12, 20])[:count] * 3


def encoder(encode, fields=FIELDS):
    """Stand in for a LazyEncoder."""

    def output(frames):
        return SlotOutput(torch.from_numpy(encode(frames)))

    return SimpleNamespace(
        num_slots=3,
        slot_dim=4,
        slot_fields=fields,
        alike_slots=(),
        held_slots=(0, 1, 2),
        encode=output,
    )
