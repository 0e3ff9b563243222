"""The supervised reference: slot i regresses the coordinates of object i."""

from typing import Any, Self

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from slotenv import checks
from slotenv.encoders.base import SlotEncoder
from slotenv.labels import GameLabels, labels_for
from slotenv.objectives.base import DataFacts, Objective, ObjectiveOutput, Transition


class Supervised(Objective):
    """Regression of true coordinates: what slots can reach when they are told the answer.

    Object i, in the order of the labels, belongs to slot i. One linear regressor, shared by all
    slots, maps a slot to its object's coordinates, standardised over the training moments; the loss
    is Smooth L1. It sees the frames at time t only, and trains on the labels that the probe scores
    (the ``scn`` view's frozen list), so it is an upper reference, not a competitor.

    Source: the "Supervised" row of https://arxiv.org/abs/2007.09294, table 3; the standardisation
    is ours, without it labels with a large range outweigh the others.

    Args:
        slot_dim: D.
        labels: The game's labels.
        mean: (L,) mean of each label over the training moments.
        scale: (L,) standard deviation of each; a constant label has 1.
    """

    reads = frozenset({"ram"})
    slot_of_label: Tensor
    axis_of_label: Tensor

    def __init__(
        self,
        *,
        slot_dim: int,
        labels: GameLabels,
        mean: NDArray[np.float64],
        scale: NDArray[np.float64],
    ) -> None:
        super().__init__()
        checks.shape("the labels' mean", mean, len(labels.names))
        checks.shape("the labels' scale", scale, len(labels.names))
        self._labels, self._mean, self._scale = labels, mean, scale
        objects, axes = (list(dict.fromkeys(v)) for v in (labels.objects, labels.axes))
        slots = torch.tensor([objects.index(o) for o in labels.objects])
        self.register_buffer("slot_of_label", slots)
        self.register_buffer("axis_of_label", torch.tensor([axes.index(a) for a in labels.axes]))
        self.regressor = nn.Linear(slot_dim, len(axes))

    @classmethod
    def for_data(cls, encoder: SlotEncoder, facts: DataFacts, **settings: Any) -> Self:
        """Take the labels of the game and their spread in the data; raise if there are none."""
        labels = labels_for(facts.env_id, "scn")
        if (objects := len(set(labels.objects))) > encoder.num_slots:
            raise ValueError(
                f"{labels.game} has {objects} labelled objects, the encoder only "
                f"{encoder.num_slots} slots: use --num-slots {labels.num_objects}"
            )
        if not facts.ram.shape[1]:
            raise ValueError(f"labels are read from Atari's RAM, {facts.env_id} has none")
        values = labels.read(facts.ram).values
        scale = values.std(0)
        scale[scale == 0] = 1.0
        told = {"labels": labels, "mean": values.mean(0), "scale": scale}
        return super().for_data(encoder, facts, **told, **settings)

    def forward(self, transition: Transition) -> ObjectiveOutput:
        """Return the mean Smooth L1 error; metric ``r2_in_batch`` is comparable with a probe."""
        slots = transition.output_t.slots
        values = self._labels.read(transition.read("ram").cpu().numpy()).values
        target = torch.from_numpy((values - self._mean) / self._scale).to(slots)  # (B, L)
        predicted = self.predict(slots)
        loss = F.smooth_l1_loss(predicted, target)
        squared = (predicted.detach() - target).square().mean()
        return ObjectiveOutput(loss, {"loss": loss.detach(), "r2_in_batch": 1 - squared})

    def predict(self, slots: Tensor) -> Tensor:
        """Return the standardised labels (B, L) that slots (B, K, D) stand for."""
        every: Tensor = self.regressor(slots)  # (B, K, axes)
        predicted: Tensor = every[:, self.slot_of_label, self.axis_of_label]
        return predicted
