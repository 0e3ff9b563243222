"""What a run folder holds, read once; everything but the encoder may be missing."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from pretrain.metrics_log import read_metrics
from pretrain.store import FrameStore
from slotenv.encoders import SlotEncoder
from slotenv.probe import ProbeReport

OURS, UNTRAINED = "SCN", "untrained"
"""Names of probe rows: the pretrained encoder and the same encoder before any update."""


@dataclass(frozen=True, kw_only=True)
class ProbeRow:
    """One probe of one encoder.

    Attributes:
        name: What was probed, e.g. :data:`OURS`; rows of one name differ in the seed.
        seed: Probe seed.
        updates: Updates the encoder was trained for.
        train_seconds: How long that took.
        report: The outcome.
    """

    name: str
    seed: int
    updates: int
    train_seconds: float | None
    report: ProbeReport


@dataclass(frozen=True, kw_only=True)
class CurvePoint:
    """Probe accuracy of a snapshot taken during training."""

    updates: int
    train_seconds: float | None
    accuracy: float
    ridge_accuracy: float


@dataclass(frozen=True, kw_only=True)
class RunFolder:
    """A run folder in memory.

    Attributes:
        config: ``config.json``, empty if missing.
        metrics: Rows of ``metrics.jsonl``.
        encoder: The pretrained encoder.
        store: The probe's frames, else the ones of pretraining, else None.
        rows: Probe rows, empty if there was no probe.
        curve: Accuracy over training, ordered by updates.
    """

    config: dict[str, Any]
    metrics: list[dict[str, Any]]
    encoder: SlotEncoder
    store: FrameStore | None
    rows: list[ProbeRow]
    curve: list[CurvePoint]

    @property
    def env_id(self) -> str:
        """The environment as the user named it."""
        return str(self.config.get("env_id") or self.encoder.provenance.get("env_id") or "unknown")

    @property
    def game(self) -> str | None:
        """Name of the Atari game, None for another environment."""
        return self.config.get("game")

    @property
    def best_rows(self) -> list[ProbeRow]:
        """Probe rows of the pretrained encoder; of the first name there is, where that has none."""
        names = [row.name for row in self.rows]
        name = OURS if OURS in names else names[0] if names else None
        return [row for row in self.rows if row.name == name]


def read_run(folder: Path) -> RunFolder:
    """Read a run folder.

    Raises:
        ValueError: If it has no encoder or holds a file that is damaged; the message says which.
    """
    encoder_folder = folder / "encoder"
    if not encoder_folder.is_dir():
        raise ValueError(
            f"{folder} has no encoder/, so there is nothing to report: train first "
            "(the folder appears when training has ended)"
        )
    try:
        encoder = SlotEncoder.from_pretrained(encoder_folder)
    except FileNotFoundError as error:
        raise ValueError(f"{encoder_folder} is incomplete: {error}") from error
    store = next(
        (
            FrameStore(folder / "data" / name)
            for name in ("probe", "pretrain")
            if (folder / "data" / name / "data.json").is_file()
        ),
        None,
    )
    rows, curve = _parse_probe(_read_json(folder / "probe.json"), folder)
    return RunFolder(
        config=_read_json(folder / "config.json"),
        metrics=read_metrics(folder),
        encoder=encoder,
        store=store,
        rows=rows,
        curve=curve,
    )


def _parse_probe(content: dict[str, Any], folder: Path) -> tuple[list[ProbeRow], list[CurvePoint]]:
    row_fields = [field.name for field in fields(ProbeRow)]
    point_fields = [field.name for field in fields(CurvePoint)]
    try:
        rows = [
            ProbeRow(
                **{name: row[name] for name in row_fields}
                | {"report": ProbeReport.from_dict(row["report"])}
            )
            for row in content.get("rows", [])
        ]
        curve = [
            CurvePoint(**{name: point[name] for name in point_fields})
            for point in content.get("curve", [])
            if point["accuracy"] is not None and point["ridge_accuracy"] is not None
        ]
    except (TypeError, KeyError, ValueError) as error:
        raise ValueError(
            f"{folder / 'probe.json'} is damaged or from another version ({error}): "
            "delete it and probe again"
        ) from error
    return rows, sorted(curve, key=lambda point: point.updates)


def _read_json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not valid JSON ({error}): delete it and run again") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} must hold a JSON object, not a {type(content).__name__}")
    return content
