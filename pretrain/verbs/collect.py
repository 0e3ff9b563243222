"""The verb ``collect``: frames of a player."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pretrain.config import Amount, FramesFlags, Seed


@dataclass(frozen=True, kw_only=True)
class CollectConfig(FramesFlags):
    """Collect frames of random or scripted play; the same command again goes on after a stop."""

    out: Path
    """Data folder, made if missing."""
    frames: Amount = 100_000
    """Frames (agent steps)."""
    player: Literal["random", "scripted"] = "random"
    """Who plays: uniformly random actions, or a script that reads the true coordinates and plays
    better (of Boxing, Breakout, Freeway and Pong)."""
    seed: Seed = 0
    """Decides every byte of the data."""

    def __call__(self, command: list[str]) -> None:
        """Collect, and print the checksum."""
        from pretrain.data.collect import collect_data

        checksum = collect_data(
            self.out,
            env=self.env,
            preset=self.preset,
            frames=self.frames,
            seed=self.seed,
            player=self.player,
            workers=self.workers,
        )
        print(f"{self.out}: {self.frames:,} frames, sha256 {checksum}")
