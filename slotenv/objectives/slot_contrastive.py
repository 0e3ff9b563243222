"""Slot Contrastive Networks' two losses: saliency over time, diversity over slots."""

import torch
from torch import nn

from slotenv.checks import finite_number
from slotenv.objectives.base import (
    Objective,
    ObjectiveOutput,
    Transition,
    diagonal_cross_entropy,
    standardised,
)


class SlotContrastive(Objective):
    """SCN: two InfoNCE losses with a bilinear score ``f_ij = slot_i(x_t)^T W slot_j(x_t+1)``.

    L1 (saliency): a slot tells its own next moment from the next moments of the rest of the batch.
    L2 (diversity): a slot tells itself, one step later, from the other slots of that frame.
    Both are means over slots and batch. At chance L1 is ln B and L2 is ln K.

    Source: https://arxiv.org/abs/2007.09294, equations 1 and 2 (written there as sums).

    Args:
        slot_dim: D.
        diversity_weight: Weight of L2; the paper's is 1. With 0, L2 is left out ("Loss1Only").
        share_projection: One W for both losses, as the paper writes it, or one for each, the
            second variant in the authors' code.
        center_diversity: Subtract each slot's mean over the batch before L2, so that a constant
            code per slot no longer solves it. Not in the paper.
        standardise: Centre and scale slots over the batch before both losses, for encoders whose
            slots are means over many places (slot attention). Not in the paper.
    """

    def __init__(
        self,
        *,
        slot_dim: int,
        diversity_weight: float = 1.0,
        share_projection: bool = True,
        center_diversity: bool = False,
        standardise: bool = False,
    ) -> None:
        super().__init__()
        self.diversity_weight = finite_number("diversity_weight", diversity_weight, zero=True)
        self.center_diversity = center_diversity
        self.standardise = standardise
        self.saliency_projection = nn.Linear(slot_dim, slot_dim, bias=False)
        separate = diversity_weight > 0 and not share_projection
        self.diversity_projection = nn.Linear(slot_dim, slot_dim, bias=False) if separate else None

    def forward(self, transition: Transition) -> ObjectiveOutput:
        """Return L1 + diversity_weight * L2; metrics saliency, diversity and their accuracies."""
        slots_t, slots_tp1 = transition.output_t.slots, transition.output_tp1.slots
        if self.standardise:
            slots_t, slots_tp1 = standardised(torch.cat([slots_t, slots_tp1])).chunk(2)
        projected = self.saliency_projection(slots_t)
        # Of each slot, every pair of moments (K, B, B): equation 1.
        logits = torch.matmul(projected.transpose(0, 1), slots_tp1.permute(1, 2, 0))
        loss, accuracy = diagonal_cross_entropy(logits)
        metrics = {"saliency": loss.detach(), "saliency_accuracy": accuracy}
        if self.diversity_weight > 0:
            if self.center_diversity:
                slots_t = slots_t - slots_t.mean(0)
                slots_tp1 = slots_tp1 - slots_tp1.mean(0)
            if self.diversity_projection is not None:
                projected = self.diversity_projection(slots_t)
            elif self.center_diversity:
                projected = self.saliency_projection(slots_t)
            # Of each transition, every pair of slots (B, K, K): equation 2.
            logits = torch.matmul(projected, slots_tp1.transpose(1, 2))
            diversity, accuracy = diagonal_cross_entropy(logits)
            metrics |= {"diversity": diversity.detach(), "diversity_accuracy": accuracy}
            loss = loss + self.diversity_weight * diversity
        return ObjectiveOutput(loss, {"loss": loss.detach(), **metrics})
