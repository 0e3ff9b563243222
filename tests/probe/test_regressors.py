"""The linear probes against scikit-learn and closed forms."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.metrics import r2_score

from slotenv.probe.scores import (
    RIDGE_STRENGTHS,
    ols_predictions,
    presence_predictions,
    ridge_predictions,
    standardise,
)


def problem(noise=0.0, n=90, dims=5, num_labels=2):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, dims))
    y = x @ rng.normal(size=(dims, num_labels)) + 40 + noise * rng.normal(size=(n, num_labels))
    return x[: n // 2], y[: n // 2], x[n // 2 : n * 2 // 3], y[n // 2 : n * 2 // 3], x[n * 2 // 3 :]


def test_standardise_uses_the_training_rows_only():
    features = np.array([[0, 5], [2, 5], [100, 6]], dtype=np.float32)
    standard = standardise(features, np.array([0, 1]))
    np.testing.assert_array_equal(standard.varying, [True, False])
    np.testing.assert_allclose(standard.features, [[-1], [1], [99]])


def test_rounding_noise_is_no_feature():
    rng = np.random.default_rng(0)
    features = np.full((50, 2), 3.0, dtype=np.float32)
    features[:, 0] += rng.integers(0, 3, 50) * np.float32(2.4e-7)
    features[:, 1] += rng.integers(0, 3, 50) * np.float32(1e-3)
    np.testing.assert_array_equal(standardise(features, np.arange(30)).varying, [False, True])


def test_ols_recovers_a_line():
    x = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.0]])
    y = (3 * x[:, :1] - 2 * x[:, 1:] + 7) * np.array([[1.0, 10.0]])
    prediction, coefficients = ols_predictions(x, y, np.array([[10.0, 100.0]]))
    np.testing.assert_allclose(prediction, [[-163.0, -1630.0]])
    np.testing.assert_allclose(coefficients, [[3.0, -2.0], [30.0, -20.0]])


def test_ols_gives_no_weight_to_what_only_rounding_told_apart_in_training():
    """A slot's shade was 0.3 of its presence in all of training, and is not in the test."""
    rng = np.random.default_rng(0)
    place = rng.normal(size=(1200, 1))
    presence = rng.random((1200, 1)) * (np.arange(1200) % 10 == 0)[:, None]
    rounding = 1 + 1e-5 * rng.random((1200, 1))  # a difference of numbers hundreds times as large
    shade = np.where(np.arange(1200)[:, None] < 1000, 0.3 * rounding, 0.7) * presence
    slots = np.hstack([place, presence, shade]).astype(np.float32)
    values = 5 * place + 2 * presence + rng.normal(size=(1200, 1)) / 10
    features = standardise(slots, np.arange(1000)).features
    train, test = features[:1000], features[1000:]
    blown_up = LinearRegression().fit(train, values[:1000]).predict(test)
    assert r2_score(values[1000:], blown_up) < -10
    predicted, _ = ols_predictions(train, values[:1000], test)
    assert r2_score(values[1000:], predicted) > 0.99
    without_shade = LinearRegression().fit(train[:, :2], values[:1000]).predict(test[:, :2])
    seen = slots[1000:, 1] == 0
    np.testing.assert_allclose(predicted[seen], without_shade[seen], atol=1e-3)


