"""ST-DIM: a frame's vector and local features tell the next frame's local features apart."""

from typing import Any, Self

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

_NO_MAPS = (
    "{} gives no feature maps, which ST-DIM contrasts: use one with `map_channels`, such as "
    "global_vector"
)


def local_features(output: SlotOutput) -> Tensor:
    """Return the features at every place, (h * w, B, C), in float32; raise if there are no maps.

    Of maps (B, G, C / G, h, w), the groups at one place are one feature.
    """
    if output.maps is None:
        raise ValueError(_NO_MAPS.format("the encoder"))
    return output.maps.flatten(1, 2).flatten(2).permute(2, 0, 1).float()


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
        """Take the length of a local feature from the encoder; raise if it gives none."""
        channels = getattr(encoder, "map_channels", None)
        if channels is None:
            raise ValueError(_NO_MAPS.format(f"a {type(encoder).__name__}"))
        return super().for_data(encoder, facts, map_channels=channels, **settings)

    def forward(self, transition: Transition) -> ObjectiveOutput:
        """Return the sum of both losses; metrics: each of them and its accuracy."""
        local_t = local_features(transition.output_t)
        local_tp1 = local_features(transition.output_tp1).transpose(1, 2)  # (h * w, C, B)
        global_t = transition.output_t.slots.flatten(1)  # (B, K * D)
        losses = []
        metrics: dict[str, Tensor] = {}
        for name, projected in (
            ("global_local", self.global_projection(global_t)),  # (B, C)
            ("local_local", self.local_projection(local_t)),  # (h * w, B, C)
        ):
            loss, accuracy = diagonal_cross_entropy(torch.matmul(projected, local_tp1))
            losses.append(loss)
            metrics |= {name: loss.detach(), f"{name}_accuracy": accuracy}
        loss = losses[0] + losses[1]
        return ObjectiveOutput(loss, {"loss": loss.detach(), **metrics})
