"""How well slots tell their next moment from other moments."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

_TEMPERATURES = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)


def time_contrast(slots_t: Tensor, slots_tp1: Tensor) -> float:
    """Score slots by a time-contrastive loss over whole sets of slots, higher is better.

    An InfoNCE loss: the slots of a moment shall be nearest, in squared distance, to the slots of
    the next moment, among those of all others; at the temperature at which they do best. The score
    is the number of nats gained over guessing, at most ln N.

    All slots of a moment are compared at once, in order. A slot that is constant adds nothing to
    the distances, and one that repeats another adds nothing new, so the score grows with what the
    slots say together: a loss that tells slots apart one by one is solved by constants, see
    https://arxiv.org/abs/2011.10287.

    Args:
        slots_t: (N, K, D) of N moments drawn from all of the data.
        slots_tp1: (N, K, D) one step later.
    """
    if len(slots_t) < 2:
        return 0.0
    distance = torch.cdist(slots_t.flatten(1), slots_tp1.flatten(1)).square()
    target = torch.arange(len(distance), device=distance.device)
    losses = [float(F.cross_entropy(-distance / t, target)) for t in _TEMPERATURES]
    return math.log(len(distance)) - min(losses)
