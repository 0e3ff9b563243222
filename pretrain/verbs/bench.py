"""The verb ``bench``: games x methods x seeds."""

from dataclasses import dataclass
from pathlib import Path

from pretrain.config import Amount, TrainingFlags, TrainingSeed
from pretrain.methods import MethodFlag


@dataclass(frozen=True, kw_only=True)
class BenchConfig(TrainingFlags):
    """Train and probe games x methods x seeds at one budget; write rows, tables and plots.

    The same command goes on after a stop, tries failed cells again and does what a changed
    command line adds. Another budget of the same length of data extends the trainings.
    """

    out: Path = Path("runs/bench")
    """Folder for data, trainings, rows.jsonl, tables.md and plots; made if missing."""
    games: tuple[str, ...] = ()
    """Games, by key or Atari id, always on the paper's frames. Default: the paper's 20."""
    methods: tuple[MethodFlag, ...] = (
        *("objects", "random", "scn", "loss1only", "cswm", "supervised"),
        *("pixels", "mean", "coordinates"),
    )
    """Methods of pretrain.methods.METHODS, also with settings of their own, as in
    scn:diversity_weight=0.3 (several settings: commas between); objects_held, which is objects
    probed with held slots; and the references pixels, mean and coordinates, which are not trained.
    """
    seeds: tuple[TrainingSeed, ...] = (0,)
    """Training seeds. Each has frames of its own; all share the probe frames."""
    updates: Amount = 2_000
    """Optimiser steps of each training."""
    frames: Amount = 100_000
    """Frames of each training."""
    probe_frames: Amount = 50_000
    """Frames of each game's probe."""
    curve: bool = False
    """Probe the snapshots taken during training, too: accuracy against updates."""
    jobs: Amount = 1
    """Cells run at a time, each in a process of its own (1: in this one)."""
    ray: str | None = None
    """Address of a Ray cluster to run the cells on ("auto": the one of this machine)."""
    drop_frames: bool = False
    """Delete a game's frames when all its cells are done; they can be collected again."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.methods or not self.seeds:
            raise ValueError("name at least one method and one seed")
        if self.ray == "":
            raise ValueError("ray is the address of a cluster, host:port or auto, got ''")
        if self.ray is not None and self.jobs != 1:
            raise ValueError("jobs is for this machine: with ray, the cluster decides how many run")

    def __call__(self, command: list[str]) -> None:
        """Run what is missing of the matrix, then render."""
        from pretrain.bench.run import bench

        bench(self)
