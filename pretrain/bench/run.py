"""The verb ``bench``: run what is missing of the matrix, then render."""

from __future__ import annotations

import time
from collections.abc import Iterator
from statistics import fmean

from pretrain.bench.cell import failure, finished_rows
from pretrain.bench.executors import run_here, run_in_processes
from pretrain.bench.matrix import Cell, cells_of, drop_frames
from pretrain.bench.results.render import render
from pretrain.bench.results.rows import FAILED_FILE, Row, gather_rows
from pretrain.config import BenchConfig
from pretrain.drawing.estimate import number
from pretrain.runtime.progress import say
from pretrain.training.data_parallel import check_devices


def bench(config: BenchConfig) -> None:
    """Run the matrix, or go on with it.

    Raises:
        ValueError: If a game, method or setting is unknown, or there are too few devices; nothing
            was done then.
        RuntimeError: At the end, if cells failed.
        KeyboardInterrupt: On Ctrl-C; the same call goes on from there.
    """
    cells = cells_of(config)
    if config.devices > 1 and config.ray is None:
        check_devices(config)  # now, not after frames are collected
    config.out.mkdir(parents=True, exist_ok=True)
    tally = _Tally(config, cells)
    say("bench", f"{len(cells)} cells, {len(tally.rows)} of them done before")
    for cell in tally.missing:
        (cell.folder(config) / FAILED_FILE).unlink(missing_ok=True)
    try:
        for cell in _executed(config, list(tally.missing)):
            tally.count(cell)
            of_game = {other for other in cells if other.game == cell.game}
            if of_game.isdisjoint(tally.missing):
                render(gather_rows(config.out), config.out)
                if config.drop_frames and of_game.isdisjoint(tally.failed):
                    drop_frames(config, cell.game)
    finally:
        rows = gather_rows(config.out)
    print(f"tables: {render(rows, config.out)}")
    if tally.failed:
        raise RuntimeError(
            f"{len(tally.failed)} of {len(cells)} cells failed, tables.md says why: "
            f"{', '.join(map(str, tally.failed[:3]))}{' ...' if len(tally.failed) > 3 else ''}. "
            "The same command tries them again."
        )


def _executed(config: BenchConfig, cells: list[Cell]) -> Iterator[Cell]:
    """Run cells as the flags say, and yield each when it has ended."""
    if config.ray is not None:
        from pretrain.bench.cluster import run_on_ray

        return run_on_ray(config, cells)
    return run_here(config, cells) if config.jobs == 1 else run_in_processes(config, cells)


class _Tally:
    """Which cells are done, failed and missing, and how long the missing ones will take."""

    def __init__(self, config: BenchConfig, cells: list[Cell]) -> None:
        self._config, self._total = config, len(cells)
        found = {cell: finished_rows(config, cell) for cell in cells}
        self.rows = {cell: rows for cell, rows in found.items() if rows is not None}
        self.missing = [cell for cell in cells if cell not in self.rows]
        self.failed: list[Cell] = []
        self._began, self._seconds_done = time.monotonic(), 0.0

    def count(self, cell: Cell) -> None:
        """Look what became of a cell that has ended, and say so."""
        self.missing.remove(cell)
        rows = finished_rows(self._config, cell)
        if rows is None:
            self.failed.append(cell)
            outcome = f"failed: {failure(self._config, cell) or 'unknown'}"
        else:
            self.rows[cell] = rows
            self._seconds_done += _seconds(rows)
            main = next(row for row in rows if row["view"] == "scn" and not row["snapshot"])
            outcome = f"accuracy {number(main['accuracy'])} in {_duration(_seconds(rows))}"
        text = f"{cell}: {outcome}; {len(self.rows)} of {self._total} cells done"
        if self.failed:
            text += f", {len(self.failed)} failed"
        if left := self._seconds_to_go():
            text += f", {_duration(left)} to go"
        say("bench", text)

    def _seconds_to_go(self) -> float | None:
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


def _seconds(rows: list[Row]) -> float:
    trained = max(row["train_seconds"] for row in rows)
    return float(trained + sum(row["probe_seconds"] for row in rows))


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} h"
