"""A pretraining objective of your own, in a file outside the package.

    python examples/add_an_objective.py --games Pong Breakout --out runs/predictive

This one predicts: a linear map of slot and action must land closer to the slot's next state than
to the same slot's states in the rest of the batch. Everything else (data, encoder, loop, probe,
tables) is slotenv's, and the encoder folders it writes serve every wrapper.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import nn

from pretrain.bench.run import bench
from pretrain.config import BenchConfig
from pretrain.methods import Method
from slotenv.encoders import SlotEncoder
from slotenv.objectives import (
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


PREDICTIVE = Method(name="predictive", title="Predictive", objective=Predictive)
"""What ``methods`` of a benchmark and ``method`` of a training take in place of a name."""


def main() -> None:
    """Pretrain with the new objective, probe it and an untrained network, write the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--games", nargs="+", default=["Pong"], help="labelled Atari games")
    parser.add_argument("--out", type=Path, help="folder for data, trainings and tables")
    parser.add_argument("--jobs", type=int, default=1, help="trainings at a time")
    parser.add_argument("--ray", help="address of a Ray cluster to train on")
    parser.add_argument("--quick", action="store_true", help="few frames and updates")
    options = parser.parse_args()
    out = options.out or Path(tempfile.mkdtemp()) / "bench"

    size: dict[str, Any] = (
        {"updates": 20, "batch_size": 32, "frames": 400, "probe_frames": 400}
        if options.quick
        else {"updates": 2_000}
    )
    # Other processes find the class because it stands at the top of a file.
    size |= {"methods": ("random", PREDICTIVE), "jobs": options.jobs, "ray": options.ray}
    bench(BenchConfig(out=out, games=options.games, **size))
    print(f"encoders: {out}/<game>/predictive*/encoder")


if __name__ == "__main__":
    main()
