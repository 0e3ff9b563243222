"""What test_launch.py runs in the processes that train one model; they import it by name."""

from __future__ import annotations

import copy
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist

from pretrain.config import TrainConfig
from pretrain.data.store import FrameStore
from pretrain.training.batches import BatchReader
from pretrain.training.data_parallel import Peers, launch
from pretrain.training.loop import train_with
from pretrain.training.step import TrainingStep
from slotenv.encoders import ENCODERS, SlotOutput
from slotenv.objectives import (
    DataFacts,
    Objective,
    ObjectiveOutput,
    SlotContrastive,
    SpatioTemporalDeepInfoMax,
    Supervised,
    Transition,
)


class Painter(Objective):
    """Reads what the others do not: frames and actions."""

    reads = frozenset({"frames"})

    def __init__(self, *, slot_dim: int) -> None:
        super().__init__()
        self.colour, self.action = torch.nn.Linear(slot_dim, 3), torch.nn.Linear(slot_dim, 1)

    def forward(self, transition: Transition) -> ObjectiveOutput:
        assert transition.frames_t is not None
        slots_t, slots_tp1 = (o.slots.mean(1) for o in (transition.output_t, transition.output_tp1))
        colour = transition.frames_t.float().mean((1, 2)) / 255
        action = self.action(slots_tp1 - slots_t).squeeze(1) - transition.actions_t
        loss = (self.colour(slots_t) - colour).square().mean() + action.square().mean()
        return ObjectiveOutput(loss, {"loss": loss.detach()})


METHODS: list[tuple[str, type[Objective]]] = [
    ("slot_maps", SlotContrastive),
    ("slot_maps", Supervised),  # reads RAM, ignores the frames at t + 1
    ("slot_maps", Painter),
    ("global_vector", SpatioTemporalDeepInfoMax),  # reads maps
]
BATCH = 16
CONFIG: dict[str, Any] = {
    "method": "scn",
    "slot_dim": 4,
    "batch_size": BATCH,
    "updates": 60,
    "validate_every": 10,
    "threads": 1,
    "device": "cpu",
    "precision": "float32",
}


def check_and_train(peers: Peers, data: Path, *folders: Path) -> None:
    """Check all there is to check, train, and fail in one process while the other waits for it.

    All in one go, because starting the processes takes longer than what they do.
    """
    store = FrameStore(data)
    store.ram = np.random.default_rng(0).integers(0, 256, (len(store), 128), np.uint8)
    for encoder, objective in METHODS:
        check_updates(peers, store, encoder, objective)
    check_gathering(peers)
    for folder in folders:
        train_with(peers, FrameStore(data), TrainConfig(**CONFIG, devices=2), folder, 2)
    if peers.rank == 1:
        raise ValueError("the second process gives up")
    dist.barrier()


def check_updates(
    peers: Peers, store: FrameStore, encoder_name: str, kind: type[Objective]
) -> None:
    """Losses, gradients and weights are those of a process that trains alone."""
    torch.manual_seed(0)
    make: Any = ENCODERS[encoder_name]
    encoder = make(num_slots=3, slot_dim=4, preprocess=store.preset.to_dict())
    facts = DataFacts("Pong", 4, store.ram)
    objective = kind.for_data(encoder, facts)
    alone = Peers(torch.device("cpu"))
    together, reference = (
        Updates(mode, store, *modules)
        for mode, modules in (
            (peers, (encoder, objective)),
            (alone, copy.deepcopy((encoder, objective))),
        )
    )
    rng = np.random.default_rng(1)
    for update in range(6):
        rows = rng.permutation(300)[:BATCH]
        losses = [updates.take(rows) for updates in (together, reference)]
        name = f"{encoder_name} {kind.__name__}, update {update}: {losses}"
        assert abs(losses[0] - losses[1]) <= 1e-6 * max(1, abs(losses[1])), name
        largest = max(w.grad.abs().max().item() for w in reference.weights if w.grad is not None)
        for weight, expected in zip(together.weights, reference.weights, strict=True):
            if expected.grad is None:
                assert weight.grad is None, name
                continue
            difference = (weight.grad - expected.grad).abs().max().item()
            assert difference <= 1e-4 * largest, f"{name}: {difference} of {largest}"
            torch.testing.assert_close(weight, expected, rtol=0, atol=1e-5)
            first = weight.detach().clone()
            dist.broadcast(first, 0)
            assert torch.equal(weight, first), name


class Updates:
    """Updates of a model, alone or together, as the training loop makes them."""

    def __init__(self, peers: Peers, store: FrameStore, encoder: Any, objective: Any) -> None:
        self.peers = peers
        self.reader = BatchReader(store, encoder, peers.device, objective.reads, peers.share)
        self.step = TrainingStep(encoder, objective, "float32", peers.gather)
        self.weights = [*encoder.parameters(), *objective.parameters()]
        # Where a gradient is rounding noise around zero, Adam's first steps would be noise, too.
        self.optimizer = torch.optim.Adam(self.weights, lr=1e-3, eps=1e-3)

    def take(self, rows: np.ndarray) -> float:
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.step(self.reader(rows)).loss
        loss.backward()
        self.peers.average_gradients(self.weights)
        self.optimizer.step()
        return loss.item()


def check_gathering(peers: Peers) -> None:
    """Rows come in the order of the processes; maps only if all have them; bf16 stays bf16."""
    slots = torch.full((2, 3, 4), float(peers.rank))
    maps = torch.full((2, 3, 5, 6, 7), float(peers.rank), dtype=torch.bfloat16)
    gathered = peers.gather(SlotOutput(slots, maps))
    assert gathered.slots[:, 0, 0].tolist() == [0, 0, 1, 1]
    assert gathered.maps is not None
    assert gathered.maps.dtype == torch.bfloat16
    assert gathered.maps[:, 0, 0, 0, 0].tolist() == [0, 0, 1, 1]
    assert peers.gather(SlotOutput(slots, maps if peers.rank else None)).maps is None
    layer = torch.nn.Linear(1, 1)
    with torch.no_grad():
        layer.weight.fill_(peers.rank + 5)
    peers.align(layer)
    assert layer.weight.item() == 5


if __name__ == "__main__":
    launch(check_and_train, TrainConfig(**CONFIG, devices=2), *map(Path, sys.argv[1:]))
