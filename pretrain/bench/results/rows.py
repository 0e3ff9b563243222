"""Rows: gathered from the cells, written as JSON lines, read back and checked."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pretrain.bench.results.row import FAILED_FILE, ROWS_FILE, Row, read_row_file
from slotenv import records


def gather_rows(out: Path) -> list[Row]:
    """Collect the rows of all cells under a folder into its ``rows.jsonl``, and return them."""
    files = [*out.glob(f"*/*/{ROWS_FILE}"), *out.glob(f"*/*/{FAILED_FILE}")]
    rows = read_rows(sorted(files))
    for row in rows:
        row.pop("details", None)  # a traceback is for the cell's own folder
    records.write_lines(out / ROWS_FILE, rows)
    return rows


def read_rows(paths: Iterable[Path]) -> list[Row]:
    """Read rows of several files, check them, sort them, and keep each once.

    A later file wins over an earlier one, and a row that was measured over one that failed.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a file is empty or a line is no row; the message names it.
    """
    kept: dict[tuple[Any, ...], Row] = {}
    for path in paths:
        rows = read_row_file(path)
        if not rows:
            raise ValueError(f"{path} holds no rows: name a file that bench has written")
        kept |= {_key(row): row for row in rows}
    measured = {row["identity"] for row in kept.values() if "failed" not in row}
    rows = [r for r in kept.values() if "failed" not in r or r["identity"] not in measured]
    return sorted(rows, key=_order)


def _key(row: Row) -> tuple[Any, ...]:
    return row["identity"], row.get("view"), row.get("snapshot"), row["updates"], "failed" in row


def _order(row: Row) -> tuple[Any, ...]:
    settings = json.dumps(row["settings"], sort_keys=True)
    snapshot = bool(row.get("snapshot"))
    place: Sequence[Any] = (row["game"], row["method"], settings, row["seed"], snapshot)
    return (*place, row["updates"], row.get("view", ""), row["identity"])
