"""The verb ``bench``: run what is missing of the matrix, then render."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from statistics import fmean
from typing import TYPE_CHECKING

from rich.console import Console

from pretrain.bench.cell import cell_folder, failure, finished_rows
from pretrain.bench.data import drop_frames
from pretrain.bench.executors import Task, run_here, run_in_processes, tasks_of
from pretrain.bench.matrix import Cell, cells_of
from pretrain.bench.results.render import render
from pretrain.bench.results.row import FAILED_FILE, Row
from pretrain.bench.results.rows import gather_rows

if TYPE_CHECKING:
    from pretrain.verbs.bench import BenchConfig


def bench(config: BenchConfig) -> None:
    """Run the matrix, or go on with it.

    Raises:
        ValueError: If a game, method or setting is unknown; nothing was done then.
        RuntimeError: At the end, if cells failed.
        KeyboardInterrupt: On Ctrl-C; the same call goes on from there.
    """
    cells = cells_of(config)
    config.out.mkdir(parents=True, exist_ok=True)
    tally = Tally(config, cells)
    tally.say(f"{len(cells)} cells, {len(tally.rows)} of them done before")
    for cell in tally.missing:
        (cell_folder(config, cell) / FAILED_FILE).unlink(missing_ok=True)
    try:
        for task in _executor(config, tasks_of(tally.missing)):
            if not task.collects:
                _after(config, cells, tally, task.cells[0])
    finally:
        rows = gather_rows(config.out)
    print(f"tables: {render(rows, config.out)}")
    if tally.failed:
        raise RuntimeError(
            f"{len(tally.failed)} of {len(cells)} cells failed, tables.md says why: "
            f"{', '.join(map(str, tally.failed[:3]))}{' ...' if len(tally.failed) > 3 else ''}. "
            "The same command tries them again."
        )


def _executor(config: BenchConfig, tasks: list[Task]) -> Iterator[Task]:
    if config.ray is not None:
        from pretrain.bench.cluster import run_on_ray

        return run_on_ray(config, tasks)
    return run_here(config, tasks) if config.jobs == 1 else run_in_processes(config, tasks)


def _after(config: BenchConfig, cells: list[Cell], tally: Tally, cell: Cell) -> None:
    """Count a cell that has ended; after a game's last one, render and perhaps drop its frames."""
    tally.ended(cell)
    of_game = [other for other in cells if other.game == cell.game]
    if any(other in tally.missing for other in of_game):
        return
    render(gather_rows(config.out), config.out)
    if config.drop_frames and not any(other in tally.failed for other in of_game):
        drop_frames(config, cell.game)


class Tally:
    """Which cells are done, failed and missing, and how long the missing ones will take."""

    def __init__(self, config: BenchConfig, cells: list[Cell]) -> None:
        self._config = config
        self.rows: dict[Cell, list[Row]] = {}
        for cell in cells:
            if (rows := finished_rows(config, cell)) is not None:
                self.rows[cell] = rows
        self.missing = [cell for cell in cells if cell not in self.rows]
        self.failed: list[Cell] = []
        self._total = len(cells)
        self._console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
        self._began, self._seconds_done = time.monotonic(), 0.0

    def ended(self, cell: Cell) -> None:
        """Look what became of a cell and say so."""
        self.missing.remove(cell)
        rows = finished_rows(self._config, cell)
        if rows is None:
            self.failed.append(cell)
            outcome = f"failed: {(failure(self._config, cell) or {}).get('failed', 'unknown')}"
        else:
            self.rows[cell] = rows
            self._seconds_done += _seconds(rows)
            outcome = f"accuracy {_accuracy(rows)} in {_duration(_seconds(rows))}"
        failed = f", {len(self.failed)} failed" if self.failed else ""
        self.say(
            f"{cell}: {outcome}; {len(self.rows)} of {self._total} cells done{failed}"
            + (f", {_duration(left)} to go" if (left := self.seconds_to_go()) else "")
        )

    def seconds_to_go(self) -> float | None:
        """Estimate from what cells of the same method took; None before the first is done."""
        if not self.rows or not self.missing:
            return None
        times: dict[str, list[float]] = {}
        for cell, rows in self.rows.items():
            times.setdefault(cell.argument, []).append(_seconds(rows))
        mean = fmean(second for part in times.values() for second in part)
        work = sum(fmean(times.get(cell.argument, [mean])) for cell in self.missing)
        elapsed = time.monotonic() - self._began
        # Work that passes per second: several jobs at a time, less what frames and starting cost.
        pace = self._seconds_done / elapsed if self._seconds_done else float(self._config.jobs)
        return work / max(pace, 1e-9)

    def say(self, text: str) -> None:
        """Print a line of progress."""
        self._console.print(f"bench: {text}")
        sys.stderr.flush()


def _seconds(rows: list[Row]) -> float:
    probes = sum(row["probe_seconds"] for row in rows)
    return max(float(row["train_seconds"]) for row in rows) + float(probes)


def _accuracy(rows: list[Row]) -> str:
    value = next(r["accuracy"] for r in rows if r["view"] == "scn" and not r["snapshot"])
    return "-" if value is None else f"{value:.3f}"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} h"
