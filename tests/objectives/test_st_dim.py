import math

import numpy as np
import pytest
import torch

from slotenv import SlotEncoder
from slotenv.encoders import GlobalVectorEncoder, SlotOutput
from slotenv.frames import plain
from slotenv.objectives import DataFacts, SpatioTemporalDeepInfoMax, Transition

BATCH, SLOTS, DIM, CHANNELS, HEIGHT, WIDTH = 5, 3, 4, 7, 2, 3
FACTS = DataFacts("Pong", 6, np.zeros((4, 128), np.uint8))


@pytest.fixture
def pair() -> Transition:
    generator = torch.Generator().manual_seed(0)
    outputs = [
        SlotOutput(
            torch.randn(BATCH, SLOTS, DIM, generator=generator),
            torch.randn(BATCH, 1, CHANNELS, HEIGHT, WIDTH, generator=generator),
        )
        for _ in range(2)
    ]
    return Transition(*outputs, torch.zeros(BATCH, dtype=torch.long))


@pytest.fixture
def objective() -> SpatioTemporalDeepInfoMax:
    torch.manual_seed(1)
    return SpatioTemporalDeepInfoMax(slot_dim=DIM, num_slots=SLOTS, map_channels=CHANNELS)


def with_outputs(pair: Transition, change: object) -> Transition:
    return pair._replace(output_t=change(pair.output_t), output_tp1=change(pair.output_tp1))


def score(objective: SpatioTemporalDeepInfoMax, pair: Transition) -> dict[str, float]:
    return {name: float(value) for name, value in objective(pair).metrics.items()}


def test_losses_match_loops_over_places_and_pairs(
    objective: SpatioTemporalDeepInfoMax, pair: Transition
) -> None:
    maps_t, maps_tp1 = pair.output_t.maps[:, 0], pair.output_tp1.maps[:, 0]
    weight_g, weight_l = objective.global_projection.weight, objective.local_projection.weight
    losses, hits = {"g": 0.0, "l": 0.0}, {"g": 0, "l": 0}
    for m in range(HEIGHT):
        for n in range(WIDTH):
            for b in range(BATCH):
                whole = pair.output_t.slots[b].reshape(-1)
                for name, query in (("g", weight_g @ whole), ("l", weight_l @ maps_t[b, :, m, n])):
                    scores = [(query @ maps_tp1[c, :, m, n]).item() for c in range(BATCH)]
                    total = math.log(sum(math.exp(s) for s in scores))
                    losses[name] += total - scores[b]
                    hits[name] += scores[b] == max(scores)
    count = HEIGHT * WIDTH * BATCH
    metrics = score(objective, pair)
    assert metrics["global_local"] == pytest.approx(losses["g"] / count, rel=1e-5)
    assert metrics["local_local"] == pytest.approx(losses["l"] / count, rel=1e-5)
    assert metrics["loss"] == pytest.approx((losses["g"] + losses["l"]) / count, rel=1e-5)
    assert metrics["global_local_accuracy"] == pytest.approx(hits["g"] / count)
    assert metrics["local_local_accuracy"] == pytest.approx(hits["l"] / count)


def test_order_of_the_batch_and_of_the_places_does_not_matter(
    objective: SpatioTemporalDeepInfoMax, pair: Transition
) -> None:
    expected = pytest.approx(score(objective, pair), rel=1e-5)
    order = torch.tensor([3, 1, 4, 0, 2])
    shuffled = with_outputs(pair, lambda o: SlotOutput(o.slots[order], o.maps[order]))
    assert score(objective, shuffled) == expected
    flipped = with_outputs(pair, lambda o: SlotOutput(o.slots, o.maps.flip(3).transpose(3, 4)))
    assert score(objective, flipped) == expected


def test_features_that_say_nothing_score_chance(
    objective: SpatioTemporalDeepInfoMax, pair: Transition
) -> None:
    constant = with_outputs(
        pair, lambda o: SlotOutput(o.slots[:1].expand_as(o.slots), o.maps[:1].expand_as(o.maps))
    )
    metrics = score(objective, constant)
    assert metrics["global_local"] == pytest.approx(math.log(BATCH))
    assert metrics["local_local"] == pytest.approx(math.log(BATCH))
    assert metrics["loss"] == pytest.approx(2 * math.log(BATCH))


