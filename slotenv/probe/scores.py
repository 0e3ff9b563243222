"""The linear probes: which labels they can be scored on, and how well each is read.

Least squares, ridge regression with a validated strength, and logistic regression for presence.
"""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lstsq  # type: ignore[import-untyped]
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from slotenv.labels import GameLabels, LabelValues
from slotenv.probe.dataset import Split
from slotenv.probe.disentanglement import slot_variance
from slotenv.probe.metrics import LabelScore, balanced_accuracy, label_accuracies

Array = NDArray[np.float64]

MIN_FRAMES = 20
"""Frames a part must have with the object on the screen (and, for presence, without it)."""

MAX_POINTS = 400
"""Points (true, predicted) kept of each label for plots."""

RIDGE_STRENGTHS = np.logspace(-2, 7, 19)
"""Penalties tried, on the sum of squares of standardised features: from none to nearly total."""

_ROUNDING = 1e-6  # relative; about eight float32 steps
_COLLINEAR = 1e-5  # of the largest spread: that of rounding where an object is hardly ever there


def score_coordinates(
    labels: GameLabels, truth: LabelValues, standard: Standardised, split: Split
) -> tuple[list[LabelScore], dict[str, str]]:
    """Score every usable label; return scores in the labels' order and reasons for the others."""
    left_out: dict[str, str] = {}
    groups: dict[bytes, list[int]] = {}  # labels that are there in the same frames: one fit
    for column, name in enumerate(labels.names):
        reason = _why_unusable(truth.values[:, column], truth.presence[:, column], split)
        if reason:
            left_out[name] = reason
        else:
            groups.setdefault(truth.presence[:, column].tobytes(), []).append(column)
    scores: dict[int, LabelScore] = {}
    for columns in groups.values():
        present = truth.presence[:, columns[0]]
        parts = [part[present[part]] for part in (split.train, split.validation, split.test)]
        train_x, validation_x, test_x = (standard.features[part] for part in parts)
        train_y, validation_y, test_y = (truth.values[part][:, columns] for part in parts)
        coefficients = np.zeros((len(columns), *standard.varying.shape))
        ols, coefficients[:, standard.varying] = ols_predictions(train_x, train_y, test_x)
        ridge, weights = ridge_predictions(train_x, train_y, validation_x, validation_y, test_x)
        owner = np.nonzero(standard.varying)[0]
        variance = slot_variance(train_x, weights, owner, len(standard.varying))
        ols_r2, ridge_r2 = label_accuracies(test_y, ols), label_accuracies(test_y, ridge)
        shown = np.unique(np.linspace(0, len(test_y) - 1, MAX_POINTS).astype(int))
        for i, column in enumerate(columns):
            scores[column] = LabelScore(
                name=labels.names[column],
                object=labels.objects[column],
                ols=float(ols_r2[i]),
                ridge=float(ridge_r2[i]),
                coefficients=coefficients[i],
                variance=variance[i],
                points=np.stack([test_y[shown, i], ols[shown, i]], axis=1).round(3).tolist(),
            )
    return [scores[column] for column in sorted(scores)], left_out


def _why_unusable(
    values: NDArray[np.float64], present: NDArray[np.bool_], split: Split
) -> str | None:
    parts = {"training": split.train, "validation": split.validation, "test": split.test}
    for part, rows in parts.items():
        there = rows[present[rows]]
        if len(there) < min(MIN_FRAMES, len(rows)):
            return f"on the screen in {len(there)} frames of the {part} part, need {MIN_FRAMES}"
        if part != "validation" and np.ptp(values[there]) == 0:
            return f"constant in the {part} part"
    return None


def score_presence(
    labels: GameLabels, truth: LabelValues, standard: Standardised, split: Split
) -> tuple[dict[str, float], dict[str, str]]:
    """Score the presence of every object that both comes and goes; reasons for the others."""
    scores: dict[str, float] = {}
    left_out: dict[str, str] = {}
    train_x, test_x = standard.features[split.train], standard.features[split.test]
    owners = np.array(labels.objects)
    for name in dict.fromkeys(labels.objects):
        present = np.logical_or.reduce(truth.presence[:, owners == name], axis=1)
        train, test = present[split.train], present[split.test]
        rare = min(int(min(part.sum(), (~part).sum())) for part in (train, test))
        if rare >= MIN_FRAMES:
            scores[name] = balanced_accuracy(test, presence_predictions(train_x, train, test_x))
        elif present.all():
            left_out[f"{name} (presence)"] = "always on the screen"
        else:
            left_out[f"{name} (presence)"] = (
                f"need {MIN_FRAMES} frames with it and without it in the training and the test "
                f"part, the fewest are {rare}"
            )
    return scores, left_out


class Standardised(NamedTuple):
    """Features (N, V) of mean 0 and variance 1 in training, and which dimensions vary there."""

    features: Array
    varying: NDArray[np.bool_]


def standardise(features: NDArray[np.float32], train: NDArray[np.int64]) -> Standardised:
    """Scale features (N, ...) by mean and deviation of the training rows, less what is constant.

    Constant means up to float32 rounding: an encoder's dead dimension can differ in its last bits
    between batches, which scaling would blow up to unit variance.
    """
    flat = features.reshape(len(features), -1)
    part = flat[train]
    varying = np.ptp(part, axis=0) > _ROUNDING * np.abs(part).max(axis=0)
    part = part[:, varying].astype(np.float64)
    mean, deviation = part.mean(axis=0), part.std(axis=0)
    scaled = (flat[:, varying] - mean) / deviation
    return Standardised(scaled, varying.reshape(features.shape[1:]))


def ols_predictions(train_x: Array, train_y: Array, test_x: Array) -> tuple[Array, Array]:
    """Return least squares' predictions (t, L) and coefficients (L, V).

    There is an intercept, and the solution is the shortest if there are many: as in scikit-learn's
    ``LinearRegression``, but features are known to float32 rounding. What varies by no more than
    that in training, such as the difference of two numbers that were proportional in all of its
    frames, is given no weight; it would get one of millions. Without features (V = 0) the mean is
    predicted.
    """
    if not train_x.shape[1]:
        mean = np.broadcast_to(train_y.mean(axis=0), (len(test_x), train_y.shape[1]))
        return mean, np.zeros((train_y.shape[1], 0))
    mean_x, mean_y = train_x.mean(axis=0), train_y.mean(axis=0)
    coefficients: Array = lstsq(train_x - mean_x, train_y - mean_y, cond=_COLLINEAR)[0]  # (V, L)
    return (test_x - mean_x) @ coefficients + mean_y, coefficients.T


def ridge_predictions(
    train_x: Array, train_y: Array, validation_x: Array, validation_y: Array, test_x: Array
) -> tuple[Array, Array]:
    """Return ridge regression's predictions (t, L) and coefficients (L, V).

    Features are (., V), labels (., L). Each label has its own strength: that of
    :data:`RIDGE_STRENGTHS` with the least squared error on validation, which is also the best R2
    there. One eigendecomposition serves all strengths.
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
    coefficients: Array = vectors @ weights
    return (test_x - mean_x) @ coefficients + mean_y, coefficients.T


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
