"""The flags of the verb ``labels``; a field's sentence is its ``--help``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro

from pretrain.bounds import check_counts, check_seed


@dataclass(frozen=True, kw_only=True)
class LabelsConfig:
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
    moments: int = 60
    """Moments of random play to look at, about a second apart; draw chooses among all frames up to
    the last of them. Rare objects need more."""
    seed: int = 1
    """Decides the play."""

    def __post_init__(self) -> None:
        if self.action == "draw" and self.out is None:
            raise ValueError("labels draw needs --out FOLDER for the pictures")
        if self.action == "check" and self.out is not None:
            raise ValueError("labels check prints and writes no files: --out is for draw")
        check_counts(self, "moments")
        check_seed(self.seed)
