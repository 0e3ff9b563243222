"""What every pretraining objective is: two encoded moments in, a loss and its parts out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from slotenv.encoders.base import SlotOutput


class ObjectiveOutput(NamedTuple):
    """What an objective returns.

    Attributes:
        loss: Scalar to minimise.
        metrics: Name to detached scalar tensor; they stay on the device, so that reading them is
            the caller's choice.
    """

    loss: Tensor
    metrics: dict[str, Tensor]


class Objective(nn.Module, ABC):
    """Base of all objectives. They hold no data, no log and no device."""

    @abstractmethod
    def forward(
        self, output_t: SlotOutput, actions_t: Tensor, output_tp1: SlotOutput
    ) -> ObjectiveOutput:
        """Score a batch of consecutive moments.

        Args:
            output_t: Encoding of the frames at time t.
            actions_t: (B, ...) the actions taken at those frames.
            output_tp1: Encoding of the frames one step later, same order.
        """


def diagonal_cross_entropy(logits: Tensor) -> tuple[Tensor, Tensor]:
    """Cross-entropy and accuracy of "row b belongs to column b", averaged over all rows.

    Args:
        logits: (..., N, N).

    Returns:
        Scalar loss (chance is ln N) and scalar accuracy in [0, 1], detached.
    """
    size = logits.shape[-1]
    target = torch.arange(size, device=logits.device).expand(logits.shape[:-1])
    loss = F.cross_entropy(logits.reshape(-1, size).float(), target.reshape(-1))
    accuracy = (logits.detach().argmax(-1) == target).float().mean()
    return loss, accuracy
