import dataclasses
import math
import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from fake_envs import SPRITES

from pretrain.config import TrainConfig
from pretrain.data.collect import collect
from pretrain.data.store import DataDescription, FrameStore
from pretrain.runtime.metrics_log import read_metrics
from pretrain.training import loop as train_module
from pretrain.training.loop import train
from slotenv import SlotEncoder
from slotenv.encoders import SlotOutput
from slotenv.frames import plain
from slotenv.objectives import DataFacts, StructuredWorldModel, Transition
from slotenv.objectives.cswm import TransitionModel

Pair = tuple[torch.Tensor, torch.Tensor]
FACTS = DataFacts("Pong", 6, np.zeros((4, 128), np.uint8))
ACTIONS = torch.tensor([0, 2, 1, 1, 0, 2])


@pytest.fixture
def slots() -> Pair:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(6, 3, 4, generator=generator), torch.randn(6, 3, 4, generator=generator)


@pytest.fixture
def objective() -> StructuredWorldModel:
    torch.manual_seed(1)
    return StructuredWorldModel(slot_dim=4, num_slots=3, num_actions=3, hidden_dim=16)


def transition(x: torch.Tensor, y: torch.Tensor) -> Transition:
    return Transition(SlotOutput(x), SlotOutput(y), ACTIONS[: len(x)])


def change_by_loops(model: TransitionModel, slots: torch.Tensor, action: int) -> torch.Tensor:
    """One sample, (K, D): edge by edge, on pairs that are really put end to end."""
    one_hot = torch.zeros(3)
    one_hot[action] = 1
    changes = []
    for i in range(len(slots)):
        summed = torch.zeros(16)
        for j in range(len(slots)):
            if i != j:
                pair = torch.cat([slots[i], slots[j]])
                summed = summed + model.edge_out(model.edge_hidden(model.edge_in(pair)))
        changes.append(model.node(torch.cat([slots[i], one_hot, summed])))
    return torch.stack(changes)


def distance(x: torch.Tensor, y: torch.Tensor, sigma: float = 0.5) -> float:
    total = 0.0
    for k in range(len(x)):
        total += sum((x[k, d] - y[k, d]).item() ** 2 for d in range(x.shape[1]))
    return total / len(x) / (2 * sigma**2)


def test_loss_matches_loops_over_samples_slots_and_edges(
    objective: StructuredWorldModel, slots: Pair
) -> None:
    x, y = (0.3 * s for s in slots)
    positive, negative, loss = [], [], []
    for b, other in zip(range(6), (3, 4, 5, 0, 1, 2), strict=True):
        change = change_by_loops(objective.transition_model, x[b], int(ACTIONS[b]))
        positive.append(distance(x[b] + change, y[b]))
        negative.append(distance(x[other], y[b]))
        loss.append(positive[-1] + max(0.0, 1.0 - negative[-1]))
    assert min(negative) < 1 < max(negative)
    output = objective(transition(x, y))
    assert output.loss.item() == pytest.approx(np.mean(loss), rel=1e-5)
    assert output.metrics["positive_energy"].item() == pytest.approx(np.mean(positive), rel=1e-5)
    assert output.metrics["negative_energy"].item() == pytest.approx(np.mean(negative), rel=1e-5)


@pytest.mark.parametrize("num_slots", [1, 2, 18])
def test_the_transition_model_takes_any_number_of_slots(num_slots: int) -> None:
    torch.manual_seed(0)
    model = TransitionModel(slot_dim=4, num_slots=num_slots, num_actions=3, hidden_dim=16)
    slots = torch.randn(2, num_slots, 4)
    got = model(slots, torch.tensor([2, 0]))
    if num_slots == 1:
        inputs = torch.cat([slots[:, 0], torch.eye(3)[[2, 0]]], 1)
        torch.testing.assert_close(got[:, 0], model.node(inputs))
        assert not any(name.startswith("edge") for name, _ in model.named_parameters())
    else:
        for b, action in enumerate((2, 0)):
            expected = change_by_loops(model, slots[b], action)
            torch.testing.assert_close(got[b], expected, atol=1e-5, rtol=1e-4)


