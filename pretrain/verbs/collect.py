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
    minari: str | None = None
    """Take the frames from a Minari data set on this machine, its id or folder, instead of playing;
    env is the environment they are of, and frames how many are taken at most. They come without
    RAM, so they are not for probes."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.minari is not None and (self.player, self.seed) != ("random", 0):
            raise ValueError("with minari nobody plays: leave out player and seed")

    def __call__(self, command: list[str]) -> None:
        """Collect, and print the checksum."""
        from pretrain.data.collect import collect_data
        from pretrain.data.from_minari import collect_minari
        from pretrain.data.store import read_description

        if self.minari is not None:
            checksum = collect_minari(
                self.out, self.minari, env=self.env, preset=self.preset, frames=self.frames
            )
            count = read_description(self.out).num_steps
            print(f"{self.out}: {count:,} frames of {self.minari}, sha256 {checksum}")
            return
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
