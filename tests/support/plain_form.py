"""Slot Contrastive Networks written as plainly as the paper: the reference for losses and speed.

Float32, channels first, no prefetching, each frame encoded once for each of the two losses, losses
as loops over slots, metrics read at every step.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from slotenv.encoders import SlotMapEncoder
from slotenv.objectives import SlotContrastive

Pairs = tuple[NDArray[np.uint8], NDArray[np.uint8]]


def plain_encode(encoder: SlotMapEncoder, frames: NDArray[np.uint8]) -> Tensor:
    """Encode uint8 (B, H, W, 3) with ordinary convolutions, slot by slot: (B, K, D)."""
    x = torch.from_numpy(frames).permute(0, 3, 1, 2).contiguous().float() / 255
    for conv in encoder.convs:
        x = F.relu(F.conv2d(x, conv.weight, conv.bias, stride=conv.stride))
    c = 128 // encoder.num_slots
    slots = []
    for k in range(encoder.num_slots):
        slot_map = x[:, k * c : (k + 1) * c]
        hidden = F.relu(F.conv2d(slot_map, encoder.head_conv.weight, encoder.head_conv.bias))
        slots.append(
            F.linear(hidden.flatten(1), encoder.head_linear.weight, encoder.head_linear.bias)
        )
    return torch.stack(slots, 1)


def plain_losses(
    objective: SlotContrastive, slots_t: Tensor, slots_tp1: Tensor
) -> tuple[Tensor, Tensor]:
    """Equations 1 and 2, as loops."""
    batch, num_slots, _ = slots_t.shape
    weight = objective.saliency_projection.weight
    saliency, diversity = torch.zeros(()), torch.zeros(())
    for j in range(num_slots):
        scores = (slots_t[:, j] @ weight.T) @ slots_tp1[:, j].T
        saliency = saliency + F.cross_entropy(scores, torch.arange(batch))
        among_slots = torch.einsum("bd,bkd->bk", slots_t[:, j] @ weight.T, slots_tp1)
        diversity = diversity + F.cross_entropy(among_slots, torch.full((batch,), j))
    return saliency / num_slots, diversity / num_slots


def plain_training(
    encoder: SlotMapEncoder,
    objective: SlotContrastive,
    batches: Iterable[Pairs],
    learning_rate: float,
) -> Iterator[tuple[float, float]]:
    """Train, yielding L1 and L2 of every update."""
    parameters = [*encoder.parameters(), *objective.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=learning_rate)
    for frames_t, frames_tp1 in batches:
        first, _ = plain_losses(
            objective, plain_encode(encoder, frames_t), plain_encode(encoder, frames_tp1)
        )
        _, second = plain_losses(
            objective, plain_encode(encoder, frames_t), plain_encode(encoder, frames_tp1)
        )
        optimizer.zero_grad()
        (first + second).backward()
        optimizer.step()
        yield first.item(), second.item()
