"""Scores of single labels: which can be scored, and how well each is read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from slotenv.labels import GameLabels, LabelValues
from slotenv.probe.dataset import Split
from slotenv.probe.metrics import balanced_accuracy, label_accuracies
from slotenv.probe.regressors import (
    Standardised,
    ols_predictions,
    presence_predictions,
    ridge_predictions,
)

MIN_FRAMES = 20
"""Frames a part must have with the object on the screen (and, for presence, without it)."""

MAX_POINTS = 400
"""Points (true, predicted) kept of each label for plots."""


class LabelScore(NamedTuple):
    """One label's outcome; ``coefficients`` are (V,), ``points`` pairs (true, predicted)."""

    name: str
    object: str
    ols: float
    ridge: float
    coefficients: NDArray[np.float64]
    points: list[list[float]]


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
    scores = {
        column: score
        for columns in groups.values()
        for column, score in _score_group(labels, columns, truth, standard.features, split)
    }
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


def _score_group(
    labels: GameLabels,
    columns: list[int],
    truth: LabelValues,
    features: NDArray[np.float64],
    split: Split,
) -> Iterator[tuple[int, LabelScore]]:
    present = truth.presence[:, columns[0]]
    train, validation, test = (
        part[present[part]] for part in (split.train, split.validation, split.test)
    )
    train_x, test_x = features[train], features[test]
    train_y, test_y = truth.values[train][:, columns], truth.values[test][:, columns]
    ols, coefficients = ols_predictions(train_x, train_y, test_x)
    validation_y = truth.values[validation][:, columns]
    ridge = ridge_predictions(train_x, train_y, features[validation], validation_y, test_x)
    ols_r2, ridge_r2 = label_accuracies(test_y, ols), label_accuracies(test_y, ridge)
    shown = np.unique(np.linspace(0, len(test) - 1, MAX_POINTS).astype(int))
    for i, column in enumerate(columns):
        yield (
            column,
            LabelScore(
                name=labels.names[column],
                object=labels.objects[column],
                ols=float(ols_r2[i]),
                ridge=float(ridge_r2[i]),
                coefficients=coefficients[i],
                points=np.stack([test_y[shown, i], ols[shown, i]], axis=1).round(3).tolist(),
            ),
        )


def score_presence(
    labels: GameLabels, truth: LabelValues, standard: Standardised, split: Split
) -> tuple[dict[str, float], dict[str, str]]:
    """Score the presence of every object that both comes and goes; reasons for the others."""
    scores: dict[str, float] = {}
    left_out: dict[str, str] = {}
    features = standard.features
    for name in dict.fromkeys(labels.objects):
        columns = [i for i, owner in enumerate(labels.objects) if owner == name]
        present = np.logical_or.reduce(truth.presence[:, columns], axis=1)
        train, test = present[split.train], present[split.test]
        rare = min(int(min(part.sum(), (~part).sum())) for part in (train, test))
        if rare < MIN_FRAMES:
            left_out[f"{name} (presence)"] = (
                "always on the screen"
                if present.all()
                else f"need {MIN_FRAMES} frames with it and without it in the training and the "
                f"test part, the fewest are {rare}"
            )
            continue
        predicted = presence_predictions(features[split.train], train, features[split.test])
        scores[name] = balanced_accuracy(test, predicted)
    return scores, left_out
