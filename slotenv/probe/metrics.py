"""Accuracy as pure functions, and the table of what a probe reports of it and of other metrics.

Functions turn arrays into a float and raise ValueError where it is undefined. Slot accuracy is that
of Slot Contrastive Networks, https://arxiv.org/abs/2007.09294.

Reports, their JSON and the rows and tables of a benchmark all follow the table, :class:`Metrics`. A
new metric is a function and one entry there.
"""

from collections.abc import Callable
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import balanced_accuracy_score, r2_score

from slotenv import checks
from slotenv.probe.disentanglement import (
    slot_compactness,
    slot_importance,
    slot_modularity,
    variance_importance,
    weighted_modularity,
)

Floats = NDArray[np.floating[Any]]


def slot_accuracy(truth: Floats, prediction: Floats) -> float:
    """Mean R2 over labels: 1 is perfect, 0 is predicting the mean, worse is negative.

    Args:
        truth: (N, L) coordinates of test frames.
        prediction: (N, L) a regressor's output for the same frames.

    Raises:
        ValueError: If the shapes differ or a label has the same value in all frames.
    """
    return float(np.mean(label_accuracies(truth, prediction)))


def label_accuracies(truth: Floats, prediction: Floats) -> NDArray[np.float64]:
    """R2 of each label, (L,); arguments and errors as in :func:`slot_accuracy`."""
    checks.shape("truth", truth, "N", "L")
    checks.shape("prediction", prediction, *truth.shape)
    if constant := np.flatnonzero(np.ptp(truth, axis=0) == 0).tolist():
        raise ValueError(f"R2 is undefined for labels that never change: columns {constant}")
    return np.asarray(r2_score(truth.astype(np.float64), prediction, multioutput="raw_values"))


def balanced_accuracy(truth: NDArray[np.bool_], prediction: NDArray[np.bool_]) -> float:
    """Mean of the shares of present and of absent frames that are told right: 0.5 is chance.

    Args:
        truth: (N,) whether the object is there.
        prediction: (N,) whether a classifier says so.

    Raises:
        ValueError: If the object is always or never there.
    """
    if truth.all() or not truth.any():
        raise ValueError("balanced accuracy is undefined where an object is always or never there")
    return float(balanced_accuracy_score(truth, prediction))


class LabelScore(NamedTuple):
    """One label's outcome.

    Attributes:
        name: The label's.
        object: Its object's name.
        ols: Test R2 of least squares.
        ridge: Test R2 of ridge regression.
        coefficients: (K, D) of least squares.
        variance: (K,) what each slot adds to ridge's prediction in training, as
            :func:`slotenv.probe.slot_variance` gives it.
        points: Pairs (true, predicted by least squares).
    """

    name: str
    object: str
    ols: float
    ridge: float
    coefficients: NDArray[np.float64]
    variance: NDArray[np.float64]
    points: list[list[float]]


@dataclass(frozen=True, kw_only=True)
class ProbeScores:
    """What metrics are computed from; each raises ValueError where it is undefined.

    Attributes:
        labels: The scored labels.
        presence: Balanced accuracy of each object's presence.
        named: The scored labels where the slots are put into the order of the objects; None if the
            encoder does not say where its slots are.
    """

    labels: list[LabelScore]
    presence: dict[str, float]
    named: list[LabelScore] | None = None

    @property
    def importance(self) -> NDArray[np.float64]:
        """(P, K) as :func:`slot_importance` returns it."""
        coefficients = np.stack([score.coefficients for score in self._scored()])
        return slot_importance(coefficients, [score.object for score in self.labels])

    @property
    def variance(self) -> NDArray[np.float64]:
        """(P, K) as :func:`variance_importance` returns it."""
        variance = np.stack([score.variance for score in self._scored()])
        return variance_importance(variance, [score.object for score in self.labels])

    def mean_accuracy(self, regressor: str) -> float:
        """Return the mean R2 of ``"ols"`` or ``"ridge"``."""
        return float(np.mean([getattr(score, regressor) for score in self._scored()]))

    def mean_presence(self) -> float:
        """Return the mean over objects."""
        if not self.presence:
            raise ValueError("no object both comes and goes often enough")
        return float(np.mean(list(self.presence.values())))

    def named_accuracy(self) -> float:
        """Return the mean R2 of ridge where the slots are in the order of the objects."""
        if self.named is None:
            raise ValueError("the encoder does not say where its slots are (boxes)")
        self._scored()
        return float(np.mean([score.ridge for score in self.named]))

    def _scored(self) -> list[LabelScore]:
        if not self.labels:
            raise ValueError("no label could be scored")
        return self.labels


