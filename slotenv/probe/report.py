"""What a probe found, as plain values that survive JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from slotenv import markdown, records
from slotenv.probe.table import Metrics, metrics_of
from slotenv.records import Count, Text


@dataclass(frozen=True, kw_only=True)
class ProbeCounts:
    """What went into a probe, and what was taken out.

    Attributes:
        train: Training frames.
        validation: Validation frames.
        test: Test frames that were scored.
        duplicates: Test frames dropped because their bytes occur in the other parts.
        constant_dims: Feature dimensions dropped because they are constant in training.
        dead_slots: Slots all of whose dimensions were dropped.
        episodes: Episodes that the frames come from.
    """

    __pydantic_config__ = records.STRICT

    train: Count
    validation: Count
    test: Count
    duplicates: Count
    constant_dims: Count
    dead_slots: Count
    episodes: Count


@dataclass(frozen=True, kw_only=True)
class ProbeReport(Metrics):
    """Outcome of :func:`slotenv.probe.run_probe`. No field holds NaN: undefined is None.

    Its numbers are those of :class:`slotenv.probe.Metrics`: ``accuracy``, ``modularity``, ...

    Attributes:
        game: Lower-case game name.
        view: Label view, ``"scn"`` or ``"pixel"``.
        accuracy_by_label: Test R2 of least squares.
        ridge_by_label: Test R2 of ridge regression.
        object_by_label: Object of each scored label.
        presence_by_object: Balanced accuracy of presence (``pixel`` view).
        undefined: Metric that is None to the reason.
        left_out: Label that is not scored to the reason.
        importance: (P, K) rows sum to 1; empty if undefined.
        object_names: Object of each row of ``importance``.
        num_slots: K.
        slot_dim: D.
        counts: Frames and dimensions that went in.
        shuffled: Whether labels were shuffled, as a control.
        seed: Seed of the shuffling.
        points: Label to up to 400 pairs (true value, least squares' prediction) from test frames.
    """

    __pydantic_config__ = records.STRICT

    game: Text
    view: Text
    accuracy_by_label: dict[Text, float]
    ridge_by_label: dict[Text, float]
    object_by_label: dict[Text, Text]
    presence_by_object: dict[Text, float]
    undefined: dict[Text, Text]
    left_out: dict[Text, Text]
    importance: list[list[float]]
    object_names: list[Text]
    num_slots: Count
    slot_dim: Count
    counts: ProbeCounts
    shuffled: bool
    seed: Count
    points: dict[Text, list[list[float]]]

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> ProbeReport:
        """Rebuild a report from :meth:`to_dict`; an unknown or missing field is a ValueError."""
        remedy = "probe again"
        return records.check(fields, cls, where="a probe report", remedy=remedy)

    def to_markdown(self) -> str:
        """Return a table of the labels, what was left out, and a summary line."""
        rows = [
            [name, self.object_by_label[name], _show(r2), _show(self.ridge_by_label[name])]
            for name, r2 in self.accuracy_by_label.items()
        ]
        means = (f"**{_show(mean)}**" for mean in (self.accuracy, self.ridge_accuracy))
        rows.append(["**mean**", "", *means])
        lines = markdown.table(["label", "object", "R2", "R2 (ridge)"], rows, words=2)
        if self.presence_by_object:
            rows = [[name, _show(share)] for name, share in self.presence_by_object.items()]
            lines += ["", *markdown.table(["object", "presence (balanced accuracy)"], rows)]
        notes = [f"- not scored: {name}: {why}" for name, why in self.left_out.items()]
        notes += [f"- undefined: {name}: {why}" for name, why in self.undefined.items()]
        return "\n".join([*lines, *(["", *notes] if notes else []), "", self.summary()])

    def summary(self) -> str:
        """Return the numbers in one line."""
        counts = self.counts
        numbers = ", ".join(
            f"{metric.title} {_show(getattr(self, name), metric.digits)}"
            for name, metric in metrics_of(self.view).items()
        )
        return (
            f"{self.game} ({self.view} labels{', shuffled' if self.shuffled else ''}): "
            f"{numbers}; "
            f"{self.num_slots} slots x {self.slot_dim}, {counts.dead_slots} dead, "
            f"{counts.constant_dims} constant dimensions; "
            f"{counts.train} + {counts.validation} + {counts.test} frames, "
            f"{counts.duplicates} duplicates dropped."
        )


def _show(value: float | None, digits: int = 3) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
