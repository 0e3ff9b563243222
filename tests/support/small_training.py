"""A training small enough for a test, and how its weights are compared."""

from __future__ import annotations

import torch

from slotenv import SlotEncoder

SMALL = {"method": "scn", "slot_dim": 4, "batch_size": 16, "validate_every": 10, "threads": 1}


def weights(encoder: SlotEncoder) -> dict[str, torch.Tensor]:
    return encoder.state_dict()


def assert_equal_weights(a: SlotEncoder, b: SlotEncoder) -> None:
    for name, tensor in weights(a).items():
        assert torch.equal(tensor, weights(b)[name]), name
