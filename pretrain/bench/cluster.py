"""Cells on a Ray cluster: nodes share no disk, rows travel back to the driver, which writes them.

Each node keeps frames and trainings under its temporary folder; a cell whose node dies starts again
on another one.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import signal
import socket
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pretrain.bench.cell import failure, finished_rows, run_cell, write_failure, write_rows
from pretrain.bench.data import collect_game, drop_frames
from pretrain.bench.executors import Task
from pretrain.bench.matrix import Cell
from pretrain.bench.results.row import Row

if TYPE_CHECKING:
    from pretrain.verbs.bench import BenchConfig

_RETRIES = 3  # of a cell whose node or process died
_PATIENCE = 5.0  # seconds for a cluster to answer; Ray itself tries for minutes


def run_on_ray(config: BenchConfig, tasks: list[Task]) -> Iterator[Task]:
    """Run all cells on the cluster, in order; yield each when its rows, or why not, are written.

    Raises:
        ValueError: If Ray is not installed.
        ConnectionError: If there is no cluster at the address.
        KeyboardInterrupt: On Ctrl-C, after the cluster was told to stop.
    """
    try:
        import ray as untyped
    except ImportError as error:
        raise ValueError(
            'a Ray cluster needs Ray, here and on every node: pip install "slotenv[distributed]"'
        ) from error
    ray: Any = untyped
    if not ray.is_initialized():
        check_listens(str(config.ray))
        on_sigterm = signal.getsignal(signal.SIGTERM)
        ray.init(address=config.ray, log_to_driver=False, logging_level=logging.ERROR)
        signal.signal(signal.SIGTERM, on_sigterm)  # Ray's own would end this process half way
    gpus = 1 if ray.cluster_resources().get("GPU") and config.device != "cpu" else 0
    remote = ray.remote(num_cpus=1, num_gpus=gpus, max_retries=_RETRIES)(_on_node)
    running = {remote.remote(config, task.cells[0]): task for task in tasks if not task.collects}
    try:
        while running:
            ready, _ = ray.wait(list(running), num_returns=1)
            task = running.pop(ready[0])
            cell = task.cells[0]
            try:
                rows, reason = ray.get(ready[0])
            except ray.exceptions.RayError as error:
                cause = getattr(error, "cause", error)  # of what was raised in the cell's process
                rows, reason = None, f"lost on the cluster: {str(cause).splitlines()[0]}"
            if rows is None:
                write_failure(config, cell, reason)
            else:
                write_rows(config, cell, rows)
            yield task
    finally:
        for reference in running:
            ray.cancel(reference, force=True)


def check_listens(address: str) -> None:
    """Raise ConnectionError unless something listens where a Ray cluster is said to be.

    Args:
        address: As ``--ray`` takes it. ``"auto"`` is what the environment or the last ``ray start``
            on this machine says; without either, Ray itself says so at once.
    """
    last = Path(os.environ.get("RAY_TMPDIR", "/tmp")) / "ray" / "ray_current_cluster"
    if address == "auto":
        address = os.environ.get("RAY_ADDRESS") or (last.read_text() if last.exists() else "")
    host, _, port = address.strip().removeprefix("ray://").rpartition(":")
    if not port.isdigit():
        return  # "local", or what Ray refuses
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_PATIENCE).close()
    except (OSError, OverflowError) as error:
        raise ConnectionError(
            f"nothing listens at {address.strip()} ({error}): start a Ray cluster there (ray start "
            "--head), or give the host:port of one"
        ) from error


def node_folder(config: BenchConfig) -> Path:
    """Return where this node keeps the frames and trainings of a benchmark, made if missing.

    Raises:
        PermissionError: If somebody else made a folder of that name.
    """
    key = hashlib.sha256(repr((config.frames, config.probe_frames)).encode()).hexdigest()[:12]
    folder = Path(tempfile.gettempdir()) / f"slotenv-bench-{os.getuid()}-{key}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to another user: have it removed")
    return folder


def _on_node(config: BenchConfig, cell: Cell) -> tuple[list[Row] | None, str]:
    """Run one cell in this node's own folder; return its rows, or None and why."""
    try:
        local = replace(config, out=node_folder(config), ray=None)
    except OSError as error:
        return None, f"a node has no folder for frames: {error}"
    try:
        with _frames(local, cell), _locked(local.out / f"{cell}.lock", fcntl.LOCK_EX):
            run_cell(local, cell, threads=1)
    except Exception as error:
        return None, f"no frames of {cell.game}: {error}"
    rows = finished_rows(local, cell)
    return rows, "" if rows else str((failure(local, cell) or {}).get("failed", "no rows"))


@contextmanager
def _frames(config: BenchConfig, cell: Cell) -> Iterator[None]:
    """Have a cell's frames on this node, collected by one of its processes at a time.

    With ``drop_frames``, frames of games that no cell of the node is using are deleted first.
    """
    folder = config.out / cell.game
    folder.mkdir(parents=True, exist_ok=True)
    if config.drop_frames:
        for other in config.out.iterdir():
            if other != folder and (other / "data").exists():
                with _locked(other / "frames.lock", fcntl.LOCK_EX | fcntl.LOCK_NB) as free:
                    if free:
                        drop_frames(config, other.name)
    with ExitStack() as stack:
        with _locked(folder / "collect.lock", fcntl.LOCK_EX):
            stack.enter_context(_locked(folder / "frames.lock", fcntl.LOCK_SH))
            collect_game(config, cell.game, [cell], 1)
        yield


@contextmanager
def _locked(path: Path, how: int) -> Iterator[bool]:
    """Hold a lock on a file; yield False if another process has it and ``how`` is not to wait."""
    with open(path, "a") as file:
        try:
            fcntl.flock(file, how)
        except BlockingIOError:
            yield False
        else:
            yield True
