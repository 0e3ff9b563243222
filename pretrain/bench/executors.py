"""Ways to run cells: in this process, or in processes of their own.

All of them leave the same files behind; what they yield is only which task has ended.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from threadpoolctl import threadpool_limits

from pretrain.bench.cell import cell_folder, failure, finished_rows, run_cell, write_failure
from pretrain.bench.data import collect_game
from pretrain.bench.matrix import Cell
from pretrain.runtime.cores import usable_cores
from pretrain.runtime.interrupt import starting_processes
from pretrain.runtime.workers import begin_worker, pack, unpack

if TYPE_CHECKING:
    from pretrain.verbs.bench import BenchConfig

_ATTEMPTS = 2  # of a cell whose process was killed
_STARTED = "--- started"  # line of a log


@dataclass(frozen=True)
class Task:
    """What is scheduled: a game's collection, or one cell of it.

    Attributes:
        game: Key of the game.
        cells: The game's cells that are to be done; a cell's own task has itself alone.
        collects: Whether the task is the collection.
    """

    game: str
    cells: tuple[Cell, ...]
    collects: bool = False

    def __str__(self) -> str:
        return f"{self.game} frames" if self.collects else str(self.cells[0])


def tasks_of(cells: list[Cell]) -> list[Task]:
    """Return the tasks in the order of the games: each game's collection, then its cells."""
    by_game: dict[str, list[Cell]] = {}
    for cell in cells:
        by_game.setdefault(cell.game, []).append(cell)
    tasks = []
    for game, part in by_game.items():
        tasks.append(Task(game, tuple(part), collects=True))
        tasks += [Task(game, (cell,)) for cell in part]
    return tasks


def perform(config: BenchConfig, task: Task, *, threads: int | None, workers: int | None) -> None:
    """Do one task; what goes wrong is written down as a failure of its cells.

    Args:
        config: The benchmark.
        task: The task.
        threads: CPU threads of training.
        workers: Processes of a collection.

    Raises:
        KeyboardInterrupt: On Ctrl-C.
    """
    if not task.collects:
        run_cell(config, task.cells[0], threads=threads)
        return
    try:
        collect_game(config, task.game, task.cells, workers)
    except Exception as error:
        for cell in task.cells:
            write_failure(config, cell, f"no frames of {task.game}: {error}")


def run_here(config: BenchConfig, tasks: list[Task]) -> Iterator[Task]:
    """Do the tasks one by one in this process; yield each when it has ended."""
    for task in tasks:
        if task.collects or failure(config, task.cells[0]) is None:
            perform(config, task, threads=None, workers=None)
        yield task


def run_in_processes(config: BenchConfig, tasks: list[Task]) -> Iterator[Task]:
    """Do ``config.jobs`` tasks at a time, each in a process of its own; yield what has ended.

    A process that is killed takes only its own task with it, which is tried once more.

    Raises:
        KeyboardInterrupt: On Ctrl-C, after the trainings under way saved their state.
        ValueError: If a method is defined where no other process can find it.
    """
    share = max(usable_cores() // config.jobs, 1)
    waiting, collected = list(tasks), set[str]()
    running: dict[int, tuple[BaseProcess, Task]] = {}
    attempts: dict[Task, int] = {}
    try:
        while waiting or running:
            while len(running) < config.jobs and (task := _next_ready(waiting, collected)):
                if not task.collects and failure(config, task.cells[0]) is not None:
                    yield task
                    continue
                attempts[task] = attempts.get(task, 0) + 1
                process = _start(config, task, share)
                running[process.sentinel] = process, task
            ended = wait(list(running)) if running else []
            for sentinel in [sentinel for sentinel in running if sentinel in ended]:
                process, task = running.pop(sentinel)
                process.join()
                if _was_killed(config, process, task):
                    if attempts[task] < _ATTEMPTS:
                        waiting.insert(0, task)
                        continue
                    _note_killed(config, process, task)
                if task.collects:
                    collected.add(task.game)
                yield task
    finally:
        _stop([process for process, _ in running.values()])


def _next_ready(waiting: list[Task], collected: set[str]) -> Task | None:
    """Take the first task off the list that need not wait for its frames."""
    for i, task in enumerate(waiting):
        if task.collects or task.game in collected:
            return waiting.pop(i)
    return None


def _was_killed(config: BenchConfig, process: BaseProcess, task: Task) -> bool:
    """Tell whether a process ended without having done or noted anything."""
    if process.exitcode == 0:
        return False
    if task.collects:
        return True
    cell = task.cells[0]
    return finished_rows(config, cell) is None and failure(config, cell) is None


def _note_killed(config: BenchConfig, process: BaseProcess, task: Task) -> None:
    code = process.exitcode or 0
    if code < 0:
        reason = f"its process was killed {_ATTEMPTS} times (signal {-code}, out of memory?)"
    else:
        reason = f"its process ended with exit code {code}{_last_words(_log_of(config, task))}"
    for cell in task.cells:
        write_failure(config, cell, reason)


def _last_words(log: Path) -> str:
    """Return the last line that a process wrote, which after an exception says what it was."""
    last = log.read_text(errors="replace").rstrip().rpartition("\n")[2]
    if last == _STARTED:
        return (
            " before it began; a script that starts processes calls what starts them under "
            "if __name__ == '__main__', and is a file"
        )
    return f": {last}"


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
    if task.collects:
        return config.out / task.game / "data" / "collect.log"
    return cell_folder(config, task.cells[0]) / "log.txt"


def _child(work: bytes, share: int, log: Path) -> None:
    # Orphaned, it does what the parent would have it do: training saves its state.
    begin_worker(lambda: os.kill(os.getpid(), signal.SIGTERM), own_session=True)
    with open(log, "a") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    torch.set_num_threads(share)
    threadpool_limits(share)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        config, task = unpack(work)
        perform(config, task, threads=share, workers=share)
    except KeyboardInterrupt:
        sys.exit(130)


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt
