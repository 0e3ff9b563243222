"""``probe.json`` of a run folder: what was measured of its encoders."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from slotenv import records
from slotenv.probe import ProbeReport
from slotenv.records import Count, Text

PROBE_FILE = "probe.json"


@dataclass(frozen=True, kw_only=True)
class ProbeRow:
    """One probe of one encoder.

    Attributes:
        key: What it is of: weights, data, view and controls; a row of the same key is not made
            again.
        name: What was probed, as tables show it; rows of one name differ in the seed.
        seed: Probe seed.
        updates: Updates the encoder was trained for.
        train_seconds: How long that took.
        report: The outcome.
    """

    __pydantic_config__ = records.STRICT

    name: Text
    seed: Count
    updates: Count
    train_seconds: float | None
    report: ProbeReport
    key: Text = ""


@dataclass(frozen=True, kw_only=True)
class CurvePoint:
    """Probe accuracy of a snapshot taken during training."""

    __pydantic_config__ = records.STRICT

    updates: Count
    train_seconds: float | None
    accuracy: float | None
    ridge_accuracy: float | None


@dataclass(frozen=True, kw_only=True)
class ProbeFile:
    """The content of the file.

    Attributes:
        rows: Of the trained encoder, the untrained one and the control.
        curve: Accuracy over training, ordered by updates.
        snapshots: The rows behind it.
    """

    __pydantic_config__ = records.STRICT

    rows: list[ProbeRow] = field(default_factory=list)
    curve: list[CurvePoint] = field(default_factory=list)
    snapshots: list[ProbeRow] = field(default_factory=list)


def read_probe(folder: Path) -> ProbeFile:
    """Read what a run folder holds, nothing if it was not probed.

    Raises:
        Damaged: If the file is damaged or of another version.
    """
    path = folder / PROBE_FILE
    if not path.exists():
        return ProbeFile()
    return records.read(path, ProbeFile, remedy="delete it and probe again")


def write_probe(folder: Path, content: ProbeFile) -> None:
    """Write it, in one instant."""
    records.write(folder / PROBE_FILE, content, indent=None)
