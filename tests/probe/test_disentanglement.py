"""Importance by variance: hand-worked numbers, an oracle, what must not matter, and the errors."""

from __future__ import annotations

import numpy as np
import pytest

from slotenv.probe import (
    run_probe,
    slot_compactness,
    slot_importance,
    slot_variance,
    variance_importance,
    weighted_modularity,
)


def test_variance_by_hand():
    features = np.array([[-1.0, 5.0, 1.0], [1.0, 5.0, -1.0]])
    coefficients = np.array([[2.0, 9.0, 1.0], [0.0, 3.0, -4.0]])
    # Slot 0 adds -2 and 2, or nothing; number 1 of slot 1 never changes, number 2 does by 1 and 4.
    variance = slot_variance(features, coefficients, np.array([0, 1, 1]), 3)
    np.testing.assert_array_equal(variance, [[4, 1, 0], [0, 16, 0]])
    importance = variance_importance(variance, ["ball", "player"])
    np.testing.assert_allclose(importance, [[0.8, 0.2, 0], [0, 1, 0]])
    both = variance_importance(variance, ["ball", "ball"])
    np.testing.assert_allclose(both, [[0.4, 0.6, 0]])


def test_variance_is_that_of_each_slots_part_of_the_prediction():
    rng = np.random.default_rng(0)
    slots, weights = rng.normal(size=(50, 4, 3)) + 7, rng.normal(size=(5, 4, 3))
    expected = [
        [np.var([frame[k] @ weight[k] for frame in slots]) for k in range(4)] for weight in weights
    ]
    flat = slots.reshape(50, 12), weights.reshape(5, 12), np.arange(12) // 3
    np.testing.assert_allclose(slot_variance(*flat, 4), expected)


def test_the_scale_of_a_number_does_not_matter():
    rng = np.random.default_rng(0)
    features, coefficients = rng.normal(size=(40, 6)), rng.normal(size=(2, 6))
    owner, scale = np.array([0, 0, 1, 1, 2, 2]), np.array([1, 1e6, 1, 1e-6, 3, 1])
    one = slot_variance(features, coefficients, owner, 3)
    np.testing.assert_allclose(slot_variance(features * scale, coefficients / scale, owner, 3), one)
    # By the size of coefficients, the same predictions change what counts.
    sizes = [
        slot_importance(c.reshape(2, 3, 2), ["a", "b"])
        for c in (coefficients, coefficients / scale)
    ]
    assert np.abs(sizes[0] - sizes[1]).max() > 0.1


def test_small_weights_on_many_slots_hardly_count():
    """One slot holds the object, 23 others have a twentieth of its coefficient each."""
    features = np.random.default_rng(0).normal(size=(4000, 24))
    coefficients = np.full((1, 24), 0.05)
    coefficients[0, 3] = 1
    by_variance = variance_importance(
        slot_variance(features, coefficients, np.arange(24), 24), ["ball"]
    )
    by_size = slot_importance(coefficients.reshape(1, 24, 1), ["ball"])
    assert slot_compactness(by_variance) > 0.85
    assert slot_compactness(by_size) < 0.4


def test_no_slot_without_weight_has_a_share():
    assert slot_variance(np.zeros((5, 0)), np.zeros((2, 0)), np.zeros(0, int), 3).tolist() == [
        [0.0] * 3,
        [0.0] * 3,
    ]
    with pytest.raises(ValueError, match=r"any weight for labels \[1\]"):
        variance_importance(np.array([[1.0, 0.0], [0.0, 0.0]]), ["a", "b"])
    with pytest.raises(ValueError, match=r"objects must be \(2\).*got shape \(1,\)"):
        variance_importance(np.ones((2, 3)), ["a"])
    with pytest.raises(ValueError, match=r"features must be \(N, 2\)"):
        slot_variance(np.zeros((5, 3)), np.zeros((1, 2)), np.array([0, 1]), 2)
    with pytest.raises(ValueError, match=r"coefficients must be \(L, 2\)"):
        slot_variance(np.zeros((5, 2)), np.zeros((1, 3)), np.array([0, 1]), 2)


def oracle(frames):
    """Pong's objects one a slot, and a slot of noise."""
    ram = frames.reshape(len(frames), -1)[:, :128].astype(np.float32)
    slots = np.zeros((len(ram), 4, 2), np.float32)
    slots[:, 0, 0], slots[:, 1, 1] = ram[:, 51], ram[:, 50]
    slots[:, 2] = ram[:, [49, 54]]
    slots[:, 3] = ram[:, 60:62]
    return slots


def test_one_object_a_slot_is_one_whatever_its_scale(data):
    report = run_probe(oracle, data, game="pong")
    assert report.variance_modularity == pytest.approx(1, abs=1e-4)
    assert report.variance_compactness == pytest.approx(1, abs=1e-4)

    def scaled(frames):
        return 1e3 * oracle(frames) * np.array([1, 1e-3, 7, 1e-5])[:, None] - 4

    again = run_probe(scaled, data, game="pong")
    for name in ("variance_modularity", "variance_compactness"):
        assert getattr(again, name) == pytest.approx(getattr(report, name), abs=1e-5)


def test_objects_spread_over_all_slots_are_zero(data):
    """Every slot has a quarter of each coordinate's variance."""
    rng = np.random.default_rng(3)

    def spread(frames):
        coordinates = oracle(frames)[:, :3].reshape(len(frames), 6)[:, [0, 3, 4, 5]]
        return np.repeat(coordinates[:, None], 4, axis=1) + 1e-3 * rng.normal(
            size=(len(frames), 4, 4)
        )

    report = run_probe(spread, data, game="pong")
    assert report.ridge_accuracy > 0.99
    assert report.variance_modularity < 0.01
    assert report.variance_compactness < 0.01


def test_modularity_counts_slots_by_their_variance():
    """A slot with a millionth of the variance that serves both objects alike says nothing."""
    importance = np.array([[1.0, 0.0, 1e-6], [0.0, 1.0, 1e-6]])
    assert weighted_modularity(importance) > 0.999
