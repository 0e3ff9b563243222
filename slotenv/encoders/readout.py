"""From the pixels of slots to slot vectors and boxes: presence, place, extent, shade.

What is read of a slot's pixels in a frame are their moments, (B, K, 6).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

MASS, PLACE, SQUARES, BRIGHTNESS = 0, slice(1, 3), slice(3, 5), slice(5, 6)
"""Where moments have what: pixels, and sums over them of (row, column), their squares, and
brightness. Places and lengths are in half screens."""

SLOT_FIELDS = ("presence", "x", "y", "width", "height", "shade")
"""What the numbers of a slot are. The place is relative to the slot's home, width, height and shade
(mean brightness) to what is usual for the slot; lengths are in tenths of the screen, shade is a
share of white. All are 0 while it is absent."""

LOOK_QUANTILES = (0.05, 0.95)  # over frames, at which a look is cut off
_ENOUGH = 0.15  # of the usual mass: half present. Most of a paddle may be beyond the edge
_SAME_LOOK = (0.024, 0.02, 0.04)  # half ranges below which a look does not change: edges do
_FEWEST = 0.01  # share of frames in which a slot must be there to be kept
_TENTHS = 5.0  # of the screen, in a half: agents learn sooner from numbers that differ more
_EXTENT = 12**0.5  # of a line or a filled rectangle, in its standard deviations
_STEEP = 3.0  # presence goes from 0 to 1 between 0.07 of the usual mass and a third of it
_CUT = 0.1  # of the sigmoid, at both ends: what is absent or there is so exactly
_STILL = 0.0075  # half screens: what moves less does not move
_LEAST_MASS = 1e-4  # pixels: keeps the middle of a slot without any defined


class Readout(NamedTuple):
    """What is usual for each of K slots."""

    usual_mass: Tensor  # (K,) pixels while it is there
    moves: Tensor  # (K, 2) 1 where its row or its column changes, else 0
    look: Tensor  # (K, 3) middle of width, height and shade
    look_range: Tensor  # (K, 3) half their range; 0 for what does not change

    def select(self, kept: Tensor) -> Readout:
        """Return that of some of the slots, by a mask."""
        return Readout(*(field[kept] for field in self))


def read_slots(
    home: Tensor, readout: Readout, moments: Tensor, *, enough: float = _ENOUGH
) -> Tensor:
    """Return slot vectors (B, K, 6): :data:`SLOT_FIELDS`.

    ``home`` is (K, 2). Looks are cut off at the edge of what was seen in training. A slot that has
    ``enough`` of its usual mass is half present.
    """
    presence = presence_of(moments, readout.usual_mass, enough).unsqueeze(-1)  # (B, K, 1)
    middle, look = middle_and_look(moments)
    place = _TENTHS * (middle - home) * readout.moves  # (B, K, 2)
    difference = (look - readout.look).clamp(-readout.look_range, readout.look_range)
    natural = difference.new_tensor([_TENTHS * _EXTENT, _TENTHS * _EXTENT, 1.0])
    numbers = torch.cat([place.flip(-1), natural * difference], -1)  # x before y
    return torch.cat([presence, presence * numbers], -1)


def read_boxes(readout: Readout, moments: Tensor, *, height: int, width: int) -> Tensor:
    """Return where slots are in frames of that many pixels, (B, K, 5).

    Boxes are :data:`slotenv.encoders.BOX_FIELDS`; pixel 0 reaches from -0.5 to 0.5. The extent is
    that of a full rectangle with the same standard deviations; of one that reaches beyond the
    frame, the part inside is returned.
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


def fit_readout(
    moments: Tensor,
    *,
    enough: float = _ENOUGH,
    fewest: float = _FEWEST,
    same_look: tuple[float, ...] = _SAME_LOOK,
) -> tuple[Readout, Tensor]:
    """Measure what is usual for each slot, over a sample of frames.

    Returns the readout of all K slots, and (K,) which of them are there in the share ``fewest`` of
    the frames. ``same_look`` are half ranges of width, height and shade that count as no change.
    """
    mass = moments[..., MASS]
    middle, look = middle_and_look(moments)
    usual_mass = torch.stack([some[some > 1].median().nan_to_num(1.0) for some in mass.T])
    there = presence_of(moments, usual_mass, enough) > 0.5  # (B, K)
    kept = there.sum(0) >= max(2, fewest * len(mass))
    moves, looks, ranges = (look.new_zeros(len(kept), n) for n in (2, 3, 3))
    for k in kept.nonzero().flatten().tolist():
        moves[k] = (middle[there[:, k], k].std(0) > _STILL).float()
        own = torch.quantile(look[there[:, k], k], look.new_tensor(LOOK_QUANTILES), dim=0)
        looks[k], half = own.mean(0), (own[1] - own[0]) / 2
        ranges[k] = torch.where(half > look.new_tensor(same_look), half, 0.0)
    return Readout(usual_mass, moves, looks, ranges), kept


def presence_of(moments: Tensor, usual: Tensor, enough: float = _ENOUGH) -> Tensor:
    """Return (B, K), exactly 0 below 0.07 of the usual mass, exactly 1 above a third of it."""
    mass = moments[..., MASS].clamp(min=1e-3)
    soft = torch.sigmoid(_STEEP * (mass / (enough * usual)).log())
    return ((soft - _CUT) / (1 - 2 * _CUT)).clamp(0, 1)


def middle_and_look(moments: Tensor) -> tuple[Tensor, Tensor]:
    """Return of each slot's pixels the middle, (B, K, 2) row and column, and the look.

    The look is (B, K, 3): standard deviation of columns and of rows, mean brightness.
    """
    mean = moments / moments[..., MASS].unsqueeze(-1).clamp(min=_LEAST_MASS)
    middle = mean[..., PLACE]
    extent = (mean[..., SQUARES] - middle**2).clamp(min=1e-8).sqrt()
    return middle, torch.cat([extent.flip(-1), mean[..., BRIGHTNESS]], -1)
