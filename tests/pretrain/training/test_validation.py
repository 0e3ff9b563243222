"""Validation: means over batches, slots that say nothing, and the warnings of both."""

from __future__ import annotations

import math
import warnings
from types import SimpleNamespace

import pytest
import torch

from pretrain.training.validation import (
    CollapseWarning,
    TrainingDiverged,
    check_finite,
    validate,
    warn_of_collapse,
)

FINE = {"constant_slots": 0.0, "chance_saliency": math.log(64), "saliency": 1.0}
CHANCE = FINE["chance_saliency"]


class Step:
    """Scores a batch, which is here its slots and its metrics."""

    def __init__(self):
        self.encoder = torch.nn.Dropout()
        self.modes = []

    def scored(self, batch):
        self.modes.append((self.encoder.training, torch.is_grad_enabled()))
        slots, metrics = batch
        return SimpleNamespace(metrics=metrics), SimpleNamespace(slots=slots)


def slots_of(count, seed=0):
    """(count, 4, 3) of which all four differ between frames."""
    return torch.randn(count, 4, 3, generator=torch.Generator().manual_seed(seed))


def test_metrics_are_means_over_batches():
    step = Step()
    batches = [
        (slots_of(8, seed), {"loss": torch.tensor(value), "accuracy": value / 2})
        for seed, value in enumerate([1.0, 2.0, 6.0])
    ]
    metrics = validate(step, batches)
    assert metrics == {
        "loss": 3.0,
        "accuracy": 1.5,
        "constant_slots": 0.0,
        "chance_saliency": math.log(8),
    }
    assert all(type(value) is float for value in metrics.values())
    assert step.modes == [(False, False)] * 3
    assert step.encoder.training


@pytest.mark.parametrize(
    ("spread", "constant"),
    [(0.0, True), (0.5e-3, True), (0.9e-3, True), (1.1e-3, False), (2e-3, False), (1.0, False)],
)
@pytest.mark.parametrize("size", [1e-3, 1.0, 1e3])
def test_a_slot_is_constant_if_it_differs_by_less_than_a_thousandth_of_its_size(
    spread, constant, size
):
    slots = slots_of(1000).double()
    direction = torch.tensor([2.0, -1.0, 2.0]).double() / 3  # of length 1
    signs = torch.tensor([1.0, -1.0]).repeat(500).double()
    slots[:, 2] = size * direction * (1 + spread * signs[:, None])
    batches = [(part, {}) for part in slots.split(250)]
    assert validate(Step(), batches)["constant_slots"] == float(constant)


def test_slots_that_are_always_zero_are_constant():
    slots = slots_of(16)
    slots[:, 1:] = 0
    assert validate(Step(), [(slots, {})])["constant_slots"] == 3


def test_slots_that_differ_between_batches_only_are_not_constant():
    batches = [(torch.full((8, 4, 3), value), {}) for value in (1.0, 2.0)]
    assert validate(Step(), batches)["constant_slots"] == 0


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_no_number_ends_the_training(value):
    words = f"^loss, saliency became {value} at update 70: lower the learning rate \\(now 0.003\\)"
    with pytest.raises(TrainingDiverged, match=words):
        check_finite({"fine": 1.0, "loss": value, "saliency": value}, 70, 3e-3)


def test_numbers_pass():
    check_finite({"loss": -1e300, "saliency": 0.0}, 70, 3e-3)
    check_finite({}, 70, 3e-3)


@pytest.mark.parametrize(
    ("changes", "update"),
    [
        ({}, 500),
        ({"saliency": CHANCE}, 499),  # it has not had its time
        ({"saliency": 0.97 * CHANCE}, 5000),
    ],
)
def test_training_that_goes_well_is_not_warned_of(changes, update):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_collapse(FINE | changes, update)
        without = {name: value for name, value in FINE.items() if name != "saliency"}
        warn_of_collapse(without, update)


@pytest.mark.parametrize(
    ("changes", "update", "words"),
    [
        ({"constant_slots": 1.0}, 0, "^1 slots are the same for every frame after update 0"),
        ({"constant_slots": 3.0}, 900, "^3 slots are the same for every frame after update 900"),
        ({"saliency": 0.99 * CHANCE}, 500, "saliency loss is 4.117 after 500 updates, chance is"),
        ({"saliency": 2 * CHANCE}, 5000, "after 5000 updates, chance is 4.159"),
    ],
)
def test_a_collapse_is_warned_of_where_it_was_asked(changes, update, words):
    with pytest.warns(CollapseWarning, match=words) as record:
        warn_of_collapse(FINE | changes, update)
    assert [warning.filename for warning in record] == [__file__]


def test_both_kinds_of_collapse_are_told():
    with pytest.warns(CollapseWarning) as record:
        warn_of_collapse(FINE | {"constant_slots": 2.0, "saliency": CHANCE}, 500)
    assert [warning.filename for warning in record] == [__file__] * 2
