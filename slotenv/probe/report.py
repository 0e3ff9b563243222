"""What was found of slots and objects, as plain values that survive JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from slotenv import markdown, records
from slotenv.probe.metrics import Metrics, metrics_of
from slotenv.records import Count, Text


@dataclass(frozen=True, kw_only=True)
class ProbeCounts:
    """Frames to fit on, to choose the ridge strength on and to score, and what was taken out.

    Attributes:
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
        named_by_label: The same with slots in the order of the objects (``pixel`` view); empty for
            encoders without boxes.
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
    named_by_label: dict[Text, float] = field(default_factory=dict)  # files of before lack it

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> ProbeReport:
        """Rebuild a report from :meth:`to_dict`; an unknown or missing field is a ValueError."""
        return records.check(fields, cls, where="a probe report", remedy="probe again")

    def to_markdown(self) -> str:
        """Return a table of the labels, what was left out, and a summary line."""
        columns = {
            "R2": (self.accuracy_by_label, self.accuracy),
            "R2 (ridge)": (self.ridge_by_label, self.ridge_accuracy),
        }
        if self.named_by_label:
            columns["R2 (named)"] = self.named_by_label, self.named_accuracy
        rows = [
            [name, owner, *(_show(by_label[name]) for by_label, _ in columns.values())]
            for name, owner in self.object_by_label.items()
        ]
        rows.append(["**mean**", "", *(f"**{_show(mean)}**" for _, mean in columns.values())])
        lines = markdown.table(["label", "object", *columns], rows, words=2)
        if self.presence_by_object:
            rows = [[name, _show(share)] for name, share in self.presence_by_object.items()]
            lines += ["", *markdown.table(["object", "presence (balanced accuracy)"], rows)]
        lines += [""] if self.left_out or self.undefined else []
        lines += [f"- not scored: {name}: {why}" for name, why in self.left_out.items()]
        lines += [f"- undefined: {name}: {why}" for name, why in self.undefined.items()]
        return "\n".join([*lines, "", self.summary()])

    def summary(self) -> str:
        """Return the numbers in one line."""
        counts = self.counts
        numbers = ", ".join(
            f"{metric.title} {_show(getattr(self, name), metric.digits)}"
            for name, metric in metrics_of(self.view).items()
        )
        return (
            f"{self.game} ({self.view} labels{', shuffled' if self.shuffled else ''}): {numbers}; "
            f"{self.num_slots} slots x {self.slot_dim}, {counts.dead_slots} dead, "
            f"{counts.constant_dims} constant dimensions; "
            f"{counts.train} + {counts.validation} + {counts.test} frames, "
            f"{counts.duplicates} duplicates dropped."
        )


@dataclass(frozen=True, kw_only=True)
class Identity:
    """How well slots keep one object, or all objects together.

    Attributes:
        present: Frames in which the object is on the screen.
        assigned: Those of them in which a slot was found for it.
        changes: Those of them in which it is another slot than the last one in that episode.
        doubles: Those of them in which the last slot is still at the object and holds no other: the
            object lies in two slots, and now the other one is nearer.
        offset: x and y from the label's point to the slot's middle in pixels, as found; None for
            axes that were not looked at, and for all objects together.
    """

    present: Count
    assigned: Count
    changes: Count
    doubles: Count
    offset: tuple[float | None, float | None] = (None, None)

    @property
    def share(self) -> float | None:
        """Share of frames with the object in which it has a slot; None if it is never there."""
        return self.assigned / self.present if self.present else None

    @property
    def changes_per_thousand(self) -> float | None:
        """Changes per 1,000 assigned frames, 0 is best; None if it never has a slot."""
        return 1000 * self.changes / self.assigned if self.assigned else None

    def to_dict(self) -> dict[str, Any]:
        """Return the fields and both ratios as plain JSON values."""
        ratios = {"share": self.share, "changes_per_thousand": self.changes_per_thousand}
        return {**asdict(self), "offset": list(self.offset), **ratios}


@dataclass(frozen=True, kw_only=True)
class IdentityReport:
    """Outcome of :func:`slotenv.probe.identity.slot_identity`.

    Attributes:
        objects: By object's name.
        overall: All objects together: the sums of their frames and changes.
        num_slots: K.
        frames: N.
        episodes: Episodes that the frames come from.
        radius: In pixels.
        still_axes: Whether objects were taken to stand still along axes without a label.
    """

    objects: dict[Text, Identity]
    overall: Identity
    num_slots: Count
    frames: Count
    episodes: Count
    radius: float
    still_axes: bool

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain JSON values."""
        objects = {name: found.to_dict() for name, found in self.objects.items()}
        return {**asdict(self), "objects": objects, "overall": self.overall.to_dict()}


def _show(value: float | None, digits: int = 3) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
