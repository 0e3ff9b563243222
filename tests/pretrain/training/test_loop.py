"""What training does: losses, weights, warnings, settings; and what it refuses."""

import copy
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from plain_form import plain_training
from small_training import SMALL, assert_equal_weights, weights

from pretrain.config import TrainConfig
from pretrain.data.store import FrameStore
from pretrain.runtime.metrics_log import read_metrics
from pretrain.training.batches import BatchReader, PairSampler, split_episodes
from pretrain.training.encoders import build
from pretrain.training.loop import train
from pretrain.training.step import TrainingStep, choose_device
from pretrain.training.validation import (
    CollapseWarning,
    TrainingDiverged,
    check_finite,
    validate,
    warn_of_collapse,
)
from slotenv import SlotEncoder
from slotenv.encoders import SlotOutput
from slotenv.objectives import Transition


def test_losses_equal_the_plain_form(store: FrameStore) -> None:
    config = TrainConfig(**SMALL)
    encoder, objective = build(config, 3, store, np.arange(len(store)))
    reference = copy.deepcopy(encoder), copy.deepcopy(objective)
    rows, _ = split_episodes(store.episode, validation=0.2, seed=0)
    sampler = PairSampler(rows, batch_size=16, seed=0)
    batches = [(store.frames(sampler(i)), store.frames(sampler(i) + 1)) for i in range(5)]
    expected = list(plain_training(*reference, batches, learning_rate=3e-4))

    optimizer = torch.optim.Adam([*encoder.parameters(), *objective.parameters()], lr=3e-4)
    step = TrainingStep(encoder, objective, "float32")
    reader = BatchReader(store, encoder, torch.device("cpu"))
    for i, (saliency, diversity) in enumerate(expected):
        output = step(reader(sampler(i)))
        optimizer.zero_grad()
        output.loss.backward()
        optimizer.step()
        assert output.metrics["saliency"].item() == pytest.approx(saliency, rel=1e-3)
        assert output.metrics["diversity"].item() == pytest.approx(diversity, rel=1e-3, abs=1e-4)


def test_bf16_gives_the_losses_to_its_precision(store: FrameStore) -> None:
    encoder, objective = build(TrainConfig(**SMALL), 3, store, np.arange(len(store)))
    batch = BatchReader(store, encoder, torch.device("cpu"))(np.arange(16))
    exact = TrainingStep(encoder, objective, "float32")(batch).loss.item()
    rounded = TrainingStep(encoder, objective, "bf16")(batch).loss.item()
    assert rounded != exact
    assert rounded == pytest.approx(exact, rel=0.02)


def test_training_lowers_the_validation_loss_and_keeps_the_best(
    store: FrameStore, tmp_path: Path
) -> None:
    encoder = train(store, TrainConfig(updates=120, **SMALL), tmp_path, num_slots=2)
    losses = {r["update"]: r["loss"] for r in read_metrics(tmp_path) if r["split"] == "validation"}
    assert min(losses.values()) < 0.8 * (math.log(16) + math.log(2))
    best = min(losses, key=losses.__getitem__)
    assert encoder.provenance["best_update"] == best
    assert_equal_weights(encoder, SlotEncoder.from_pretrained(tmp_path))


def test_the_same_seed_gives_the_same_weights(store: FrameStore, tmp_path: Path) -> None:
    config = TrainConfig(updates=20, **SMALL)
    encoders = [train(store, config, tmp_path / name, num_slots=2) for name in ("a", "b")]
    assert_equal_weights(*encoders)
    other = train(store, TrainConfig(updates=20, seed=1, **SMALL), tmp_path / "c", num_slots=2)
    assert not torch.equal(weights(other)["conv1.weight"], weights(encoders[0])["conv1.weight"])


def test_snapshots_say_what_they_were_trained_on(store: FrameStore, tmp_path: Path) -> None:
    encoder = train(store, TrainConfig(updates=250, **SMALL), tmp_path, num_slots=2)
    assert encoder.provenance["updates"] == 250
    for update in (0, 250):
        made = SlotEncoder.from_pretrained(tmp_path / "snapshots" / f"{update:06d}").provenance
        assert made["updates"] == update
        assert made["data_checksum"] == store.checksum
        assert (made["train_seconds"] > 0) == (update > 0)


def test_divergence_stops_with_the_update_and_the_learning_rate(
    store: FrameStore, tmp_path: Path
) -> None:
    config = TrainConfig(updates=60, learning_rate=1e30, **SMALL)
    with pytest.raises(TrainingDiverged, match=r"became .* at update \d+: lower the learning rate"):
        train(store, config, tmp_path, num_slots=2)
    assert not (tmp_path / "encoder").exists()
    with pytest.raises(TrainingDiverged, match="loss became nan at update 7"):
        check_finite({"loss": math.nan}, 7, 1e-3)


