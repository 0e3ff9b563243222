"""Rows that a study leaves, one a line, with a table beside them; a stopped study goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from slotenv import records
from slotenv.atomic import write_atomic

Row = dict[str, Any]


def read(path: Path | None, kind: Any) -> list[Row]:
    """Return the rows of a file, none if there is no file.

    Args:
        path: The file, or None.
        kind: A typed dictionary of what rows must have.

    Raises:
        SystemExit: If a line is no such row; the message names it.
    """
    if path is None or not path.exists():
        return []
    try:
        rows: list[Row] = records.read_lines(path, kind, remedy="mend or delete that line")
    except records.Damaged as error:
        raise SystemExit(str(error)) from error
    return rows


def append(path: Path, row: Row) -> None:
    """Add a row at the end of a file, which is made if there is none."""
    with open(path, "a", encoding="utf-8") as file:
        file.write(records.dumps(row) + "\n")


def write_table(rows: Path, text: str) -> None:
    """Write a table beside its rows, as .md."""
    write_atomic(rows.with_suffix(".md"), text.rstrip("\n") + "\n")


def shown(score: float | None) -> str:
    """Return a score with three digits."""
    return "-" if score is None else f"{score:.3f}"
