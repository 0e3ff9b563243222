"""Measurements that go on where they were stopped: rows in a file, and their table beside it."""

from pathlib import Path
from typing import Any

from slotenv import records
from slotenv.atomic import write_atomic

Row = dict[str, Any]


class MeasuredRows:
    """Rows of a file of JSON lines; what has rows there need not be measured again.

    Args:
        path: The file, read if it is there.
        kind: Declaration of a row.
        by: Field that names what was measured: new rows replace those of the same name, and all are
            ordered by it. None: new rows are added at the end.

    Attributes:
        rows: All rows.
    """

    def __init__(self, path: Path, kind: Any, by: str | None = None) -> None:
        self._path, self._by = path, by
        remedy = "delete that line and run again for what it held"
        self.rows: list[Row] = (
            records.read_lines(path, kind, remedy=remedy) if path.exists() else []
        )

    def having(self, **facts: Any) -> list[Row]:
        """Return the rows with these values."""
        return [row for row in self.rows if facts.items() <= row.items()]

    def put(self, rows: list[Row]) -> None:
        """Add rows, also to the file."""
        if (by := self._by) is None:
            self.rows += rows
        else:
            names = {row[by] for row in rows}
            kept = [row for row in self.rows if row[by] not in names]
            self.rows = sorted([*kept, *rows], key=lambda row: str(row[by]))
        records.write_lines(self._path, self.rows)

    def write_table(self, text: str) -> Path:
        """Write a table beside the rows, as ``.md``, and return its path."""
        table = self._path.with_suffix(".md")
        write_atomic(table, text)
        return table
