"""The table of metrics: one entry for each number that a probe reports.

The probe, its report and JSON, the report page, model cards and the rows and tables of a benchmark
all follow it. A new metric is a pure function in :mod:`slotenv.probe.metrics` and one entry here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, NamedTuple

from slotenv.probe.metrics import slot_compactness, slot_modularity, weighted_modularity
from slotenv.probe.scores import ProbeScores


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
