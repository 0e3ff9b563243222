"""Cells on a Ray cluster: nodes share no disk, rows travel back to the driver, which writes them.

Each node keeps frames and trainings under its temporary folder; a cell whose node dies starts again
on another one.
"""

from __future__ import annotations

import fcntl
import importlib
import logging
import os
import signal
import socket
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from pretrain.bench.cell import failure, finished_rows, run_cell, write_failure, write_rows
from pretrain.bench.matrix import Cell, collect_game, drop_frames
from pretrain.bench.results.rows import Row
from pretrain.config import BenchConfig

_RETRIES = 3  # of a cell whose node or process died
_PATIENCE = 5.0  # seconds for a cluster to answer; Ray itself tries for minutes


def run_on_ray(config: BenchConfig, cells: list[Cell]) -> Iterator[Cell]:
    """Run cells on the cluster, in order; yield each when its rows, or why not, are written.

    Raises:
        ValueError: If Ray is not installed.
        ConnectionError: If there is no cluster at the address.
    """
    try:
        ray: Any = importlib.import_module("ray")
    except ImportError as error:
        raise ValueError(
            'a Ray cluster needs Ray, here and on every node: pip install "slotenv[distributed]"'
        ) from error
    if not ray.is_initialized():
        check_listens(str(config.ray))
        on_sigterm = signal.getsignal(signal.SIGTERM)
        ray.init(address=config.ray, log_to_driver=False, logging_level=logging.ERROR)
        signal.signal(signal.SIGTERM, on_sigterm)  # Ray's own would end this process half way
    has_gpus = ray.cluster_resources().get("GPU") and config.device != "cpu"
    gpus = config.devices if has_gpus else 0
    remote = ray.remote(num_cpus=1, num_gpus=gpus, max_retries=_RETRIES)(_on_node)
    running = {remote.remote(config, cell): cell for cell in cells}
    try:
        while running:
            (ended,), _ = ray.wait(list(running), num_returns=1)
            cell = running.pop(ended)
            try:
                outcome: list[Row] | str = ray.get(ended)
            except ray.exceptions.RayError as error:
                cause = getattr(error, "cause", error)  # of what was raised in the cell's process
                outcome = f"lost on the cluster: {str(cause).splitlines()[0]}"
            if isinstance(outcome, str):
                write_failure(config, cell, outcome)
            else:
                write_rows(config, cell, outcome)
            yield cell
    finally:
        for reference in running:
            ray.cancel(reference, force=True)


def check_listens(address: str) -> None:
    """Raise ConnectionError unless something listens at the address that ``--ray`` gives.

    ``"auto"`` is what the environment or the last ``ray start`` on this machine says; without
    either, Ray itself says so at once.
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
    """Return where this node keeps frames and trainings, a folder of this user, made if missing."""
    name = f"slotenv-bench-{os.getuid()}-{config.frames}-{config.probe_frames}"
    folder = Path(tempfile.gettempdir()) / name
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to another user: have it removed")
    return folder


def _on_node(config: BenchConfig, cell: Cell) -> list[Row] | str:
    """Run one cell in this node's own folder; return its rows, or why there are none."""
    try:
        local = replace(config, out=node_folder(config), ray=None)
    except OSError as error:
        return f"a node has no folder for frames: {error}"
    try:
        with _frames(local, cell), _locked(local.out / f"{cell}.lock", fcntl.LOCK_EX):
            run_cell(local, cell, threads=1)
    except Exception as error:
        return f"no frames of {cell.game}: {error}"
    return finished_rows(local, cell) or failure(local, cell) or "no rows"


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
                unused = _locked(other / "frames.lock", fcntl.LOCK_EX | fcntl.LOCK_NB)
                with suppress(BlockingIOError), unused:
                    drop_frames(config, other.name)
    with ExitStack() as stack:
        with _locked(folder / "collect.lock", fcntl.LOCK_EX):
            stack.enter_context(_locked(folder / "frames.lock", fcntl.LOCK_SH))
            collect_game(config, [cell], 1)
        yield


@contextmanager
def _locked(path: Path, how: int) -> Iterator[None]:
    """Hold a lock on a file."""
    with open(path, "a") as file:
        fcntl.flock(file, how)
        yield
