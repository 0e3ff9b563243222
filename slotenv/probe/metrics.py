"""The paper's metrics as pure functions, and the table of what a probe reports of them.

Functions turn arrays into a float and raise ValueError where it is undefined. Their source is Slot
Contrastive Networks, https://arxiv.org/abs/2007.09294, after DCI (Eastwood and Williams, 2018).

Reports, their JSON and the rows and tables of a benchmark all follow the table, :class:`Metrics`. A
new metric is a function and one entry there.
"""

from collections.abc import Callable, Sequence
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import balanced_accuracy_score, r2_score

from slotenv import checks

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


def slot_importance(coefficients: Floats, objects: Sequence[str]) -> NDArray[np.float64]:
    """How much each object's regressors rely on each slot.

    Absolute coefficients are summed over a slot's dimensions, each label's row is normalised to 1,
    and the rows of an object's labels are averaged.

    Args:
        coefficients: (L, K, D) of linear regressors on standardised features.
        objects: Object of each label, length L.

    Returns:
        (P, K), rows sum to 1, objects in the order in which they first occur.

    Raises:
        ValueError: If the shapes do not fit or a label's coefficients are all zero.
    """
    checks.shape("coefficients", coefficients, "L", "K", "D")
    checks.shape("objects", objects, len(coefficients))
    weight = np.abs(coefficients.astype(np.float64)).sum(axis=2)  # (L, K)
    total = weight.sum(axis=1, keepdims=True)
    if unused := np.flatnonzero(total[:, 0] == 0).tolist():
        raise ValueError(f"no slot has any weight for labels {unused}: importance is undefined")
    rows = weight / total
    names = np.array(objects)
    return np.stack([rows[names == name].mean(axis=0) for name in dict.fromkeys(objects)])


def slot_compactness(importance: Floats) -> float:
    """How few slots each object is spread over: 1 is one slot an object, 0 is evenly over all.

    Args:
        importance: (P, K) nonnegative weight of slot k for object p.

    Raises:
        ValueError: If there is only one slot or an object with no weight at all.
    """
    return float(np.mean(_concentration(importance, of="object")[0]))


def slot_modularity(importance: Floats) -> float:
    """How few objects each slot serves: 1 is one object a slot, 0 is all objects alike.

    ``importance`` is as for :func:`slot_compactness`; a slot without any weight is left out of the
    mean.

    Raises:
        ValueError: If there is only one object or no slot has any weight.
    """
    return float(np.mean(_concentration(importance, of="slot")[0]))


def weighted_modularity(importance: Floats) -> float:
    """As :func:`slot_modularity`, each slot counted by its share of the total importance.

    The plain mean gives a slot that nothing relies on as much say as the slot that holds all.
    """
    concentration, weight = _concentration(importance, of="slot")
    return float(np.average(concentration, weights=weight))


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


def _concentration(
    importance: Floats, *, of: Literal["object", "slot"]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return 1 - H of each object over the slots, or the reverse, and what each weighs in all.

    The logarithm's base is the number of slots, or of objects; a slot without weight is left out.
    """
    checks.shape("importance", importance, "objects", "slots")
    rows = importance.astype(np.float64)
    if not np.isfinite(rows).all() or (rows < 0).any():
        raise ValueError("importance must be finite and not negative")
    measure, column, purpose = "compactness", "slot", "choose"
    if of == "slot":
        measure, column, purpose = "modularity", "object", "mix"
        rows = rows.T[rows.any(axis=0)] if rows.any() else rows.T
    if rows.shape[1] < 2:
        raise ValueError(
            f"slot {measure} is undefined for one {column}: there is nothing to {purpose}"
        )
    if empty := np.flatnonzero(~rows.any(axis=1)).tolist():
        raise ValueError(f"slot {measure} is undefined without weight on any {column}: {empty}")
    weight = rows.sum(axis=1)
    share = rows / weight[:, None]
    logs = np.log(share, out=np.zeros_like(share), where=share > 0)
    entropy = -np.sum(share * logs, axis=1) / np.log(rows.shape[1])
    return np.clip(1.0 - entropy, 0.0, 1.0), weight  # else -1e-16 if uniform


class LabelScore(NamedTuple):
    """One label's outcome; ``coefficients`` are (K, D), ``points`` pairs (true, predicted)."""

    name: str
    object: str
    ols: float
    ridge: float
    coefficients: NDArray[np.float64]
    points: list[list[float]]


@dataclass(frozen=True, kw_only=True)
class ProbeScores:
    """What metrics are computed from; each raises ValueError where it is undefined.

    Attributes:
        labels: The scored labels.
        presence: Balanced accuracy of each object's presence.
    """

    labels: list[LabelScore]
    presence: dict[str, float]

    @property
    def importance(self) -> NDArray[np.float64]:
        """(P, K) as :func:`slot_importance` returns it."""
        coefficients = np.stack([score.coefficients for score in self._scored()])
        return slot_importance(coefficients, [score.object for score in self.labels])

    def mean_accuracy(self, regressor: str) -> float:
        """Return the mean R2 of ``"ols"`` or ``"ridge"``."""
        return float(np.mean([getattr(score, regressor) for score in self._scored()]))

    def mean_presence(self) -> float:
        """Return the mean over objects."""
        if not self.presence:
            raise ValueError("no object both comes and goes often enough")
        return float(np.mean(list(self.presence.values())))

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


METRICS: dict[str, Metric] = {entry.name: entry.metadata["metric"] for entry in fields(Metrics)}
"""Metrics by name, in the order of tables."""
ALWAYS_THERE = [entry.name for entry in fields(Metrics) if entry.default is MISSING]
"""Those that every file has."""


def metrics_of(view: str) -> dict[str, Metric]:
    """Return the metrics of a label view by name."""
    return {name: metric for name, metric in METRICS.items() if view in metric.views}
