"""Rows of a job of many measurements, kept in one file so that it goes on where it was stopped."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from slotenv import records

Row = dict[str, Any]


class MeasuredRows:
    """Rows by what was measured; those that are there need not be measured again.

    Args:
        path: File of JSON lines, read if it is there.
        kind: Declaration of a row. Its ``key`` tells the data behind a row from other data.
        by: Field that names what was measured.
        keep: Which of the rows that are there still count.

    Raises:
        Damaged: If a line is no such row; the message names it.
    """

    def __init__(
        self, path: Path, kind: Any, by: str, keep: Callable[[Row], bool] = lambda row: True
    ) -> None:
        self._path = path
        self._known: dict[str, list[Row]] = {}
        remedy = "delete that line and run again for what it held"
        for row in records.read_lines(path, kind, remedy=remedy) if path.exists() else []:
            if keep(row):
                self._known.setdefault(row[by], []).append(row)

    def has(self, name: str, key: str) -> bool:
        """Tell whether there are rows of a name, all of these data."""
        return {row["key"] for row in self._known.get(name, [])} == {key}

    def put(self, name: str, rows: list[Row]) -> None:
        """Replace the rows of a name, also in the file."""
        self._known[name] = rows
        records.write_lines(self._path, self.all())

    def all(self) -> list[Row]:
        """Return all rows, ordered by name."""
        return [row for name in sorted(self._known) for row in self._known[name]]