def test_permuted_slots_are_predicted_as_permuted(
    objective: StructuredWorldModel, slots: Pair
) -> None:
    x, y = slots
    order = [2, 0, 1]
    model = objective.transition_model
    torch.testing.assert_close(model(x[:, order], ACTIONS), model(x, ACTIONS)[:, order])
    permuted = objective(transition(x[:, order], y[:, order])).loss
    torch.testing.assert_close(permuted, objective(transition(x, y)).loss)


def test_the_action_reaches_every_slot(objective: StructuredWorldModel, slots: Pair) -> None:
    model, x = objective.transition_model, slots[0]
    differs = (model(x, ACTIONS) - model(x, (ACTIONS + 1) % 3)).abs().amax(-1)
    assert (differs > 1e-4).all()


def test_the_paper_s_sizes_are_the_default() -> None:
    objective = StructuredWorldModel(slot_dim=32, num_slots=3, num_actions=6)
    shapes = {n: tuple(p.shape) for n, p in objective.named_parameters() if p.ndim > 1}
    prefix = "transition_model."
    assert shapes == {
        prefix + "edge_in.weight": (512, 64),
        prefix + "edge_hidden.1.weight": (512, 512),
        prefix + "edge_out.weight": (512, 512),
        prefix + "node.0.weight": (512, 32 + 6 + 512),
        prefix + "node.2.weight": (512, 512),
        prefix + "node.5.weight": (32, 512),
    }
    assert (objective.sigma, objective.hinge) == (0.5, 1.0)


def test_constant_slots_cost_the_hinge_when_no_change_is_predicted(
    objective: StructuredWorldModel,
) -> None:
    objective.hinge = 0.7
    torch.nn.init.zeros_(objective.transition_model.node[-1].weight)
    torch.nn.init.zeros_(objective.transition_model.node[-1].bias)
    constant = torch.randn(3, 4).expand(6, 3, 4)
    output = objective(transition(constant, constant))
    assert output.loss.item() == pytest.approx(0.7)
    assert output.metrics["negative_energy"] == 0
    # A predicted change c of every number costs D * c^2 / (2 * 0.25).
    torch.nn.init.constant_(objective.transition_model.node[-1].bias, 0.5)
    moved = objective(transition(constant, constant)).metrics["positive_energy"]
    assert moved.item() == pytest.approx(4 * 0.25 / 0.5)


def test_far_negatives_cost_nothing(objective: StructuredWorldModel) -> None:
    x = 10 * torch.arange(6.0)[:, None, None].expand(6, 3, 4)
    output = objective(transition(x, x))
    assert output.loss == output.metrics["positive_energy"]


def test_no_negative_is_from_the_own_run_of_consecutive_pairs(
    objective: StructuredWorldModel,
) -> None:
    # Two runs of three pairs; each run has its own place, far from the other's.
    x = torch.tensor([0.0, 0, 0, 9, 9, 9])[:, None, None].expand(6, 3, 4)
    assert objective(transition(x, x)).metrics["negative_energy"].item() == pytest.approx(
        4 * 81 / 0.5
    )


def test_no_random_numbers_are_used(objective: StructuredWorldModel, slots: Pair) -> None:
    state = torch.get_rng_state()
    first = objective(transition(*slots)).loss
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(99)
    assert torch.equal(objective(transition(*slots)).loss, first)


def test_gradients_reach_both_moments_and_metrics_are_detached(
    objective: StructuredWorldModel, slots: Pair
) -> None:
    x, y = (s.requires_grad_() for s in slots)
    output = objective(transition(x, y))
    output.loss.backward()
    for tensor in (x, y, *objective.parameters()):
        assert tensor.grad is not None
        assert tensor.grad.any()
    assert not any(value.requires_grad for value in output.metrics.values())


def test_the_hinge_pushes_negatives_apart(objective: StructuredWorldModel, slots: Pair) -> None:
    x = (0.01 * slots[0]).requires_grad_()
    y = 0.01 * slots[1]
    energy = lambda s: objective(transition(s, y)).metrics["negative_energy"]  # noqa: E731
    pulled = objective.energy(x + objective.transition_model(x, ACTIONS), y).mean()
    (objective(transition(x, y)).loss - pulled).backward()
    assert energy(x - 0.1 * x.grad) > energy(x)


