"""What a probe found, as plain values that survive JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from slotenv import records
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
class ProbeReport:
    """Outcome of :func:`slotenv.probe.run_probe`. No field holds NaN: undefined is None.

    Attributes:
        game: Lower-case game name.
        view: Label view, ``"scn"`` or ``"pixel"``.
        accuracy: Slot accuracy: mean test R2 of least squares over labels.
        ridge_accuracy: The same of ridge regression.
        accuracy_by_label: Test R2 of least squares.
        ridge_by_label: Test R2 of ridge regression.
        object_by_label: Object of each scored label.
        modularity: Slot modularity.
        weighted_modularity: Slot modularity, slots weighted by their importance.
        compactness: Slot compactness.
        presence_accuracy: Mean balanced accuracy of presence over objects (``pixel`` view).
        presence_by_object: The same by object.
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
    accuracy: float | None
    ridge_accuracy: float | None
    accuracy_by_label: dict[Text, float]
    ridge_by_label: dict[Text, float]
    object_by_label: dict[Text, Text]
    modularity: float | None
    weighted_modularity: float | None
    compactness: float | None
    presence_accuracy: float | None
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
        lines = ["| label | object | R2 | R2 (ridge) |", "|---|---|---|---|"]
        for name, accuracy in self.accuracy_by_label.items():
            ridge = self.ridge_by_label[name]
            lines.append(
                f"| {name} | {self.object_by_label[name]} | {accuracy:.3f} | {ridge:.3f} |"
            )
        lines.append(
            f"| **mean** | | **{_show(self.accuracy)}** | **{_show(self.ridge_accuracy)}** |"
        )
        if self.presence_by_object:
            lines += ["", "| object | presence (balanced accuracy) |", "|---|---|"]
            lines += [f"| {name} | {x:.3f} |" for name, x in self.presence_by_object.items()]
        notes = [f"- not scored: {name}: {why}" for name, why in self.left_out.items()]
        notes += [f"- undefined: {name}: {why}" for name, why in self.undefined.items()]
        return "\n".join([*lines, *(["", *notes] if notes else []), "", self.summary()])

    def summary(self) -> str:
        """Return the numbers in one line."""
        counts = self.counts
        return (
            f"{self.game} ({self.view} labels{', shuffled' if self.shuffled else ''}): "
            f"accuracy {_show(self.accuracy)} (ridge {_show(self.ridge_accuracy)}), "
            f"modularity {_show(self.modularity, 4)} "
            f"(weighted {_show(self.weighted_modularity, 4)}), "
            f"compactness {_show(self.compactness, 4)}; "
            f"{self.num_slots} slots x {self.slot_dim}, {counts.dead_slots} dead, "
            f"{counts.constant_dims} constant dimensions; "
            f"{counts.train} + {counts.validation} + {counts.test} frames, "
            f"{counts.duplicates} duplicates dropped."
        )


def _show(value: float | None, digits: int = 3) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
