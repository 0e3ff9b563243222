"""The steps from frames to slots that a study replaces, to see what each is worth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from slotenv.encoders.object_mixture.assignment import Assignment, Mixture, Runs, assign
from slotenv.encoders.object_mixture.doubles import part_doubles
from slotenv.encoders.object_mixture.foreground import Background, fit_background
from slotenv.encoders.object_mixture.maximisation import balance
from slotenv.encoders.object_mixture.merging import drop_rare, merge
from slotenv.encoders.object_mixture.readout import Readout, fit_readout, read_slots


@dataclass(frozen=True, kw_only=True)
class Steps:
    """What a fit does, in this order; as they are, those of :class:`ObjectMixtureEncoder`."""

    fit_background: Callable[..., Background] = fit_background
    """Tells what is usual at each place; takes frames, palette and ``pooled``."""
    balance: Callable[[Runs, int], Tensor] = balance
    """Weighs pixels, given how many colours there are."""
    added: tuple[int, ...] = (10, 6, 6, 6, 6, 6, 0)
    """Slots that each round begins with adding; none in the last, after which slots are final."""
    assign: Callable[[Mixture, Runs], Assignment] = assign
    """Shares pixels out."""
    drop_rare: Callable[[Mixture], Mixture] = drop_rare
    """Drops slots of few pixels."""
    merge: Callable[[Mixture, Assignment], Mixture] = merge
    """Merges slots that are parts of one thing."""
    part_doubles: Callable[[Mixture, Assignment], Mixture] = part_doubles
    """Keeps slots off others that look alike."""
    fit_readout: Callable[[Assignment], tuple[Readout, Tensor]] = fit_readout
    """Measures what is usual for each slot, and tells which are there often enough."""
    read_slots: Callable[[Mixture, Readout, Assignment], Tensor] = read_slots
    """Turns what a slot got to numbers."""


FINAL = Steps()
"""Those of the encoder."""
