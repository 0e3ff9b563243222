"""ST-DIM: a frame's vector and local features tell the next frame's local features apart."""

from __future__ import annotations

from typing import Any, Self, TypeVar

import torch
from torch import Tensor, nn

from slotenv.checks import whole_number
from slotenv.encoders.base import SlotEncoder, SlotOutput
from slotenv.objectives.base import (
    DataFacts,
    Objective,
    ObjectiveOutput,
    Transition,
    diagonal_cross_entropy,
)

_T = TypeVar("_T")


def local_features(output: SlotOutput) -> Tensor:
    """Return the features at every place of the maps, (h * w, B, C), in float32.

    Args:
        output: With maps (B, G, C / G, h, w); the groups at one place are one feature.

    Raises:
        ValueError: If there are no maps.
    """
    maps = _given(output.maps, "the encoder")
    return maps.flatten(1, 2).flatten(2).permute(2, 0, 1).float()


def _given(found: _T | None, encoder: str) -> _T:
    if found is None:
        raise ValueError(
            f"{encoder} gives no feature maps, which ST-DIM contrasts: use one with "
            "`map_channels`, such as global_vector"
        )
    return found


class SpatioTemporalDeepInfoMax(Objective):
    """ST-DIM: two InfoNCE losses with bilinear scores, averaged over the places of the maps.

    Global-local: ``g_mn = f(x_t)^T W_g f_mn(x_t+1)``, the global vector (all slots, end to end)
    against the local feature at place (m, n).
    Local-local: ``f_mn(x_t)^T W_l f_mn(x_t+1)``, the same place one step before.
    Each tells the true next frame from the next frames of the rest of the batch. The loss is their
    sum, as in the authors' code (no half). At chance each is ln B.

    The earlier frame is the one that is scored against the next, as section 3.2 writes it. The
    authors' code runs time the other way (global at t against local at t - 1), and its score has
    a bias that the paper's has not; we keep to the paper in both.

    Source: https://arxiv.org/abs/1906.08226, section 3.2.

    Args:
        slot_dim: D.
        num_slots: K; the global vector has K * D numbers.
        map_channels: C, length of a local feature.

    Raises:
        TypeError: If a size is no whole number.
        ValueError: If a size is below 1.
    """

    def __init__(self, *, slot_dim: int, num_slots: int, map_channels: int) -> None:
        super().__init__()
        sizes = {"slot_dim": slot_dim, "num_slots": num_slots, "map_channels": map_channels}
        for name, size in sizes.items():
            whole_number(name, size, low=1)
        self.global_projection = nn.Linear(slot_dim * num_slots, map_channels, bias=False)
        self.local_projection = nn.Linear(map_channels, map_channels, bias=False)

    @classmethod
    def for_data(cls, encoder: SlotEncoder, facts: DataFacts, **settings: Any) -> Self:
        """Take the length of a local feature from the encoder.

        Raises:
            ValueError: If the encoder does not give feature maps for every frame.
        """
        channels = _given(getattr(encoder, "map_channels", None), f"a {type(encoder).__name__}")
        return super().for_data(encoder, facts, map_channels=channels, **settings)

    def forward(self, transition: Transition) -> ObjectiveOutput:
        """Return the sum of both losses; metrics: each of them and its accuracy.

        Raises:
            ValueError: If the encodings carry no maps.
        """
        local_t = local_features(transition.output_t)
        local_tp1 = local_features(transition.output_tp1).transpose(1, 2)  # (h * w, C, B)
        projected = self.global_projection(transition.output_t.slots.flatten(1))  # (B, C)
        first, first_accuracy = diagonal_cross_entropy(torch.matmul(projected, local_tp1))
        projected = self.local_projection(local_t)  # (h * w, B, C)
        second, second_accuracy = diagonal_cross_entropy(torch.matmul(projected, local_tp1))
        loss = first + second
        metrics = {
            "loss": loss.detach(),
            "global_local": first.detach(),
            "global_local_accuracy": first_accuracy,
            "local_local": second.detach(),
            "local_local_accuracy": second_accuracy,
        }
        return ObjectiveOutput(loss, metrics)
