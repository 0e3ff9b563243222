"""Ways to run cells on this machine: in this process, or in processes of their own.

Both leave the same files behind, and yield each cell when it has ended.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import NamedTuple

import torch
from threadpoolctl import threadpool_limits

from pretrain.bench.cell import failure, finished_rows, run_cell, write_failure
from pretrain.bench.matrix import Cell, collect_game
from pretrain.config import BenchConfig
from pretrain.runtime.interrupt import starting_processes
from pretrain.runtime.workers import begin_worker, pack, unpack, usable_cores

_ATTEMPTS = 2  # of a task whose process was killed
_STARTED = "--- started"  # line of a log


class Task(NamedTuple):
    """What one process does: collect what cells of a game need, or run a cell."""

    cells: tuple[Cell, ...]
    collects: bool


def run_here(config: BenchConfig, cells: list[Cell]) -> Iterator[Cell]:
    """Run cells one by one in this process; yield each when it has ended."""
    for collection in _collections(cells):
        _collect(config, collection.cells, workers=None)
        for cell in collection.cells:
            if failure(config, cell) is None:
                run_cell(config, cell, threads=None)
            yield cell


def run_in_processes(config: BenchConfig, cells: list[Cell]) -> Iterator[Cell]:
    """Do ``config.jobs`` tasks at a time, each in a process of its own; yield cells that ended.

    A process that is killed takes only its own task with it, which is tried once more. On Ctrl-C
    the trainings under way save their state first.
    """
    share = max(usable_cores() // config.jobs, 1)
    waiting = _collections(cells)
    running: dict[int, tuple[BaseProcess, Task]] = {}
    attempts = Counter[Task]()
    try:
        while waiting or running:
            while waiting and len(running) < config.jobs:
                task = waiting.pop(0)
                attempts[task] += 1
                process = _start(config, task, share)
                running[process.sentinel] = process, task
            ended = wait(list(running))
            for sentinel in [sentinel for sentinel in running if sentinel in ended]:
                process, task = running.pop(sentinel)
                process.join()
                if (reason := _why_lost(config, process, task)) is not None:
                    if attempts[task] < _ATTEMPTS:
                        waiting.insert(0, task)
                        continue
                    for cell in task.cells:
                        write_failure(config, cell, reason)
                if task.collects:
                    failed = [cell for cell in task.cells if failure(config, cell) is not None]
                    waiting[:0] = [Task((one,), False) for one in task.cells if one not in failed]
                    yield from failed
                else:
                    yield task.cells[0]
    finally:
        _stop([process for process, _ in running.values()])


def _collections(cells: list[Cell]) -> list[Task]:
    """Return the collection of each game, in the order of the games."""
    by_game = groupby(cells, key=lambda cell: cell.game)
    return [Task(tuple(of_game), collects=True) for _, of_game in by_game]


def _collect(config: BenchConfig, cells: tuple[Cell, ...], workers: int | None) -> None:
    """Collect what cells of one game need; what goes wrong is a failure of all of them."""
    try:
        collect_game(config, cells, workers)
    except Exception as error:
        for cell in cells:
            write_failure(config, cell, f"no frames of {cell.game}: {error}")


def _why_lost(config: BenchConfig, process: BaseProcess, task: Task) -> str | None:
    """Return why a process ended without having done or noted anything, None if it has."""
    code, cell = process.exitcode or 0, task.cells[0]
    has_rows = not task.collects and (finished_rows(config, cell) or failure(config, cell))
    if code == 0 or has_rows:
        return None
    if code < 0:
        return f"its process was killed {_ATTEMPTS} times (signal {-code}, out of memory?)"
    log = _log_of(config, task).read_text(errors="replace")
    last = log.rstrip().rpartition("\n")[2]  # after an exception, what it was
    if last == _STARTED:
        return (
            f"its process ended with exit code {code} before it began; a script that starts "
            "processes calls what starts them under if __name__ == '__main__', and is a file"
        )
    return f"its process ended with exit code {code}: {last}"


def _stop(processes: list[BaseProcess]) -> None:
    """End processes, giving each the time to save its state."""
    for process in processes:
        process.terminate()
    try:
        for process in processes:
            process.join()
    except KeyboardInterrupt:
        for process in processes:
            process.kill()
        raise


def _start(config: BenchConfig, task: Task, share: int) -> BaseProcess:
    log = _log_of(config, task)
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "a") as file:
        file.write(f"{_STARTED}\n")
    # Spawned, not forked: a fork of a process that has used torch can hang.
    process = multiprocessing.get_context("spawn").Process(
        target=_child, args=(pack(config, task), share, log)
    )
    with starting_processes():
        process.start()
    return process


def _log_of(config: BenchConfig, task: Task) -> Path:
    cell = task.cells[0]
    if task.collects:
        return config.out / cell.game / "data" / "collect.log"
    return cell.folder(config) / "log.txt"


def _child(work: bytes, share: int, log: Path) -> None:
    # Orphaned, it does what the parent would have it do: training saves its state.
    begin_worker(lambda: os.kill(os.getpid(), signal.SIGTERM), own_session=True)
    with open(log, "a") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    torch.set_num_threads(share)
    threadpool_limits(share)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        config, task = unpack(work)
        if task.collects:
            _collect(config, task.cells, share)
        else:
            run_cell(config, task.cells[0], threads=share)
    except KeyboardInterrupt:
        sys.exit(130)