def test_equal_and_distinct_local_features_are_told_apart(pair: Transition) -> None:
    objective = SpatioTemporalDeepInfoMax(slot_dim=DIM, num_slots=SLOTS, map_channels=CHANNELS)
    torch.nn.init.eye_(objective.local_projection.weight)
    maps = 10 * torch.eye(BATCH, CHANNELS)[:, None, :, None, None].expand(-1, 1, -1, HEIGHT, WIDTH)
    metrics = score(objective, with_outputs(pair, lambda o: SlotOutput(o.slots, maps)))
    assert metrics["local_local"] < 1e-6
    assert metrics["local_local_accuracy"] == 1


def test_groups_of_maps_at_a_place_are_one_feature(
    objective: SpatioTemporalDeepInfoMax, pair: Transition
) -> None:
    grouped = with_outputs(pair, lambda o: SlotOutput(o.slots, o.maps.transpose(1, 2)))
    assert score(objective, grouped) == score(objective, pair)


def test_half_precision_maps_are_scored_in_float32(
    objective: SpatioTemporalDeepInfoMax, pair: Transition
) -> None:
    halved = with_outputs(pair, lambda o: SlotOutput(o.slots, o.maps.bfloat16()))
    output = objective(halved)
    assert output.loss.dtype == torch.float32
    assert output.loss.item() == pytest.approx(objective(pair).loss.item(), rel=0.05)


def test_gradients_reach_all_parts_and_metrics_are_detached(
    objective: SpatioTemporalDeepInfoMax, pair: Transition
) -> None:
    inputs = [pair.output_t.slots, pair.output_t.maps, pair.output_tp1.maps]
    for tensor in inputs:
        tensor.requires_grad_()
    output = objective(pair)
    output.loss.backward()
    for tensor in (*inputs, *objective.parameters()):
        assert tensor.grad is not None
        assert tensor.grad.any()
    assert not any(value.requires_grad for value in output.metrics.values())


def test_sizes_come_from_the_encoder() -> None:
    encoder = GlobalVectorEncoder(num_slots=2, slot_dim=5, preprocess=plain(84, 84))
    objective = SpatioTemporalDeepInfoMax.for_data(encoder, FACTS)
    assert objective.global_projection.weight.shape == (128, 10)
    assert objective.local_projection.weight.shape == (128, 128)
    frames = torch.rand(3, 3, 84, 84)
    output = objective(Transition(encoder(frames), encoder(frames), torch.zeros(3)))
    output.loss.backward()
    assert all(p.grad is not None for p in encoder.parameters())


def test_encoders_without_maps_and_wrong_sizes_are_named(
    tiny_encoder: SlotEncoder, objective: SpatioTemporalDeepInfoMax, pair: Transition
) -> None:
    with pytest.raises(
        ValueError, match=r"a SlotMapEncoder gives no feature maps.*: use .* global_vector"
    ):
        SpatioTemporalDeepInfoMax.for_data(tiny_encoder, FACTS)
    bare = with_outputs(pair, lambda o: SlotOutput(o.slots))
    with pytest.raises(
        ValueError, match=r"the encoder gives no feature maps.*: use .* global_vector"
    ):
        objective(bare)
    with pytest.raises(ValueError, match="map_channels must be at least 1, got 0"):
        SpatioTemporalDeepInfoMax(slot_dim=4, num_slots=3, map_channels=0)


def test_sizes_begin_at_one() -> None:
    SpatioTemporalDeepInfoMax(slot_dim=1, num_slots=1, map_channels=1)
    for name in ("slot_dim", "num_slots", "map_channels"):
        sizes = {"slot_dim": 1, "num_slots": 1, "map_channels": 1} | {name: 0}
        with pytest.raises(ValueError, match=f"{name} must be at least 1, got 0"):
            SpatioTemporalDeepInfoMax(**sizes)
