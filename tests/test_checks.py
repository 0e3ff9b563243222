"""Checks that several rooms share: finite numbers and shapes. Their bounds are tested in use."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
import torch

from slotenv import checks


@pytest.mark.parametrize("value", [5e-324, 1, 2.5, np.float32(0.5), np.int64(3), 1.7e308])
def test_a_finite_number_is_returned_as_a_float(value: object) -> None:
    plain = checks.finite_number("sigma", value)
    assert plain == value
    assert type(plain) is float


@pytest.mark.parametrize("value", [-1.0, math.inf, -math.inf, math.nan])
@pytest.mark.parametrize("zero", [True, False])
def test_negative_and_endless_numbers_are_refused(value: float, zero: bool) -> None:
    with pytest.raises(ValueError, match=rf"sigma must .*, got {value}"):
        checks.finite_number("sigma", value, zero=zero)


def test_zero_counts_where_it_is_asked_for() -> None:
    assert checks.finite_number("weight", 0, zero=True) == 0
    with pytest.raises(ValueError, match="weight must be finite and above 0, got 0"):
        checks.finite_number("weight", 0)
    with pytest.raises(ValueError, match="weight must be finite and at least 0, got -2"):
        checks.finite_number("weight", -2, zero=True)


@pytest.mark.parametrize("value", ["1", True, None])
def test_what_is_no_number_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="sigma must be a number, got"):
        checks.finite_number("sigma", value)


@pytest.mark.parametrize("make", [np.zeros, torch.zeros])
def test_shapes_are_fixed_axis_by_axis(make: type) -> None:
    checks.shape("boxes", make((4, 2, 5)), "N", "K", 5)
    checks.shape("boxes", make((4, 2, 5)), 4, 2, 5)
    checks.shape("number", make(()))
    for wrong in ((4, 2, 4), (4, 5), (4, 2, 5, 1), (0, 2, 5), (4, 0, 5), ()):
        words = f"boxes must be (N, K, 5) and not empty, got shape {wrong}"
        with pytest.raises(ValueError, match=re.escape(words)):
            checks.shape("boxes", make(wrong), "N", "K", 5)


def test_lists_have_shapes_too() -> None:
    checks.shape("names", ["a", "b"], 2)
    with pytest.raises(ValueError, match=r"names must be \(3\) and not empty, got shape \(2,\)"):
        checks.shape("names", ["a", "b"], 3)


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_one_odd_number_is_enough(odd: float) -> None:
    checks.finite("slots", np.zeros((2, 3)))
    with pytest.raises(ValueError, match="slots must be finite, got NaN or infinite numbers"):
        checks.finite("slots", np.array([[0, 1], [odd, 2]]))
