"""The verb ``upkeep labels``: labels checked on the emulator, or drawn."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro

from pretrain.config import Amount, Flags, Seed


@dataclass(frozen=True, kw_only=True)
class LabelsConfig(Flags):
    """Verify the pixel labels on the emulator, or draw them on a frame of each game.

    check changes a byte and sees its object move as promised. It prints a line a label: how it was
    found, the largest deviation (of the best 85 % of the moments), the median offset, and how often
    the object was seen while the label calls it present and while it calls it absent. Exit code 1
    if a label fails, or was seen too little to decide.

    draw writes <game>.png for each game, the frame in which most labelled objects are present, and
    gallery.png with all of them.
    """

    action: tyro.conf.Positional[Literal["check", "draw"]]
    """What to do with them."""
    games: tuple[str, ...] = ()
    """Games, by key or Atari id. Default: all that have pixel labels."""
    out: Path | None = None
    """draw: folder for the pictures, made if missing."""
    moments: Amount = 60
    """Moments of random play to look at, about a second apart; draw chooses among all frames up to
    the last of them. Rare objects need more."""
    seed: Seed = 1
    """Decides the play."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.action == "draw" and self.out is None:
            raise ValueError("labels draw needs --out FOLDER for the pictures")
        if self.action == "check" and self.out is not None:
            raise ValueError("labels check prints and writes no files: --out is for draw")

    def __call__(self, command: list[str]) -> None:
        """Check the labels and print the table, or draw them."""
        if self.out is None:
            from pretrain.upkeep.labels_check import check_games

            check_games(self.games, moments=self.moments, seed=self.seed)
        else:
            from pretrain.upkeep.galleries import draw_labels

            draw_labels(self.games, self.out, moments=self.moments, seed=self.seed)
