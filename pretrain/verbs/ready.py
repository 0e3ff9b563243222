"""The verb ``upkeep ready``: encoders for the package."""

from dataclasses import dataclass
from pathlib import Path

from pretrain.config import Amount, Flags, TrainingSeed


@dataclass(frozen=True, kw_only=True)
class ReadyConfig(Flags):
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
    seed: TrainingSeed = 0
    """Training seed of the cells."""
    frames: Amount = 100_000
    """Frames of each training, as they were given to bench."""
    probe_frames: Amount = 50_000
    """Frames of each game's probe, as they were given to bench."""

    def __call__(self, command: list[str]) -> None:
        """Write the encoder folders."""
        from pretrain.upkeep.ready import make_ready

        make_ready(**vars(self))
