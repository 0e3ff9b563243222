import itertools
import math

import pytest
import torch
import torch.nn.functional as F
from plain_form import plain_losses

from slotenv.encoders import SlotOutput
from slotenv.objectives import SlotContrastive, Transition

ACTIONS = torch.zeros(400, dtype=torch.long)


@pytest.fixture
def slots() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(5, 3, 4, generator=generator), torch.randn(5, 3, 4, generator=generator)


def score(objective: SlotContrastive, x: torch.Tensor, y: torch.Tensor) -> dict[str, float]:
    output = objective(Transition(SlotOutput(x), SlotOutput(y), ACTIONS[: len(x)]))
    return {name: float(value) for name, value in output.metrics.items()}


def test_losses_match_their_definition(slots: tuple[torch.Tensor, torch.Tensor]) -> None:
    x, y = slots
    objective = SlotContrastive(slot_dim=4)
    torch.nn.init.eye_(objective.saliency_projection.weight)
    metrics = score(objective, x, y)
    saliency, diversity = torch.empty(3, 5, 5), torch.empty(5, 3, 3)
    for k, i, j in itertools.product(range(3), range(5), range(5)):
        saliency[k, i, j] = x[i, k] @ y[j, k]
    for b, i, j in itertools.product(range(5), range(3), range(3)):
        diversity[b, i, j] = x[b, i] @ y[b, j]
    first = F.cross_entropy(saliency.flatten(0, 1), torch.arange(5).repeat(3))
    second = F.cross_entropy(diversity.flatten(0, 1), torch.arange(3).repeat(5))
    assert metrics["saliency"] == pytest.approx(first.item(), rel=1e-5)
    assert metrics["diversity"] == pytest.approx(second.item(), rel=1e-5)


def test_losses_match_the_plain_form(slots: tuple[torch.Tensor, torch.Tensor]) -> None:
    objective = SlotContrastive(slot_dim=4, diversity_weight=0.3)
    first, second = (v.item() for v in plain_losses(objective, *slots))
    metrics = score(objective, *slots)
    assert metrics["saliency"] == pytest.approx(first, rel=1e-5)
    assert metrics["diversity"] == pytest.approx(second, rel=1e-5)
    assert metrics["loss"] == pytest.approx(first + 0.3 * second, rel=1e-5)


def test_slots_that_say_nothing_score_chance() -> None:
    zeros = torch.zeros(5, 3, 4)
    metrics = score(SlotContrastive(slot_dim=4), zeros, zeros)
    assert metrics["saliency"] == pytest.approx(math.log(5))
    assert metrics["diversity"] == pytest.approx(math.log(3))


def test_constant_slot_codes_solve_diversity_alone() -> None:
    constant = 20 * torch.eye(3, 4).expand(5, 3, 4)
    objective = SlotContrastive(slot_dim=4)
    torch.nn.init.eye_(objective.saliency_projection.weight)
    metrics = score(objective, constant, constant)
    assert metrics["diversity"] < 1e-6
    assert metrics["diversity_accuracy"] == 1
    assert metrics["saliency"] == pytest.approx(math.log(5))


def test_centered_diversity_is_not_solved_by_constant_codes() -> None:
    generator = torch.Generator().manual_seed(1)
    constant = 20 * torch.eye(3, 4)
    moving = torch.randn(400, 1, 4, generator=generator)  # the same in all slots
    objective = SlotContrastive(slot_dim=4, center_diversity=True)
    torch.nn.init.eye_(objective.saliency_projection.weight)
    metrics = score(objective, constant + moving, constant + moving)
    assert metrics["diversity"] == pytest.approx(math.log(3), rel=1e-4)
    plain = SlotContrastive(slot_dim=4)
    torch.nn.init.eye_(plain.saliency_projection.weight)
    assert score(plain, constant + moving, constant + moving)["diversity"] < 1e-3


