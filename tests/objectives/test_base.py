"""What all objectives share: settings, standardised numbers, cross-entropy on the diagonal."""

from __future__ import annotations

import inspect
import math

import pytest
import torch

from slotenv.objectives import OBJECTIVES, DataFacts, Objective, ObjectiveOutput
from slotenv.objectives.base import diagonal_cross_entropy, standardised


class Made(Objective):
    """Takes a size, which has no default, and two settings."""

    def __init__(self, *, slot_dim: int, weight: float = 0.5, share: bool = True) -> None:
        super().__init__()

    def forward(self, transition):
        return ObjectiveOutput(torch.zeros(()), {})


class Bare(Made):
    def __init__(self, *, slot_dim: int) -> None:
        super().__init__(slot_dim=slot_dim)


def test_settings_are_the_arguments_with_a_default():
    assert tuple(Made.settings()) == ("weight", "share")
    assert tuple(Bare.settings()) == ()
    assert all("slot_dim" not in made.settings() for made in OBJECTIVES.values())


def test_actions_start_at_0_unless_told_otherwise():
    assert DataFacts("Pong", 4, None).first_action == 0


def by_hand(scores):
    """Mean over rows of log-sum-exp less the diagonal, and of whether the diagonal is largest."""
    rows = scores.double().tolist()
    losses = [math.log(sum(map(math.exp, row))) - row[i] for i, row in enumerate(rows)]
    right = [max(row) == row[i] for i, row in enumerate(rows)]
    return sum(losses) / len(rows), sum(right) / len(rows)


@pytest.mark.parametrize("size", [1, 2, 7])
def test_cross_entropy_and_accuracy_of_the_diagonal_are_their_formulas(size):
    scores = torch.randn(size, size, generator=torch.Generator().manual_seed(size))
    loss, accuracy = diagonal_cross_entropy(scores.requires_grad_())
    assert (loss.item(), accuracy.item()) == pytest.approx(by_hand(scores), abs=1e-5)
    assert loss.requires_grad
    assert not accuracy.requires_grad


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_several_matrices_are_averaged_in_float32(dtype):
    scores = torch.randn(3, 2, 5, 5, generator=torch.Generator().manual_seed(0)).to(dtype)
    each = [by_hand(matrix) for matrix in scores.flatten(0, 1)]
    loss, accuracy = diagonal_cross_entropy(scores)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(sum(one[0] for one in each) / 6, abs=1e-5)
    assert accuracy.item() == pytest.approx(sum(one[1] for one in each) / 6, abs=1e-5)
    assert 0 < accuracy < 1


def test_the_diagonal_by_hand():
    turned = torch.eye(4).roll(1, 0) * 50
    assert diagonal_cross_entropy(turned)[0].item() == pytest.approx(50)
    assert diagonal_cross_entropy(turned)[1].item() == 0
    assert diagonal_cross_entropy(turned.roll(-1, 0)) == (pytest.approx(0), 1)
    assert diagonal_cross_entropy(torch.zeros(4, 9, 9))[0].item() == pytest.approx(math.log(9))


def test_standardised_numbers_have_mean_0_and_spread_1_over_the_batch():
    values = torch.randn(50, 3, 4, generator=torch.Generator().manual_seed(0)) * 7 + 100
    found = standardised(values)
    expected = (values - values.mean(0)) / values.std(0, correction=0)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)


def test_numbers_that_never_change_become_zero():
    assert not standardised(torch.full((5, 2), 3.0)).any()
    tiny = standardised(torch.tensor([[0.0], [1e-9]]))
    assert tiny.isfinite().all()
    assert tiny[0] <= 0 <= tiny[1]


def test_a_spread_of_a_millionth_counts_half():
    found = standardised(torch.tensor([[0.0], [2e-6]]).double())
    torch.testing.assert_close(found, torch.tensor([[-0.5], [0.5]]).double(), rtol=1e-3, atol=0)


DEFAULTS = {
    "cswm": {"hidden_dim": 512, "sigma": 0.5, "hinge": 1.0},
    "reconstruction": {"hidden": 32, "frequencies": 4, "add_mean_frame": True, "standardise": True},
    "scn": {
        "diversity_weight": 1.0,
        "share_projection": True,
        "center_diversity": False,
        "standardise": False,
    },
    "st_dim": {},
    "supervised": {},
}


def test_objectives_are_those_of_their_papers_unless_told_otherwise():
    """Rows that were measured once name a method without its defaults: these must not move."""
    found = {
        name: {key: inspect.signature(made).parameters[key].default for key in made.settings()}
        for name, made in OBJECTIVES.items()
    }
    assert found == DEFAULTS