def test_constant_slots_and_a_loss_at_chance_are_warned_of(store: FrameStore) -> None:
    encoder, objective = build(TrainConfig(**SMALL), 2, store, np.arange(len(store)))
    with torch.no_grad():
        encoder.head_linear.weight.zero_()
        encoder.head_linear.bias.fill_(1.0)
    batch = BatchReader(store, encoder, torch.device("cpu"))(np.arange(16))
    metrics = validate(TrainingStep(encoder, objective, "float32"), [batch])
    assert metrics["constant_slots"] == 2
    with pytest.warns(CollapseWarning) as caught:
        warn_of_collapse(metrics, 600)
    texts = [str(w.message) for w in caught]
    assert "2 slots are the same for every frame after update 600" in texts[0]
    assert f"chance is {math.log(16):.3f}" in texts[1]


def test_healthy_slots_raise_no_warning(store: FrameStore) -> None:
    encoder, objective = build(TrainConfig(**SMALL), 2, store, np.arange(len(store)))
    batch = BatchReader(store, encoder, torch.device("cpu"))(np.arange(16))
    metrics = validate(TrainingStep(encoder, objective, "float32"), [batch])
    warn_of_collapse(metrics, 10)
    assert metrics["constant_slots"] == 0


def test_settings_reach_the_objective_and_unknown_ones_are_named(store: FrameStore) -> None:
    config = TrainConfig(settings=("diversity_weight=0.3", "share_projection=false"), **SMALL)
    _, objective = build(config, 2, store, np.arange(len(store)))
    assert objective is not None
    assert objective.diversity_weight == 0.3
    assert objective.diversity_projection is not None
    _, objective = build(TrainConfig(**SMALL | {"method": "loss1only"}), 2, store, np.arange(9))
    assert objective is not None
    assert objective.diversity_weight == 0
    wrong = TrainConfig(settings=("weight=1",), **SMALL)
    with pytest.raises(ValueError, match=r"no setting weight; its settings: diversity_w"):
        build(wrong, 2, store, np.arange(9))


def test_the_random_method_saves_the_initial_weights(store: FrameStore, tmp_path: Path) -> None:
    untrained = TrainConfig(method="random", slot_dim=4, threads=1)
    random = train(store, untrained, str(tmp_path / "r"), num_slots=2)
    train(store, TrainConfig(updates=10, **SMALL), tmp_path / "s", num_slots=2)
    start = SlotEncoder.from_pretrained(tmp_path / "s" / "snapshots" / "000000")
    assert_equal_weights(random, start)
    assert random.provenance["updates"] == 0
    assert_equal_weights(SlotEncoder.from_pretrained(tmp_path / "r"), random)


def test_runs_give_the_losses_of_the_same_pairs_encoded_one_by_one(store: FrameStore) -> None:
    encoder, objective = build(TrainConfig(**SMALL), 2, store, np.arange(9))
    assert objective is not None
    rows = np.array([3, 4, 5, 6, 30, 31])
    batch = BatchReader(store, encoder, torch.device("cpu"), {"ram", "frames"})(rows)
    output_t, output_tp1 = (
        SlotOutput(torch.from_numpy(encoder.encode(store.frames(r)))) for r in (rows, rows + 1)
    )
    expected = objective(Transition(output_t, output_tp1, batch.actions_t)).loss.item()
    assert TrainingStep(encoder, objective, "float32")(batch).loss.item() == pytest.approx(expected)
    assert len(torch.unique(torch.cat([batch.rows_t, batch.rows_tp1]))) == 8
    assert batch.ram_t is not None
    assert batch.frames_t is not None
    np.testing.assert_array_equal(batch.ram_t.numpy(), store.ram[rows])
    np.testing.assert_array_equal(batch.frames_t.numpy(), store.frames(rows))
    np.testing.assert_array_equal(batch.actions_t.numpy(), store.actions[rows])


def test_unknown_devices_are_named() -> None:
    with pytest.raises(ValueError, match="no device 'gpu': use 'cpu', 'cuda'"):
        choose_device("gpu")
    with pytest.raises(ValueError, match="cannot be put on device 'meta'"):
        choose_device("meta")
    if not torch.cuda.is_available():
        with pytest.raises(ValueError, match="there are 0 devices of type cuda; use device='cpu'"):
            choose_device("cuda")


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"batch_size": 1}, "at least 2"),
        ({"updates": 0}, "updates must be at least 1, got 0"),
        ({"updates": 9}, "'objects' is not trained and takes no updates, got 9; those that do: "),
        ({"settings": ("diversity_weight=1",)}, "takes no settings, got "),
        ({"run_length": 8}, "'objects' is not trained and takes no run_length, got 8"),
        ({"method": "random", "devices": 2}, "'random' is not trained and takes no devices"),
        ({"method": "sc"}, "no method named 'sc'; there are: random, scn"),
        ({"settings": ("diversity_weight",)}, "settings are NAME=VALUE, got 'diversity_weight'"),
        ({"settings": ("diversity_weight=x",)}, "'x' in 'diversity_weight=x' is no finite number"),
        ({"run_length": 0}, "run_length must be at least 1, got 0"),
        ({"learning_rate": 0.0}, "learning_rate must be positive"),
        ({"validation_share": 1.0}, "between 0 and 1"),
        ({"seed": 1_000_000}, "larger ones are for probes"),
    ],
)
def test_wrong_settings_are_named(fields: dict[str, object], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        TrainConfig(**fields)  # type: ignore[arg-type]
