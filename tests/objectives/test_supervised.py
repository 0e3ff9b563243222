import numpy as np
import pytest
import torch
import torch.nn.functional as F

from slotenv.encoders import SlotEncoder, SlotOutput
from slotenv.labels import labels_for
from slotenv.objectives import DataFacts, Supervised, Transition


@pytest.fixture
def ram() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (40, 128), dtype=np.uint8)


def facts(ram: np.ndarray) -> DataFacts:
    return DataFacts("Pong", 6, ram)


def transition(slots: torch.Tensor, ram: np.ndarray) -> Transition:
    actions = torch.zeros(len(slots), dtype=torch.long)
    output = SlotOutput(slots)
    return Transition(output, output, actions, torch.from_numpy(ram[: len(slots)]))


def test_loss_matches_a_loop_over_labels(tiny_encoder: SlotEncoder, ram: np.ndarray) -> None:
    objective = Supervised.for_data(tiny_encoder, facts(ram))
    slots = torch.randn(7, 3, 4, generator=torch.Generator().manual_seed(0))
    labels = labels_for("pong", "scn")
    objects, axes = list(dict.fromkeys(labels.objects)), list(dict.fromkeys(labels.axes))
    total, squared = 0.0, 0.0
    for label in labels.labels:
        column = ram[:, label.byte].astype(float)
        scaled = torch.tensor((column - column.mean()) / column.std()).float()
        row = axes.index(label.axis)
        weight, bias = objective.regressor.weight[row], objective.regressor.bias[row]
        for b in range(7):
            predicted = weight @ slots[b, objects.index(label.object)] + bias
            total += F.smooth_l1_loss(predicted, scaled[b]).item()
            squared += (predicted - scaled[b]).item() ** 2
    output = objective(transition(slots, ram))
    count = 7 * len(labels.labels)
    assert output.loss.item() == pytest.approx(total / count, rel=1e-5)
    assert output.metrics["r2_in_batch"].item() == pytest.approx(1 - squared / count, rel=1e-4)


def test_a_slot_is_asked_for_its_own_object_only(
    tiny_encoder: SlotEncoder, ram: np.ndarray
) -> None:
    objective = Supervised.for_data(tiny_encoder, facts(ram))
    labels = labels_for("pong", "scn")
    slots = torch.zeros(1, 3, 4)
    base = objective.predict(slots)
    for k, name in enumerate(dict.fromkeys(labels.objects)):
        moved = slots.clone()
        moved[0, k] = 1.0
        changed = (objective.predict(moved) != base)[0].tolist()
        assert changed == [owner == name for owner in labels.objects]


def test_constant_labels_are_no_division_by_zero(tiny_encoder: SlotEncoder) -> None:
    ram = np.full((10, 128), 7, np.uint8)
    output = Supervised.for_data(tiny_encoder, facts(ram))(transition(torch.zeros(4, 3, 4), ram))
    assert torch.isfinite(output.loss)


def test_a_constant_label_has_the_scale_1(tiny_encoder: SlotEncoder) -> None:
    objective = Supervised.for_data(tiny_encoder, facts(np.full((10, 128), 7, np.uint8)))
    torch.nn.init.zeros_(objective.regressor.weight)
    torch.nn.init.zeros_(objective.regressor.bias)
    other = np.full((4, 128), 9, np.uint8)  # 2 away from the mean: Smooth L1 is 1.5
    assert objective(transition(torch.zeros(4, 3, 4), other)).loss.item() == pytest.approx(1.5)


def test_a_world_without_ram_is_named(tiny_encoder: SlotEncoder) -> None:
    with pytest.raises(ValueError, match="read from Atari's RAM, Pong has none"):
        Supervised.for_data(tiny_encoder, facts(np.zeros((40, 0), np.uint8)))


def test_a_batch_without_ram_is_named(tiny_encoder: SlotEncoder, ram: np.ndarray) -> None:
    objective = Supervised.for_data(tiny_encoder, facts(ram))
    bare = transition(torch.zeros(40, 3, 4), ram)._replace(ram_t=None)
    with pytest.raises(ValueError, match=r"needs Transition\.ram_t: fill what its `reads` names"):
        objective(bare)


def test_it_learns_what_slots_hold(tiny_encoder: SlotEncoder, ram: np.ndarray) -> None:
    objective = Supervised.for_data(tiny_encoder, facts(ram))
    target = torch.from_numpy(
        (objective._labels.read(ram).values - objective._mean) / objective._scale
    ).float()
    slots = torch.zeros(40, 3, 4)
    for i in range(target.shape[1]):
        slots[:, objective.slot_of_label[i], objective.axis_of_label[i]] = target[:, i]
    optimizer = torch.optim.Adam(objective.parameters(), lr=0.1)
    for _ in range(200):
        optimizer.zero_grad()
        output = objective(transition(slots, ram))
        output.loss.backward()
        optimizer.step()
    assert output.metrics["r2_in_batch"] > 0.99


def test_too_few_slots_games_without_labels_and_wrong_shapes_are_refused(
    tiny_encoder: SlotEncoder, ram: np.ndarray
) -> None:
    with pytest.raises(ValueError, match=r"15 labelled objects, the encoder only 3"):
        Supervised.for_data(tiny_encoder, facts(ram)._replace(env_id="Asteroids"))
    with pytest.raises(ValueError, match="labels"):
        Supervised.for_data(tiny_encoder, facts(ram)._replace(env_id="CartPole-v1"))
    labels = labels_for("pong", "scn")
    with pytest.raises(ValueError, match=r"mean must be \(4\).*, got shape \(2,\)"):
        Supervised(slot_dim=4, labels=labels, mean=np.zeros(2), scale=np.ones(4))
