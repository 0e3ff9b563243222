"""A row of a benchmark: what was measured of one cell, or why it could not be."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, NotRequired

from pydantic import AfterValidator
from typing_extensions import TypedDict

from slotenv import records
from slotenv.probe import METRICS, ProbeReport
from slotenv.probe.table import ALWAYS_THERE
from slotenv.records import Count, Text

ROWS_FILE, FAILED_FILE = "rows.jsonl", "failed.json"
Row = dict[str, Any]


class Cell(TypedDict):
    """How a cell was made, in every kind of row."""

    __pydantic_config__ = records.STRICT  # type: ignore[misc]

    method: Text
    title: Text
    settings: dict[str, Any]
    game: Text
    seed: Count
    frames: Count
    frames_preset: NotRequired[Text]
    updates: Count
    batch_size: NotRequired[Count | None]
    run_length: NotRequired[Count | None]
    probe_frames: Count
    identity: Text
    slotenv: NotRequired[Text]
    time: NotRequired[Text]


_COLUMNS: dict[str, Any] = dict.fromkeys(METRICS, float | None)
_Metrics: Any = TypedDict("_Metrics", _COLUMNS, total=False)  # type: ignore[misc]


class Scores(_Metrics, total=False):
    """What a probe measured, in every kind of row."""

    __pydantic_config__ = records.STRICT  # type: ignore[misc]

    view: Text
    num_slots: Count
    accuracy_by_label: dict[Text, float]
    ridge_by_label: dict[Text, float]
    presence_by_object: dict[Text, float]
    undefined: dict[Text, Text]
    counts: dict[Text, Count]


class _Fields(Cell, Scores):  # type: ignore[misc]
    probe_seed: NotRequired[Count]
    command: NotRequired[Text]
    snapshot: NotRequired[bool]
    train_seconds: NotRequired[float | None]
    probe_seconds: NotRequired[float]
    device: NotRequired[Text]
    failed: NotRequired[Text]
    details: NotRequired[Text]


def measured(report: ProbeReport) -> Row:
    """Return what rows keep of a report."""
    kept = Scores.__annotations__
    return {name: value for name, value in report.to_dict().items() if name in kept}


_MEASURED = ("view", "snapshot", *ALWAYS_THERE, "accuracy_by_label", "ridge_by_label")


def _complete(row: _Fields) -> _Fields:
    missing = [name for name in _MEASURED if "failed" not in row and name not in row]
    if missing:
        raise ValueError(f"no row of a benchmark: it lacks {', '.join(missing)}")
    return row


_Row = Annotated[_Fields, AfterValidator(_complete)]


def read_row_file(path: Path) -> list[Row]:
    """Read the rows of one file.

    Raises:
        FileNotFoundError: If there is no such file.
        Damaged: If a line is no row; the message names it.
    """
    remedy = "delete that line, and run the benchmark again for what it held"
    rows: Any = records.read_lines(path, _Row, remedy=remedy)
    found: list[Row] = rows
    return found
