"""The flags of the verb ``ready``; a field's sentence is its ``--help``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pretrain.bounds import check_counts
from pretrain.config import check_training_seed


@dataclass(frozen=True, kw_only=True)
class ReadyConfig:
    """Copy encoders out of a finished benchmark, each with a card that says how good it is.

    This makes the encoders that come with the package. Per game it takes the benchmark's cell of
    method objects: the encoder, and the accuracy in its rows. Nothing is written unless all the
    cells that are asked for are finished.
    """

    out: Path
    """Folder for a folder per game, made if missing; slotenv/ready is the package's own."""
    bench: Path = Path("runs/bench")
    """Folder of the benchmark, as bench makes it."""
    games: tuple[str, ...] = ()
    """Games, by key or Atari id. Default: the benchmark's, the paper's 20."""
    seed: int = 0
    """Training seed of the cells."""
    frames: int = 100_000
    """Frames of each training, as they were given to bench."""
    probe_frames: int = 50_000
    """Frames of each game's probe, as they were given to bench."""

    def __post_init__(self) -> None:
        check_counts(self, "frames", "probe_frames")
        check_training_seed(self.seed)