def test_sizes_come_from_encoder_and_data(tiny_encoder: SlotEncoder) -> None:
    objective = StructuredWorldModel.for_data(tiny_encoder, FACTS, sigma=0.2, hidden_dim=8)
    assert objective.sigma == 0.2
    assert objective.transition_model.node[0].in_features == 4 + 6 + 8


def test_what_does_not_fit_is_named(
    tiny_encoder: SlotEncoder, objective: StructuredWorldModel, slots: Pair
) -> None:
    with pytest.raises(ValueError, match="discrete actions; for CarRacing-v3, use another method"):
        StructuredWorldModel.for_data(tiny_encoder, DataFacts("CarRacing-v3", None, FACTS.ram))
    with pytest.raises(ValueError, match="samples in a batch of C-SWM must be at least 2, got 1"):
        objective(transition(slots[0][:1], slots[1][:1]))
    sizes = {"slot_dim": 4, "num_slots": 3, "num_actions": 6}
    odd = {"sigma": (0.0, math.inf, math.nan), "hinge": (-1.0,), "num_slots": (0,)}
    odd["hidden_dim"] = (0, 10**9)
    for name, values in odd.items():
        for value in values:
            with pytest.raises(ValueError, match=rf"{name} must .*, got {value}"):
                StructuredWorldModel(**{**sizes, name: value})


def test_two_samples_are_enough(objective: StructuredWorldModel, slots: Pair) -> None:
    x, y = (s[:2] for s in slots)
    assert objective(transition(x, y)).metrics["negative_energy"].item() == pytest.approx(
        (distance(x[1], y[0]) + distance(x[0], y[1])) / 2, rel=1e-5
    )


@pytest.mark.parametrize("start", [-1, 0, 5])
def test_actions_may_start_anywhere(start: int, tiny_encoder: SlotEncoder, slots: Pair) -> None:
    losses = []
    for first in (0, start):
        torch.manual_seed(2)
        facts = DataFacts("x", 3, np.zeros((4, 0), np.uint8), first_action=np.int64(first))
        objective = StructuredWorldModel.for_data(tiny_encoder, facts, hidden_dim=8)
        losses.append(objective(transition(*slots)._replace(actions_t=ACTIONS + first)).loss)
    assert losses[0] == losses[1]
    assert "first_action" not in StructuredWorldModel.settings()


def test_several_numbers_an_action_are_refused(
    objective: StructuredWorldModel, slots: Pair
) -> None:
    several = transition(*slots)._replace(actions_t=torch.zeros(6, 2))
    with pytest.raises(
        ValueError, match=r"discrete actions .* must be \(6\).*, got shape \(6, 2\)"
    ):
        objective(several)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    description = DataDescription(
        env_id=f"fake_envs:{SPRITES}", preset=plain(84, 84).to_dict(), seed=0, num_steps=400
    )
    collect(folder, description, workers=1)
    return folder


def config(method: str, **fields: object) -> TrainConfig:
    small = TrainConfig(method=method, slot_dim=4, batch_size=16, validate_every=20, threads=1)
    return dataclasses.replace(small, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("method", ["cswm", "stdim"])
def test_training_lowers_the_validation_loss(method: str, data: Path, tmp_path: Path) -> None:
    train(FrameStore(data), config(method, updates=100), tmp_path, num_slots=3)
    losses = [r["loss"] for r in read_metrics(tmp_path) if r["split"] == "validation"]
    assert min(losses) < 0.8 * losses[0]


@pytest.mark.parametrize("method", ["cswm", "stdim"])
@pytest.mark.parametrize("run_length", [1, 4])
def test_interrupted_training_ends_with_the_same_weights(
    method: str, run_length: int, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, settings = FrameStore(data), config(method, updates=25, run_length=run_length)
    whole = train(store, settings, tmp_path / "whole", num_slots=2)
    original, calls = train_module._Run.update, []

    def update_then_ctrl_c(run: object, batch: object) -> None:
        original(run, batch)  # type: ignore[arg-type]
        calls.append(1)
        if len(calls) == 12:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(train_module._Run, "update", update_then_ctrl_c)
    with pytest.raises(KeyboardInterrupt):
        train(store, settings, tmp_path / "cut", num_slots=2)
    monkeypatch.undo()
    torch.manual_seed(123)  # a new process does not know where the random numbers were
    cut = train(store, settings, tmp_path / "cut", num_slots=2).state_dict()
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, cut[name]), name
