"""Means, errors and intervals of scores, and their order."""

from __future__ import annotations

import numpy as np
import pytest
from bench_rows import MakeRow

from pretrain.bench.results.aggregate import Scores, bootstrap
from pretrain.drawing.estimate import estimate


def test_settings_of_any_kind_have_an_order(row: MakeRow) -> None:
    # A method from outside may take anything: numbers come first, by size.
    values = ["b", 10, None, [1, 2], 9.5]
    rows = [row("scn", "pong", 0.1, settings={"x": v}, title=f"x={v}", seed=0) for v in values]
    scores = Scores(rows, "scn", "accuracy")
    assert list(scores.values) == ["x=9.5", "x=10", "x=None", "x=[1, 2]", "x=b"]


def test_bootstrap_intervals() -> None:
    assert bootstrap([0.3] * 7) == pytest.approx((0.3, 0.3, 0.3))
    values = np.random.default_rng(1).normal(0.5, 0.2, 100)
    mean, low, high = bootstrap(list(values))
    expected = 1.96 * values.std() / 10
    assert mean == pytest.approx(values.mean())
    assert high - mean == pytest.approx(expected, rel=0.1)
    assert mean - low == pytest.approx(expected, rel=0.1)
    assert bootstrap(list(values)) == (mean, low, high)


def test_estimates() -> None:
    assert estimate([]) is estimate([None]) is None
    assert estimate([2.0, None]) == (2.0, None)
    assert estimate([1.0, 2.0, 3.0]) == pytest.approx((2.0, 1 / np.sqrt(3)))
