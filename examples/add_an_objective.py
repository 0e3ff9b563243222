"""A pretraining objective of your own, in a file outside the package.

    python examples/add_an_objective.py --env ALE/Pong-v5 --out runs/predictive

This one predicts: a linear map of slot and action must land closer to the slot's next state than
to the same slot's states in the rest of the batch. Everything else (data, encoder, loop, checks,
checkpoints) is slotenv's, and the folder it writes serves every wrapper.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import nn

from pretrain.config import TrainConfig
from pretrain.methods import METHODS, Method
from pretrain.run import collect_data
from pretrain.store import FrameStore
from pretrain.train import train
from slotenv.encoders import SlotEncoder
from slotenv.objectives import (
    OBJECTIVES,
    DataFacts,
    Objective,
    ObjectiveOutput,
    Transition,
    diagonal_cross_entropy,
)


class Predictive(Objective):
    """Contrastive prediction of each slot's next state from the slot and the action."""

    def __init__(self, slot_dim: int, num_actions: int) -> None:
        super().__init__()
        self.step = nn.Linear(slot_dim, slot_dim)
        self.action = nn.Embedding(num_actions, slot_dim)

    @classmethod
    def for_data(cls, encoder: SlotEncoder, facts: DataFacts, **settings: Any) -> Predictive:
        """Make it for an encoder and a data set; this one needs to know the actions."""
        if facts.num_actions is None:
            raise ValueError(f"{facts.env_id} has no discrete actions")
        return cls(encoder.slot_dim, facts.num_actions, **settings)

    def forward(self, transition: Transition) -> ObjectiveOutput:
        """Return the loss; at chance it is the logarithm of the batch size."""
        slots_t, slots_tp1 = transition.output_t.slots, transition.output_tp1.slots
        change = self.step(slots_t) + self.action(transition.actions_t.long())[:, None]  # (B, K, D)
        predicted = (slots_t + change).transpose(0, 1)  # (K, B, D)
        logits = -torch.cdist(predicted, slots_tp1.transpose(0, 1)).square()  # (K, B, B)
        loss, accuracy = diagonal_cross_entropy(logits)
        return ObjectiveOutput(loss, {"loss": loss.detach(), "accuracy": accuracy})


def main() -> None:
    """Collect frames and pretrain an encoder with the new objective."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--env", default="ALE/Pong-v5", help="environment with discrete actions")
    parser.add_argument("--out", type=Path, help="run folder")
    parser.add_argument("--quick", action="store_true", help="few frames and updates")
    options = parser.parse_args()
    out = options.out or Path(tempfile.mkdtemp()) / "run"

    # From here on a name like any other, for --method, for the bench and for tables.
    OBJECTIVES["predictive"] = Predictive
    METHODS["predictive"] = Method(title="Predictive", objective="predictive")
    size: dict[str, Any] = (
        {"updates": 20, "batch_size": 32, "validate_every": 10} if options.quick else {}
    )
    frames = 400 if options.quick else 100_000
    data = out / "data" / "pretrain"
    collect_data(data, env=options.env, preset=None, frames=frames, seed=0, workers=None)
    config = TrainConfig(method="predictive", **size)
    encoder = train(FrameStore(data), config, out, num_slots=8)
    print(f"validation loss: {encoder.provenance['validation_loss']:.3f}")
    print(f"encoder: {out / 'encoder'}")


if __name__ == "__main__":
    main()