def test_centering_equals_taking_the_means_off_by_hand(
    slots: tuple[torch.Tensor, torch.Tensor],
) -> None:
    objective = SlotContrastive(slot_dim=4, center_diversity=True)
    centred = [s - torch.stack([s[:, k].mean(0) for k in range(3)]) for s in slots]
    _, expected = plain_losses(objective, *centred)
    metrics = score(objective, *slots)
    assert metrics["diversity"] == pytest.approx(expected.item(), rel=1e-5)
    saliency, _ = plain_losses(objective, *slots)
    assert metrics["saliency"] == pytest.approx(saliency.item(), rel=1e-5)


def test_standardising_equals_doing_it_by_hand(slots: tuple[torch.Tensor, torch.Tensor]) -> None:
    objective = SlotContrastive(slot_dim=4, standardise=True)
    both = torch.cat(slots)
    for k, d in itertools.product(range(3), range(4)):
        values = both[:, k, d].clone()
        spread = (values - values.mean()).square().mean().sqrt()
        both[:, k, d] = (values - values.mean()) / spread
    first, second = (v.item() for v in plain_losses(objective, both[:5], both[5:]))
    metrics = score(objective, *slots)
    assert metrics["saliency"] == pytest.approx(first, rel=1e-4)
    assert metrics["diversity"] == pytest.approx(second, rel=1e-4)


def test_standardised_slots_forget_size_and_place_and_constant_ones_score_chance(
    slots: tuple[torch.Tensor, torch.Tensor],
) -> None:
    objective = SlotContrastive(slot_dim=4, standardise=True)
    expected = score(objective, *slots)
    assert score(objective, *(7 + 0.01 * s for s in slots)) == pytest.approx(expected, rel=1e-3)
    constant = 20 * torch.eye(3, 4).expand(5, 3, 4)
    metrics = score(objective, constant, constant)
    assert metrics["saliency"] == pytest.approx(math.log(5))
    assert metrics["diversity"] == pytest.approx(math.log(3))


def test_order_of_the_batch_does_not_matter(slots: tuple[torch.Tensor, torch.Tensor]) -> None:
    objective, order = SlotContrastive(slot_dim=4), torch.tensor([3, 1, 4, 0, 2])
    shuffled = score(objective, slots[0][order], slots[1][order])
    assert shuffled == pytest.approx(score(objective, *slots), rel=1e-5)


def test_loss1only_is_saliency_alone(slots: tuple[torch.Tensor, torch.Tensor]) -> None:
    metrics = score(SlotContrastive(slot_dim=4, diversity_weight=0), *slots)
    assert metrics["loss"] == metrics["saliency"]
    assert "diversity" not in metrics


def test_separate_projection_is_one_matrix_more(slots: tuple[torch.Tensor, torch.Tensor]) -> None:
    count = lambda o: sum(p.numel() for p in o.parameters())  # noqa: E731
    assert count(SlotContrastive(slot_dim=4)) == 16
    separate = SlotContrastive(slot_dim=4, share_projection=False)
    assert count(separate) == 32
    before = score(separate, *slots)
    torch.nn.init.zeros_(separate.diversity_projection.weight)
    after = score(separate, *slots)
    assert after["saliency"] == before["saliency"]
    assert after["diversity"] == pytest.approx(math.log(3))


def test_gradients_reach_both_moments_and_metrics_are_detached(
    slots: tuple[torch.Tensor, torch.Tensor],
) -> None:
    x, y = (s.requires_grad_() for s in slots)
    objective = SlotContrastive(slot_dim=4, share_projection=False)
    output = objective(Transition(SlotOutput(x), SlotOutput(y), ACTIONS[:5]))
    output.loss.backward()
    for tensor in (x, y, *objective.parameters()):
        assert tensor.grad is not None
        assert tensor.grad.any()
    assert not any(value.requires_grad for value in output.metrics.values())


@pytest.mark.parametrize("weight", [-1, float("nan"), float("inf")])
def test_odd_weights_are_refused(weight: float) -> None:
    with pytest.raises(ValueError, match=f"diversity_weight must .*, got {weight}"):
        SlotContrastive(slot_dim=4, diversity_weight=weight)
