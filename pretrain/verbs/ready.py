"""The verb ``upkeep ready``: encoders for the package."""

from dataclasses import dataclass
from pathlib import Path

from pretrain.config import Amount, Flags


@dataclass(frozen=True, kw_only=True)
class ReadyConfig(Flags):
    """Make encoders of objects for all Atari games, each with a card that says how good it is.

    These are the encoders that come with the package. Each is fitted to single frames, as
    ALE/<Game>-v5 gives them, and to the maximum of two alike. A game that is made is not made
    again: the same command goes on after a stop. One that fails is told at the end, and the others
    are made.
    """

    out: Path
    """Folder for a folder per game, made if missing; slotenv/ready is the package's own."""
    data: Path = Path("runs/ready")
    """Folder for frames, which are not needed again once a game is made, and gallery.png."""
    games: tuple[str, ...] = ()
    """Games, by key or Atari id. Default: all that ALE has."""
    frames: Amount = 50_000
    """Frames of random play of each game, half of each kind."""
    probe_frames: Amount = 10_000
    """Frames of the probe in games that have pixel labels."""
    detection: Path = Path("runs/detection")
    """Folder of upkeep detection. What was measured there of these encoders is put into their
    cards."""
    workers: Amount | None = None
    """Games at a time, each in a process with one thread; default: one per core. 1: in this
    process."""

    def __call__(self, command: list[str]) -> None:
        """Make what is missing, and print where the gallery lies."""
        from pretrain.upkeep.ready import make_ready

        print(f"gallery: {make_ready(**vars(self))}")
