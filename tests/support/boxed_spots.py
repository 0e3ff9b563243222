"""Encoders of the sprites that say where they are in a frame."""

from __future__ import annotations

from typing import Any

import torch
from spots import FIELDS, SpotEncoder
from torch import Tensor

from slotenv.encoders import SlotOutput


class BoxedSpotEncoder(SpotEncoder):
    """The spots, and boxes of 8 x 8 around their middles."""

    architecture = "boxed_spots"
    has_boxes = True

    def forward(self, images: Tensor) -> SlotOutput:
        slots = super().forward(images).slots
        return SlotOutput(slots, boxes=lambda: _boxes(slots))


def _boxes(slots: Tensor) -> Tensor:
    presence, y, x = (slots[..., FIELDS.index(name)] for name in ("presence", "y", "x"))
    whole = presence.clamp(min=1e-6)
    eight: Any = torch.full_like(x, 8.0)
    return torch.stack([presence, x / whole, y / whole, eight, eight], -1)
