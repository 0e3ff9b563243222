"""The flags of ``bench``, ``players`` and ``tables``; a field's sentence is its ``--help``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tyro

from pretrain.bounds import check_batch_size, check_counts
from pretrain.config import check_training_seed

DEFAULT_BATCH_SIZE, DEFAULT_RUN_LENGTH = 128, 1


@dataclass(frozen=True, kw_only=True)
class BenchConfig:
    """Train and probe games x methods x seeds at one budget; write rows, tables and plots.

    The same command goes on after a stop, tries failed cells again and does what a changed
    command line adds. Another budget of the same length of data extends the trainings.
    """

    out: Path = Path("runs/bench")
    """Folder for data, trainings, rows.jsonl, tables.md and plots; made if missing."""
    games: tuple[str, ...] = ()
    """Games, by key or Atari id, always on the paper's frames. Default: the paper's 20."""
    methods: tuple[str, ...] = (
        "random",
        "scn",
        "loss1only",
        "cswm",
        "supervised",
        "pixels",
        "mean",
        "coordinates",
    )
    """Methods of pretrain.methods.METHODS, also with settings of their own, as in
    scn:diversity_weight=0.3 (several settings: commas between); and the references pixels, mean
    and coordinates, which are not trained."""
    seeds: tuple[int, ...] = (0,)
    """Training seeds. Each has frames of its own; all share the probe frames."""
    updates: int = 2_000
    """Optimiser steps of each training."""
    frames: int = 100_000
    """Frames of each training."""
    probe_frames: int = 50_000
    """Frames of each game's probe."""
    batch_size: int = DEFAULT_BATCH_SIZE
    """Pairs per update."""
    run_length: int = DEFAULT_RUN_LENGTH
    """Consecutive pairs drawn together; 1: every pair at random, as in the paper."""
    curve: bool = False
    """Probe the snapshots taken during training, too: accuracy against updates."""
    jobs: int = 1
    """Cells run at a time, each in a process of its own (1: in this one)."""
    ray: str | None = None
    """Address of a Ray cluster to run the cells on ("auto": the one of this machine)."""
    drop_frames: bool = False
    """Delete a game's frames when all its cells are done; they can be collected again."""
    device: str = "auto"
    """cpu, cuda, or auto: cuda where there is one."""

    def __post_init__(self) -> None:
        check_counts(self, "updates", "frames", "probe_frames", "run_length", "jobs")
        check_batch_size(self.batch_size)
        if not self.methods or not self.seeds:
            raise ValueError("name at least one method and one seed")
        for seed in self.seeds:
            check_training_seed(seed)
        if self.ray == "":
            raise ValueError("ray is the address of a cluster, host:port or auto, got ''")
        if self.ray is not None and self.jobs != 1:
            raise ValueError("jobs is for this machine: with ray, the cluster decides how many run")


@dataclass(frozen=True, kw_only=True)
class PlayersConfig:
    """Probe a benchmark's finished encoders on a scripted player's frames, too; write a table.

    The same command goes on after a stop, and again after more cells are done.
    """

    out: Path = Path("runs/bench")
    """Folder of the benchmark; players.jsonl and players.md go there."""
    games: tuple[str, ...] = ()
    """Games, by key or Atari id. Default: all that have a scripted player."""
    methods: tuple[str, ...] = ()
    """Methods and references, by name. Default: all that are done."""
    frames: int = 50_000
    """Frames of the player in each game."""
    workers: int | None = None
    """Processes for collection; default: one per core. The data do not depend on it."""
    device: str = "auto"
    """cpu, cuda, or auto: cuda where there is one."""

    def __post_init__(self) -> None:
        check_counts(self, "frames", "workers")


@dataclass(frozen=True, kw_only=True)
class TablesConfig:
    """Render tables.md and plots from rows that bench wrote, of one or of several files."""

    rows: tyro.conf.Positional[tuple[Path, ...]]
    """Files of rows (JSON lines)."""
    out: Path
    """Folder for tables.md and the plots, made if missing."""

    def __post_init__(self) -> None:
        if not self.rows:
            raise ValueError("name at least one file of rows, such as runs/bench/rows.jsonl")
