"""From shared-out pixels to boxes: where in a frame each slot is, in pixels."""

from __future__ import annotations

import torch
from torch import Tensor

from slotenv.encoders.object_mixture.readout import Readout, middle_and_look, presence_of


def read_boxes(readout: Readout, moments: Tensor, *, height: int, width: int) -> Tensor:
    """Return where slots are in frames of that many pixels, (B, K, 5).

    ``moments`` (B, K, 6) are those of pixels that were shared out, see
    :class:`slotenv.encoders.object_mixture.mixture.Assignment`. Boxes are
    :data:`slotenv.encoders.BOX_FIELDS`; pixel 0 reaches from -0.5 to 0.5. The extent is that of a
    full rectangle with the same standard deviations; of one that reaches beyond the frame, the part
    inside is returned.
    """
    presence = presence_of(moments, readout.usual_mass).unsqueeze(-1)
    middle, look = middle_and_look(moments)
    frame = presence.new_tensor([width, height])
    pixels = frame / 2.0  # in a half screen
    # A row of n pixels one apart has the variance (n^2 - 1) / 12.
    size = (12 * (look[..., :2] * pixels) ** 2 + 1).sqrt()
    place = (middle.flip(-1) + 1) * pixels - 0.5
    # How far the box reaches over the near and the far edge: both are 0 where it does not.
    near = (size / 2 - place - 0.5).clamp(min=0)
    far = (place + size / 2 + 0.5 - frame).clamp(min=0)
    return torch.cat([presence, place + (near - far) / 2, size - (near + far)], -1)