@pytest.mark.parametrize("scale", [1.0, 1e-3])
def test_ols_is_scikit_learns_where_features_differ_by_more(scale):
    train_x, train_y, _, _, test_x = problem(1.0)
    train_x[:, 1] = train_x[:, 0] + scale * train_x[:, 1]
    test_x[:, 1] = test_x[:, 0] + scale * test_x[:, 1]
    model = LinearRegression().fit(train_x, train_y)
    predicted, coefficients = ols_predictions(train_x, train_y, test_x)
    np.testing.assert_allclose(predicted, model.predict(test_x), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(coefficients, model.coef_, rtol=1e-5, atol=1e-5)


def test_without_features_the_mean_is_predicted():
    train_y = np.array([[1.0, 4.0], [3.0, 4.0]])
    empty = np.zeros((2, 0))
    prediction, coefficients = ols_predictions(empty, train_y, np.zeros((3, 0)))
    np.testing.assert_array_equal(prediction, [[2.0, 4.0]] * 3)
    assert coefficients.shape == (2, 0)
    ridge, weights = ridge_predictions(empty, train_y, empty, train_y, np.zeros((3, 0)))
    np.testing.assert_array_equal(ridge, prediction)
    assert weights.shape == (2, 0)
    assert presence_predictions(empty, np.array([True, False]), np.zeros((3, 0))).all()


@pytest.mark.parametrize("noise", [0.01, 1.0, 30.0])
def test_ridge_is_scikit_learns_at_the_best_validated_strength(noise):
    train_x, train_y, validation_x, validation_y, test_x = problem(noise)
    predicted, weights = ridge_predictions(train_x, train_y, validation_x, validation_y, test_x)
    for label in range(2):
        models = [Ridge(alpha=a).fit(train_x, train_y[:, label]) for a in RIDGE_STRENGTHS]
        scores = [r2_score(validation_y[:, label], m.predict(validation_x)) for m in models]
        best = models[int(np.argmax(scores))]
        np.testing.assert_allclose(predicted[:, label], best.predict(test_x), rtol=1e-6)
        np.testing.assert_allclose(weights[label], best.coef_, rtol=1e-6)


def test_ridge_survives_collinear_features():
    train_x, train_y, validation_x, validation_y, test_x = problem()
    alone, _ = ridge_predictions(train_x, train_y, validation_x, validation_y, test_x)

    def double(x):
        return np.hstack([x, x])

    doubled, _ = ridge_predictions(
        double(train_x), train_y, double(validation_x), validation_y, double(test_x)
    )
    np.testing.assert_allclose(doubled, alone, rtol=1e-2)


def test_presence_is_learned_and_rare_classes_count():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 3))
    present = x[:, 1] > -1.5
    predicted = presence_predictions(x[:300], present[:300], x[300:])
    assert np.mean(predicted[~present[300:]]) < 0.2
    assert np.mean(predicted[present[300:]]) > 0.9


def test_ridge_strengths_are_half_decades_from_a_hundredth_to_ten_million():
    assert RIDGE_STRENGTHS[[0, 1, -1]] == pytest.approx([0.01, 10**-1.5, 1e7])
    assert len(RIDGE_STRENGTHS) == 19


def test_ridge_of_small_features_is_scikit_learns():
    """Eigenvalues far below 1 count in full."""
    train_x, train_y, validation_x, validation_y, test_x = (
        part * 0.05 if i in (0, 2, 4) else part for i, part in enumerate(problem(0.01))
    )
    predicted, _ = ridge_predictions(train_x, train_y, validation_x, validation_y, test_x)
    model = Ridge(alpha=RIDGE_STRENGTHS[0]).fit(train_x, train_y)
    np.testing.assert_allclose(predicted, model.predict(test_x), rtol=1e-6)


def test_of_equally_good_strengths_the_smallest_is_taken():
    """Labels that are flat in validation are predicted as well by any strength."""
    train_x, train_y, _, _, test_x = problem()
    flat = np.repeat(train_x.mean(axis=0)[None], 5, axis=0)
    means = np.repeat(train_y.mean(axis=0)[None], 5, axis=0)
    predicted, _ = ridge_predictions(train_x, train_y, flat, means, test_x)
    model = Ridge(alpha=RIDGE_STRENGTHS[0]).fit(train_x, train_y)
    np.testing.assert_allclose(predicted, model.predict(test_x), rtol=1e-6)


@pytest.mark.parametrize(("spread", "varies"), [(0.5e-6, False), (2e-6, True)])
@pytest.mark.parametrize("size", [1e-3, 1.0, 1e3])
def test_a_dimension_varies_by_more_than_a_millionth_of_its_size(spread, varies, size):
    features = (size * np.array([[1.0], [1.0 - spread]])).astype(np.float64)
    assert standardise(features, np.arange(2)).varying.tolist() == [varies]


def test_standardised_dimensions_have_mean_0_and_deviation_1_in_training():
    features = np.array([[0, 100], [4, 500], [8, 900], [2, 2]], np.float32)
    scaled = standardise(features, np.arange(3)).features
    np.testing.assert_allclose(scaled[:3].mean(0), 0, atol=1e-7)
    np.testing.assert_allclose(scaled[:3].std(0), 1)
    np.testing.assert_allclose(scaled[3], [(2 - 4) / 32**0.5 * 3**0.5, (2 - 500) / 400 * 1.5**0.5])
