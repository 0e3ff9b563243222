"""Rows of a benchmark: what was measured of each cell, or why it could not be."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, NamedTuple, NotRequired, get_type_hints

from pydantic import AfterValidator
from typing_extensions import TypedDict

from pretrain.methods import METHODS
from slotenv import records
from slotenv.probe import METRICS, ProbeReport
from slotenv.probe.metrics import ALWAYS_THERE
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
    frames_preset: Text
    updates: Count
    batch_size: Count | None
    run_length: Count | None
    probe_frames: Count
    identity: Text
    slotenv: NotRequired[Text]
    time: NotRequired[Text]


_BY_NAME = ("accuracy_by_label", "ridge_by_label", "presence_by_object", "undefined")
_TYPES: Any = get_type_hints(ProbeReport, include_extras=True) | {"counts": dict[Text, Count]}
_KEPT = {name: _TYPES[name] for name in (*METRICS, "view", "num_slots", *_BY_NAME, "counts")}
Measured: Any = TypedDict("Measured", _KEPT, total=False)  # type: ignore[misc]
"""What a probe measured, in every kind of row: fields of its report."""


class _Fields(Cell, Measured):
    probe_seed: NotRequired[Count]
    command: NotRequired[Text]
    snapshot: NotRequired[bool]
    train_seconds: NotRequired[float | None]
    probe_seconds: NotRequired[float]
    device: NotRequired[Text]
    failed: NotRequired[Text]
    details: NotRequired[Text]


def _complete(row: _Fields) -> _Fields:
    needed = ("view", "snapshot", *ALWAYS_THERE, "accuracy_by_label", "ridge_by_label")
    missing = [name for name in needed if name not in row]
    if missing and "failed" not in row:
        raise ValueError(f"no row of a benchmark: it lacks {', '.join(missing)}")
    return row


_Row: Any = Annotated[_Fields, AfterValidator(_complete)]


def measured(report: ProbeReport) -> Row:
    """Return what rows keep of a report."""
    return {name: value for name, value in report.to_dict().items() if name in _KEPT}


def read_row_file(path: Path) -> list[Row]:
    """Read the rows of one file."""
    remedy = "delete that line, and run the benchmark again for what it held"
    return records.read_lines(path, _Row, remedy=remedy)


def read_rows(paths: Iterable[Path]) -> list[Row]:
    """Read the rows of several files, sorted, each once.

    A later file wins over an earlier one, and a measured row over a failed one. An empty file is a
    ValueError.
    """
    kept: dict[tuple[Any, ...], Row] = {}
    for path in paths:
        rows = read_row_file(path)
        if not rows:
            raise ValueError(f"{path} holds no rows: name a file that bench has written")
        for row in rows:
            what = row.get("view"), row.get("snapshot"), row["updates"], "failed" in row
            kept[row["identity"], *what] = row
    done = {row["identity"] for row in kept.values() if "failed" not in row}
    rows = [r for r in kept.values() if "failed" not in r or r["identity"] not in done]
    return sorted(rows, key=_place)


def gather_rows(out: Path) -> list[Row]:
    """Collect the rows of all cells under a folder into its ``rows.jsonl``, and return them."""
    rows = read_rows(sorted([*out.glob(f"*/*/{ROWS_FILE}"), *out.glob(f"*/*/{FAILED_FILE}")]))
    for row in rows:
        row.pop("details", None)  # a traceback is for the cell's own folder
    records.write_lines(out / ROWS_FILE, rows)
    return rows


class Budget(NamedTuple):
    """What rows must share to stand in one table."""

    updates: int
    batch_size: int | None
    run_length: int | None
    frames: int
    probe_frames: int
    frames_preset: str

    @property
    def untrained(self) -> Budget:
        """That of rows without training whose numbers compare with these."""
        return self._replace(updates=0, batch_size=None, run_length=None, frames=0)

    def __str__(self) -> str:
        probe = f"probed on {self.probe_frames:,}"
        if not self.updates:
            return f"no updates, {probe} frames"
        runs = "" if self.run_length == 1 else f" in runs of {self.run_length}"
        frames = "" if self.frames_preset == "scn" else f" of preset {self.frames_preset}"
        return (
            f"{self.updates:,} updates of {self.batch_size} pairs{runs}, {self.frames:,} "
            f"frames{frames}, {probe}"
        )


def budget_of(row: Row) -> Budget:
    """Return the budget of a row; of a snapshot, with the updates up to then."""
    budget = Budget(*(row[name] for name in Budget._fields))
    return budget.untrained if row["batch_size"] is None else budget


def budgets(rows: Iterable[Row]) -> list[Budget]:
    """Return the budgets of rows, the largest first.

    Untrained rows have one of their own where no trained row was probed like them.
    """
    found = {budget_of(row) for row in rows if not row.get("snapshot")}
    found -= {budget.untrained for budget in found if budget != budget.untrained}
    return sorted(found, key=lambda budget: (-budget.updates, *map(str, budget)))


def repeats(rows: Iterable[Row]) -> dict[Budget, Budget]:
    """Return the budgets whose trainings are some of another's but for run length, with that one.

    They are there to compare ways of drawing pairs, and need no tables of their own.
    """
    trainings: dict[Budget, set[tuple[str, str, int]]] = {}
    for row in rows:
        if not row.get("snapshot"):
            training = row["title"], row["game"], row["seed"]
            trainings.setdefault(budget_of(row), set()).add(training)
    found = {}
    for budget, own in trainings.items():
        others = [
            other
            for other, theirs in trainings.items()
            if other._replace(run_length=budget.run_length) == budget and own < theirs
        ]
        if others:
            found[budget] = max(others, key=lambda other: len(trainings[other]))
    return found


def rows_of(rows: Iterable[Row], budget: Budget) -> list[Row]:
    """Return a budget's rows without snapshots, and the untrained rows that stand beside them."""
    of_both = (budget, budget.untrained)
    return [row for row in rows if not row.get("snapshot") and budget_of(row) in of_both]


def is_variant(row: Row) -> bool:
    """Tell whether a row's settings are others than its method's own: one of a sweep."""
    method = METHODS.get(row["method"])  # one from outside has no others: it brings its settings
    return method is not None and row["settings"] != method.settings


def _place(row: Row) -> tuple[Any, ...]:
    settings = json.dumps(row["settings"], sort_keys=True)
    made = row["game"], row["method"], settings, row["seed"], bool(row.get("snapshot"))
    return (*made, row["updates"], row.get("view", ""), row["identity"])
