"""The verb ``upkeep slots``: pictures of what slots see."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro

from pretrain.config import Amount, Flags, Seed


@dataclass(frozen=True, kw_only=True)
class SlotsConfig(Flags):
    """Draw what the slots of an encoder of objects see on a frame of each game.

    Writes <game>.png for each game, the frame of random play in which most slots see an object,
    each in a box of its own colour with the slot's number and a trail of where it came from; and
    gallery.png with all of them.
    """

    action: tyro.conf.Positional[Literal["draw"]]
    """What to do with them."""
    out: Path
    """Folder for the pictures, made if missing."""
    games: tuple[str, ...] = ()
    """Games, by key or Atari id. Default: all that have a ready-made encoder; with bench, all of
    the benchmark's that have one."""
    bench: Path | None = None
    """Folder of a benchmark, as bench makes it, to take the encoders of method objects from.
    Default: the encoders that come with the package."""
    moments: Amount = 60
    """Seconds of random play from which the frame is chosen."""
    seed: Seed = 1
    """Decides the play."""

    def __call__(self, command: list[str]) -> None:
        """Draw."""
        from pretrain.upkeep.galleries import draw_slots

        draw_slots(self.games, self.out, bench=self.bench, moments=self.moments, seed=self.seed)
