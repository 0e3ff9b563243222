"""Metrics against hand-worked numbers, slow loops and scikit-learn; extremes and errors."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from slotenv.probe import (
    balanced_accuracy,
    label_accuracies,
    slot_accuracy,
    slot_compactness,
    slot_importance,
    slot_modularity,
    weighted_modularity,
)

weights = arrays(np.float64, (3, 4), elements=st.floats(0.01, 10.0))


def entropy_by_loop(row):
    total = sum(row)
    return -sum(x / total * math.log(x / total, len(row)) for x in row if x > 0)


def test_accuracy_by_hand():
    truth = np.array([[0.0, 1.0], [2.0, 1.0], [4.0, 4.0]])
    prediction = np.array([[1.0, 2.0], [2.0, 2.0], [3.0, 2.0]])
    # Label 1: 1 - 2/8; label 2: the mean everywhere, 0.
    np.testing.assert_allclose(label_accuracies(truth, prediction), [0.75, 0.0])
    assert slot_accuracy(truth, prediction) == pytest.approx(0.375)


@pytest.mark.parametrize(
    ("scale", "offset", "error"),
    [
        (100.0, 0.0, 1.0),
        (1e-9, 1.0, 1.0),  # hardly changes
        (1.0, 1e6, 1e-6),  # nearly perfect, far from zero
        (1.0, 0.0, 1e12),  # exploded
    ],
)
@pytest.mark.parametrize("count", [2, 3, 500])
def test_accuracy_matches_its_definition(scale, offset, error, count):
    rng = np.random.default_rng(count)
    truth = rng.normal(size=(count, 3)) * scale + offset
    prediction = truth + rng.normal(size=(count, 3)) * scale * error
    residual = ((truth - prediction) ** 2).sum(axis=0)
    expected = 1 - residual / ((truth - truth.mean(axis=0)) ** 2).sum(axis=0)
    np.testing.assert_allclose(label_accuracies(truth, prediction), expected, rtol=1e-12)
    assert slot_accuracy(truth, prediction) == pytest.approx(expected.mean(), rel=1e-12)


def test_accuracy_ignores_the_labels_unit():
    rng = np.random.default_rng(0)
    truth, prediction = rng.normal(size=(2, 40, 3))
    scaled = slot_accuracy(truth * 7 - 3, prediction * 7 - 3)
    assert scaled == pytest.approx(slot_accuracy(truth, prediction))


def test_accuracy_extremes():
    truth = np.arange(12.0).reshape(6, 2)
    assert slot_accuracy(truth, truth) == 1.0
    assert slot_accuracy(truth, np.tile(truth.mean(0), (6, 1))) == 0.0
    assert slot_accuracy(truth, truth + 1e3) < -1e3


def test_accuracy_of_bytes_does_not_wrap():
    truth = np.array([[0], [255]], dtype=np.uint8)
    assert slot_accuracy(truth, np.array([[0.0], [255.0]])) == 1.0


def test_accuracy_errors():
    with pytest.raises(ValueError, match=r"never change: columns \[1\]"):
        slot_accuracy(np.array([[0.0, 3.0], [1.0, 3.0]]), np.zeros((2, 2)))
    with pytest.raises(ValueError, match=r"prediction must be \(2, 2\).*got shape \(2, 1\)"):
        slot_accuracy(np.zeros((2, 2)), np.zeros((2, 1)))
    with pytest.raises(ValueError, match="not empty"):
        slot_accuracy(np.zeros((0, 2)), np.zeros((0, 2)))


def test_importance_by_hand():
    coefficients = np.array(
        [
            [[1.0, -2.0], [1.0, 0.0]],  # ball_x: 3 and 1 of 4
            [[0.0, 0.0], [5.0, 5.0]],  # player_x: all in slot 1
            [[1.0, 0.0], [0.0, -1.0]],  # ball_y: half, half
        ]
    )
    expected = [[(0.75 + 0.5) / 2, (0.25 + 0.5) / 2], [0.0, 1.0]]
    np.testing.assert_allclose(slot_importance(coefficients, ("ball", "player", "ball")), expected)


def test_importance_matches_its_definition():
    rng = np.random.default_rng(0)
    coefficients = rng.normal(size=(5, 3, 4))
    objects = ["b", "a", "b", "c", "b"]
    expected = []
    for name in ("b", "a", "c"):
        rows = []
        for label in range(5):
            if objects[label] == name:
                row = [sum(abs(x) for x in coefficients[label, slot]) for slot in range(3)]
                rows.append([x / sum(row) for x in row])
        expected.append([sum(row[slot] for row in rows) / len(rows) for slot in range(3)])
    importance = slot_importance(coefficients, objects)
    np.testing.assert_allclose(importance, expected)
    np.testing.assert_allclose(importance.sum(axis=1), 1.0)


def test_importance_ignores_each_labels_unit_and_follows_slot_order():
    coefficients = np.random.default_rng(0).normal(size=(3, 4, 2))
    objects = ("a", "b", "a")
    importance = slot_importance(coefficients, objects)
    scaled = coefficients * np.array([100.0, 0.01, 3.0])[:, None, None]
    np.testing.assert_allclose(slot_importance(scaled, objects), importance)
    order = [2, 0, 3, 1]
    np.testing.assert_allclose(
        slot_importance(coefficients[:, order], objects), importance[:, order]
    )


def test_importance_errors():
    with pytest.raises(ValueError, match=r"any weight for labels \[1\]"):
        slot_importance(np.array([[[1.0]], [[0.0]]]), ("a", "b"))
    with pytest.raises(ValueError, match=r"objects must be \(2\).*got shape \(1,\)"):
        slot_importance(np.zeros((2, 3, 1)), ("a",))
    with pytest.raises(ValueError, match=r"coefficients must be \(L, K, D\)"):
        slot_importance(np.zeros((2, 3)), ("a", "b"))


def test_modularity_and_compactness_by_hand():
    importance = np.array([[1.0, 0.0], [0.5, 0.5]])
    # Rows: entropies 0 and 1. Columns: (2/3, 1/3) and (0, 1).
    assert slot_compactness(importance) == pytest.approx(0.5)
    column = 1 - (-(2 / 3) * math.log2(2 / 3) - (1 / 3) * math.log2(1 / 3))
    assert slot_modularity(importance) == pytest.approx((column + 1) / 2)
    assert weighted_modularity(importance) == pytest.approx((1.5 * column + 0.5 * 1) / 2)


@given(weights)
def test_modularity_and_compactness_match_their_definition(importance):
    rows = [1 - entropy_by_loop(row) for row in importance.tolist()]
    columns = [1 - entropy_by_loop(column) for column in importance.T.tolist()]
    assert slot_compactness(importance) == pytest.approx(sum(rows) / 3, abs=1e-9)
    assert slot_modularity(importance) == pytest.approx(sum(columns) / 4, abs=1e-9)
    total = importance.sum()
    weighted = sum(c * w for c, w in zip(columns, importance.sum(axis=0), strict=True)) / total
    assert weighted_modularity(importance) == pytest.approx(weighted, abs=1e-9)


@given(weights, st.permutations(range(4)), st.permutations(range(3)))
def test_slot_and_object_order_do_not_matter(importance, slots, objects):
    shuffled = importance[objects][:, slots]
    for metric in (slot_compactness, slot_modularity, weighted_modularity):
        assert metric(shuffled) == pytest.approx(metric(importance))
        assert metric(importance * 5) == pytest.approx(metric(importance))
        assert 0.0 <= metric(importance) <= 1.0


@pytest.mark.parametrize("metric", [slot_modularity, slot_compactness, weighted_modularity])
def test_extremes(metric):
    assert metric(np.eye(4)) == 1.0
    assert metric(np.ones((3, 5))) == pytest.approx(0.0, abs=1e-12)


def test_compactness_and_modularity_are_different_things():
    one_slot_holds_all = np.array([[1.0, 0.0], [1.0, 0.0]])
    assert slot_compactness(one_slot_holds_all) == 1.0
    assert slot_modularity(one_slot_holds_all) == 0.0
    assert slot_modularity(np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])) == 1.0


def test_a_slot_without_weight_is_left_out():
    importance = np.array([[0.7, 0.3], [0.2, 0.8]])
    padded = np.hstack([importance, np.zeros((2, 1))])
    assert slot_modularity(padded) == pytest.approx(slot_modularity(importance))
    assert weighted_modularity(padded) == pytest.approx(weighted_modularity(importance))


def test_weighting_discounts_a_slot_nobody_uses():
    importance = np.array([[0.5, 0.499, 0.001], [0.5, 0.5, 0.0]])
    assert slot_modularity(importance) > 0.3
    assert weighted_modularity(importance) < 0.01


@pytest.mark.parametrize("metric", [slot_modularity, weighted_modularity])
def test_modularity_is_undefined_for_one_object(metric):
    with pytest.raises(ValueError, match="undefined for one object: there is nothing to mix"):
        metric(np.ones((1, 4)))
    with pytest.raises(ValueError, match=r"without weight on any object: \[0, 1, 2, 3\]"):
        metric(np.zeros((2, 4)))


def test_compactness_is_undefined_for_one_slot():
    with pytest.raises(ValueError, match="undefined for one slot: there is nothing to choose"):
        slot_compactness(np.ones((4, 1)))
    with pytest.raises(ValueError, match=r"without weight on any slot: \[1\]"):
        slot_compactness(np.array([[1.0, 2.0], [0.0, 0.0]]))


@pytest.mark.parametrize("metric", [slot_modularity, slot_compactness, weighted_modularity])
def test_importance_must_be_a_nonnegative_matrix(metric):
    with pytest.raises(ValueError, match="finite and not negative"):
        metric(np.array([[1.0, -1.0], [1.0, 1.0]]))
    with pytest.raises(ValueError, match="finite and not negative"):
        metric(np.array([[1.0, np.nan], [1.0, 1.0]]))
    with pytest.raises(ValueError, match=r"\(objects, slots\)"):
        metric(np.ones(3))


@pytest.mark.parametrize("share", [0.001, 0.3, 0.999])
@pytest.mark.parametrize("said", ["always", "never", "at random"])
def test_balanced_accuracy_is_the_mean_of_both_shares(share, said):
    rng = np.random.default_rng(0)
    truth = rng.random(3000) < share
    prediction = {
        "always": np.ones(3000, bool),
        "never": np.zeros(3000, bool),
        "at random": truth ^ (rng.random(3000) < 0.2),
    }[said]
    expected = (prediction[truth].mean() + (~prediction[~truth]).mean()) / 2
    assert balanced_accuracy(truth, prediction) == pytest.approx(expected, rel=1e-12)


def test_balanced_accuracy_extremes_and_error():
    truth = np.array([True] * 9 + [False])
    assert balanced_accuracy(truth, truth) == 1.0
    assert balanced_accuracy(truth, np.ones(10, dtype=bool)) == 0.5
    with pytest.raises(ValueError, match="always or never"):
        balanced_accuracy(np.ones(3, dtype=bool), np.ones(3, dtype=bool))
