"""From shared-out pixels to slot vectors: presence, place, extent and a little of the look."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from slotenv.encoders.object_mixture.assignment import Assignment, Mixture

SLOT_FIELDS = ("presence", "x", "y", "width", "height", "shade")
"""What the numbers of a slot are. The place is relative to the slot's home, width, height and shade
(mean brightness) to what is usual for the slot; lengths are in tenths of the screen, shade is a
share of white. All are 0 while it is absent."""

BOX_FIELDS = ("presence", "x", "y", "width", "height")
"""What the numbers of a box are: presence from 0 to 1, middle and extent in pixels."""

_TENTHS = 5.0  # of the screen, in a half: agents learn sooner from numbers that differ more
_EXTENT = 12**0.5  # of a line or a filled rectangle, in its standard deviations
_ENOUGH = 0.15  # of the usual mass: half present. Most of a paddle may be beyond the edge
_STEEP = 3.0
_FEWEST = 0.01  # share of frames in which a slot must be there
_RANGE = (0.05, 0.95)  # quantiles at which a look is cut off
_STILL = 0.0075  # half screens: what moves less does not move
_SAME_LOOK = (0.024, 0.02, 0.04)  # half ranges below which a look does not change: edges do


class Readout(NamedTuple):
    """What is usual for each of K slots.

    Attributes:
        mass: (K,) pixels while it is there.
        moves: (K, 2) 1 where its row or its column changes, else 0.
        look: (K, 3) middle of width, height and shade.
        look_range: (K, 3) half their range; 0 for what does not change.
    """

    mass: Tensor
    moves: Tensor
    look: Tensor
    look_range: Tensor


def check_slot_dim(slot_dim: int | None) -> None:
    """Raise unless slots are to be as long as they are, or of whatever length."""
    if slot_dim not in (None, len(SLOT_FIELDS)):
        raise ValueError(
            f"slots of objects are {len(SLOT_FIELDS)} numbers ({', '.join(SLOT_FIELDS)}), got "
            f"slot_dim={slot_dim}"
        )


def read_slots(mixture: Mixture, readout: Readout, found: Assignment) -> Tensor:
    """Return slot vectors (B, K, 6): :data:`SLOT_FIELDS`.

    Every number has its natural size. Looks that hardly change stay small, where they would only be
    noise to a policy; what is far from usual is cut off at the edge of what was seen in training.

    Args:
        mixture: K slots.
        readout: What is usual for them.
        found: How the pixels were shared out.
    """
    presence = _presence(found.moments[..., 0], readout.mass)  # (B, K)
    place = _TENTHS * (_middle(found) - mixture.home) * readout.moves  # (B, K, 2)
    difference = (_look(found) - readout.look).clamp(-readout.look_range, readout.look_range)
    natural = difference.new_tensor([_TENTHS * _EXTENT, _TENTHS * _EXTENT, 1.0])
    numbers = torch.cat([place.flip(-1), natural * difference], -1)  # x before y
    return torch.cat([presence.unsqueeze(-1), presence.unsqueeze(-1) * numbers], -1)


def read_boxes(readout: Readout, found: Assignment, *, height: int, width: int) -> Tensor:
    """Return where slots are in frames of that many pixels, (B, K, 5): :data:`BOX_FIELDS`.

    The extent is that of a full rectangle with the same standard deviations.
    """
    presence = _presence(found.moments[..., 0], readout.mass).unsqueeze(-1)
    pixels = presence.new_tensor([width, height]) / 2.0  # in a half screen
    middle = (_middle(found).flip(-1) + 1) * pixels - 0.5
    # A row of n pixels one apart has the variance (n^2 - 1) / 12.
    extent = (12 * (_extent(found).flip(-1) * pixels) ** 2 + 1).sqrt()
    return torch.cat([presence, middle, extent], -1)


def fit_readout(found: Assignment) -> tuple[Readout, Tensor]:
    """Measure what is usual for each slot, over a sample of frames.

    Returns:
        The readout of all K slots, and (K,) which of them are there often enough to be kept.
    """
    mass = found.moments[..., 0]
    middle, look = _middle(found), _look(found)
    rows = []
    for k in range(mass.shape[1]):
        there = mass[:, k] > 1
        usual = mass[there, k].median() if there.any() else mass.new_ones(())
        there = _presence(mass[:, k], usual) > 0.5
        if int(there.sum()) < max(2, _FEWEST * len(mass)):
            rows.append((usual, mass.new_zeros(2), look.new_zeros(3), look.new_zeros(3), False))
            continue
        moves = (middle[there, k].std(0) > _STILL).float()
        low, high = torch.quantile(look[there, k], look.new_tensor(_RANGE), dim=0)
        half = (high - low) / 2
        half = torch.where(half > look.new_tensor(_SAME_LOOK), half, 0.0)
        rows.append((usual, moves, (low + high) / 2, half, True))
    *fields, kept = zip(*rows, strict=True)
    return Readout(*(torch.stack(list(field)) for field in fields)), torch.tensor(kept)


def _presence(mass: Tensor, usual: Tensor) -> Tensor:
    """Return exactly 0 below 0.07 of the usual mass, exactly 1 above a third of it."""
    soft = torch.sigmoid(_STEEP * (mass.clamp(min=1e-3) / (_ENOUGH * usual)).log())
    return ((soft - 0.1) / 0.8).clamp(0, 1)


def _middle(found: Assignment) -> Tensor:
    mass = found.moments[..., :1].clamp(min=1e-4)
    return found.moments[..., 1:3] / mass


def _look(found: Assignment) -> Tensor:
    """Return width, height and shade of each slot, (B, K, 3)."""
    mass = found.moments[..., :1].clamp(min=1e-4)
    return torch.cat([_extent(found).flip(-1), found.moments[..., 5:] / mass], -1)


def _extent(found: Assignment) -> Tensor:
    """Return the standard deviation of rows and columns of each slot's pixels, (B, K, 2)."""
    mass = found.moments[..., :1].clamp(min=1e-4)
    square = found.moments[..., 3:5] / mass
    return (square - _middle(found) ** 2).clamp(min=1e-8).sqrt()
