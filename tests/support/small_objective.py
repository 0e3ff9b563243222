"""An objective outside the package, in a module that other processes can import."""

from __future__ import annotations

from typing import Any

from torch import nn

from slotenv.encoders import SlotEncoder
from slotenv.objectives import DataFacts, Objective, ObjectiveOutput, Transition


class Small(Objective):
    """Slots shall be what a linear map makes of the slots before them."""

    def __init__(self, slot_dim: int) -> None:
        super().__init__()
        self.step = nn.Linear(slot_dim, slot_dim)

    @classmethod
    def for_data(cls, encoder: SlotEncoder, facts: DataFacts, **settings: Any) -> Small:
        return cls(encoder.slot_dim, **settings)

    def forward(self, transition: Transition) -> ObjectiveOutput:
        expected = transition.output_tp1.slots
        loss = (self.step(transition.output_t.slots) - expected).square().mean()
        return ObjectiveOutput(loss, {"loss": loss.detach()})