class Metric(NamedTuple):
    """How a metric is computed and shown.

    Attributes:
        title: Its name in the report.
        meaning: What its values mean.
        compute: From a probe's scores to the number; raises ValueError where it is undefined.
        digits: Decimals that tables show.
        views: Label views that have it.
        by_game: Whether a benchmark sets it in a table game by game; if not, it is a column of the
            table of means over games.
    """

    title: str
    meaning: str
    compute: Callable[[ProbeScores], float]
    digits: int = 4
    views: tuple[str, ...] = ("scn", "pixel")
    by_game: bool = False


def _entry(*args: Any, default: Any = MISSING, **options: Any) -> Any:
    return field(default=default, metadata={"metric": Metric(*args, **options)})


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """A probe's numbers under the names that JSON and rows use; None where one is undefined.

    Files of earlier versions lack a new metric: give its entry ``default=None``.
    """

    accuracy: float | None = _entry(
        "slot accuracy",
        "R² of least squares, mean over labels: 1 perfect, 0 chance.",
        lambda scores: scores.mean_accuracy("ols"),
        digits=3,
        by_game=True,
    )
    ridge_accuracy: float | None = _entry(
        "with ridge",
        "the same with a penalty against overfitting, its strength chosen on separate frames.",
        lambda scores: scores.mean_accuracy("ridge"),
        digits=3,
        by_game=True,
    )
    named_accuracy: float | None = _entry(
        "named",
        "with ridge, after each frame's slots were put into the order of the true objects: what "
        "a perfect order would get.",
        ProbeScores.named_accuracy,
        digits=3,
        views=("pixel",),
        by_game=True,
        default=None,
    )
    presence_accuracy: float | None = _entry(
        "presence",
        "balanced accuracy of telling whether an object is there: 1 perfect, 0.5 chance.",
        ProbeScores.mean_presence,
        digits=3,
        views=("pixel",),
        by_game=True,
    )
    modularity: float | None = _entry(
        "modularity",
        "1: each slot serves one object. 0: each slot serves all objects alike.",
        lambda scores: slot_modularity(scores.importance),
    )
    weighted_modularity: float | None = _entry(
        "weighted modularity",
        "the same, with slots that nothing relies on counting less.",
        lambda scores: weighted_modularity(scores.importance),
    )
    compactness: float | None = _entry(
        "compactness",
        "1: each object sits in one slot. 0: it is spread evenly over all slots.",
        lambda scores: slot_compactness(scores.importance),
    )
    variance_modularity: float | None = _entry(
        "modularity by variance",
        "weighted modularity, a slot counting by the variance that it adds to ridge's predictions.",
        lambda scores: weighted_modularity(scores.variance),
        default=None,
    )
    variance_compactness: float | None = _entry(
        "compactness by variance",
        "compactness, a slot counting by the variance that it adds to ridge's predictions.",
        lambda scores: slot_compactness(scores.variance),
        default=None,
    )


METRICS: dict[str, Metric] = {entry.name: entry.metadata["metric"] for entry in fields(Metrics)}
"""Metrics by name, in the order of tables."""
ALWAYS_THERE = [entry.name for entry in fields(Metrics) if entry.default is MISSING]
"""Those that every file has."""


def metrics_of(view: str) -> dict[str, Metric]:
    """Return the metrics of a label view by name."""
    return {name: metric for name, metric in METRICS.items() if view in metric.views}
