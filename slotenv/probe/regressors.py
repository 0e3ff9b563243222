"""The linear probes: least squares, ridge with a validated strength, logistic for presence."""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression, LogisticRegression

Array = NDArray[np.float64]

RIDGE_STRENGTHS = np.logspace(-2, 7, 19)
"""Penalties tried, on the sum of squares of standardised features: from none to nearly total."""

_ROUNDING = 1e-6  # relative; about eight float32 steps


class Standardised(NamedTuple):
    """Features of all frames on the scale of the training part.

    Attributes:
        features: (N, V) the dimensions that vary in the training part, mean 0 and variance 1 there.
        varying: (F,) which of the original dimensions those are.
    """

    features: Array
    varying: NDArray[np.bool_]


def standardise(features: NDArray[np.float32], train: NDArray[np.int64]) -> Standardised:
    """Scale features by mean and deviation of the training rows; drop dimensions constant there.

    Constant means up to float32 rounding: an encoder's dead dimension can differ in its last bits
    between batches, which scaling would blow up to unit variance.

    Args:
        features: (N, F).
        train: Indices of the training rows.
    """
    part = features[train]
    varying = np.ptp(part, axis=0) > _ROUNDING * np.abs(part).max(axis=0)
    part = part[:, varying].astype(np.float64)
    mean, deviation = part.mean(axis=0), part.std(axis=0)
    return Standardised((features[:, varying] - mean) / deviation, varying)


def ols_predictions(train_x: Array, train_y: Array, test_x: Array) -> tuple[Array, Array]:
    """Fit least squares with an intercept; the shortest solution, if there are many.

    Args:
        train_x: (n, V) features; with V = 0 the mean is predicted.
        train_y: (n, L) labels.
        test_x: (t, V) features.

    Returns:
        (t, L) predictions and (L, V) coefficients.
    """
    if not train_x.shape[1]:
        mean = np.broadcast_to(train_y.mean(axis=0), (len(test_x), train_y.shape[1]))
        return mean, np.zeros((train_y.shape[1], 0))
    model = LinearRegression().fit(train_x, train_y)
    return np.asarray(model.predict(test_x)), np.asarray(model.coef_)


def ridge_predictions(
    train_x: Array, train_y: Array, validation_x: Array, validation_y: Array, test_x: Array
) -> Array:
    """Predict with ridge regression, each label with its own strength.

    The strength of :data:`RIDGE_STRENGTHS` with the least squared error on validation wins; that
    is also the one with the best R2 there. One eigendecomposition serves all strengths.

    Args:
        train_x: (n, V) features.
        train_y: (n, L) labels.
        validation_x: (m, V) features.
        validation_y: (m, L) labels.
        test_x: (t, V) features.

    Returns:
        (t, L) predictions.
    """
    mean_x, mean_y = train_x.mean(axis=0), train_y.mean(axis=0)
    centred = train_x - mean_x
    values, vectors = np.linalg.eigh(centred.T @ centred)
    target = vectors.T @ (centred.T @ (train_y - mean_y))  # (V, L)
    values = np.maximum(values, 0.0)  # rounding leaves -1e-12
    validation_rotated = (validation_x - mean_x) @ vectors
    best = np.full(train_y.shape[1], np.inf)
    weights = np.zeros_like(target)
    for strength in RIDGE_STRENGTHS:
        candidate = target / (values + strength)[:, None]
        error = np.mean((validation_rotated @ candidate + mean_y - validation_y) ** 2, axis=0)
        weights = np.where(error < best, candidate, weights)
        best = np.minimum(best, error)
    predictions: Array = (test_x - mean_x) @ vectors @ weights + mean_y
    return predictions


def presence_predictions(
    train_x: Array, train_present: NDArray[np.bool_], test_x: Array
) -> NDArray[np.bool_]:
    """Predict presence (t,) by logistic regression with both classes weighted alike."""
    if not train_x.shape[1]:
        return np.ones(len(test_x), dtype=np.bool_)
    classifier = LogisticRegression(class_weight="balanced", max_iter=200)
    with warnings.catch_warnings():
        # Separable classes have no finite optimum; where the search stops does not matter.
        warnings.simplefilter("ignore", ConvergenceWarning)
        classifier.fit(train_x, train_present)
    return np.asarray(classifier.predict(test_x), dtype=np.bool_)
