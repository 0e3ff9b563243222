"""Scores of single labels: which can be scored, and how well each is read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from slotenv.labels import GameLabels, LabelValues
from slotenv.probe.dataset import Split
from slotenv.probe.metrics import balanced_accuracy, label_accuracies, slot_importance
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
    """One label's outcome; ``coefficients`` are (F,), ``points`` pairs (true, predicted)."""

    name: str
    object: str
    ols: float
    ridge: float
    coefficients: NDArray[np.float64]
    points: list[list[float]]


@dataclass(frozen=True, kw_only=True)
class ProbeScores:
    """What metrics are computed from.

    Attributes:
        labels: The scored labels.
        presence: Balanced accuracy of each object's presence.
        shape: K and D of the slots.
    """

    labels: list[LabelScore]
    presence: dict[str, float]
    shape: tuple[int, int]

    @property
    def importance(self) -> NDArray[np.float64]:
        """(P, K) as :func:`slot_importance` returns it; ValueError if it is undefined."""
        coefficients = np.stack([score.coefficients for score in self._scored()])
        return slot_importance(
            coefficients.reshape(-1, *self.shape), [score.object for score in self.labels]
        )

    def mean_accuracy(self, regressor: str) -> float:
        """Return the mean R2 of ``"ols"`` or ``"ridge"``; ValueError without labels."""
        return float(np.mean([getattr(score, regressor) for score in self._scored()]))

    def mean_presence(self) -> float:
        """Return the mean over objects; ValueError without any."""
        if not self.presence:
            raise ValueError("no object both comes and goes often enough")
        return float(np.mean(list(self.presence.values())))

    def _scored(self) -> list[LabelScore]:
        if not self.labels:
            raise ValueError("no label could be scored")
        return self.labels


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
        for column, score in _score_group(labels, columns, truth, standard, split)
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
    standard: Standardised,
    split: Split,
) -> Iterator[tuple[int, LabelScore]]:
    present = truth.presence[:, columns[0]]
    train, validation, test = (
        part[present[part]] for part in (split.train, split.validation, split.test)
    )
    train_x, validation_x, test_x = (standard.features[p] for p in (train, validation, test))
    train_y, validation_y, test_y = (
        truth.values[part][:, columns] for part in (train, validation, test)
    )
    coefficients = np.zeros((len(columns), standard.varying.size))
    ols, coefficients[:, standard.varying] = ols_predictions(train_x, train_y, test_x)
    ridge = ridge_predictions(train_x, train_y, validation_x, validation_y, test_x)
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
