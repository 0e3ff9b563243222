"""Rows: gathered from the cells, written as JSON lines, read back and checked."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pretrain.bench.cell import FAILED_FILE, ROWS_FILE, Row
from slotenv.atomic import write_atomic

_KINDS: dict[str, type | tuple[type, ...]] = {  # of every row
    "method": str,
    "title": str,
    "settings": dict,
    "game": str,
    "seed": int,
    "frames": int,
    "updates": int,
    "probe_frames": int,
    "identity": str,
}
_NUMBER = (int, float, type(None))
_MEASURED: dict[str, type | tuple[type, ...]] = {  # of a row that did not fail
    "view": str,
    "snapshot": bool,
    "accuracy": _NUMBER,
    "ridge_accuracy": _NUMBER,
    "modularity": _NUMBER,
    "weighted_modularity": _NUMBER,
    "compactness": _NUMBER,
    "presence_accuracy": _NUMBER,
    "accuracy_by_label": dict,
    "ridge_by_label": dict,
}


def gather_rows(out: Path) -> list[Row]:
    """Collect the rows of all cells under a folder into its ``rows.jsonl``, and return them."""
    files = [*out.glob(f"*/*/{ROWS_FILE}"), *out.glob(f"*/*/{FAILED_FILE}")]
    rows = read_rows(sorted(files))
    for row in rows:
        row.pop("details", None)  # a traceback is for the cell's own folder
    write_atomic(out / ROWS_FILE, "".join(json.dumps(row) + "\n" for row in rows))
    return rows


def read_rows(paths: Iterable[Path]) -> list[Row]:
    """Read rows of several files, check them, sort them, and keep each once.

    A later file wins over an earlier one, and a row that was measured over one that failed.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a line is no row; the message names it.
    """
    kept: dict[tuple[Any, ...], Row] = {}
    for path in paths:
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if line.strip():
                row = _checked(line, f"{path}, line {number}")
                kept[_key(row)] = row
    measured = {row["identity"] for row in kept.values() if "failed" not in row}
    rows = [r for r in kept.values() if "failed" not in r or r["identity"] not in measured]
    return sorted(rows, key=_order)


def _checked(line: str, where: str) -> Row:
    try:
        row: Row = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"{where}: no JSON ({error})") from error
    if not isinstance(row, dict):
        raise ValueError(f"{where}: a row is a JSON object, got {type(row).__name__}")
    kinds = _KINDS | ({} if "failed" in row else _MEASURED)
    for name, kind in kinds.items():
        if name not in row:
            raise ValueError(f"{where}: no row of a benchmark, it has no {name!r}")
        if not isinstance(row[name], kind):
            raise ValueError(f"{where}: {name!r} cannot be {row[name]!r}")
    return row


def _key(row: Row) -> tuple[Any, ...]:
    return row["identity"], row.get("view"), row.get("snapshot"), row["updates"], "failed" in row


def _order(row: Row) -> tuple[Any, ...]:
    settings = json.dumps(row["settings"], sort_keys=True)
    snapshot = bool(row.get("snapshot"))
    place: Sequence[Any] = (row["game"], row["method"], settings, row["seed"], snapshot)
    return (*place, row["updates"], row.get("view", ""), row["identity"])
