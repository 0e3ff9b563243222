"""The verb ``tables``: tables and plots of rows that are there."""

from dataclasses import dataclass
from pathlib import Path

import tyro

from pretrain.config import Flags


@dataclass(frozen=True, kw_only=True)
class TablesConfig(Flags):
    """Render tables.md and plots from rows that bench wrote, of one or of several files."""

    rows: tyro.conf.Positional[tuple[Path, ...]]
    """Files of rows (JSON lines)."""
    out: Path
    """Folder for tables.md and the plots, made if missing."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.rows:
            raise ValueError("name at least one file of rows, such as runs/bench/rows.jsonl")

    def __call__(self, command: list[str]) -> None:
        """Render, and print where the tables lie."""
        from pretrain.bench.results.render import render
        from pretrain.bench.results.rows import read_rows

        print(f"tables: {render(read_rows(self.rows), self.out)}")
