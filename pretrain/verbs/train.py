"""The verb ``train``: from collected frames to an encoder."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from pretrain.config import Flags, TrainConfig


@dataclass(frozen=True, kw_only=True)
class TrainVerbConfig(Flags):
    """Pretrain an encoder on collected frames; the same command again goes on after a stop."""

    data: Path
    """Data folder, as collect makes it."""
    out: Path
    """Folder for encoder/, metrics and state, made if missing."""
    train: Annotated[TrainConfig, tyro.conf.arg(name="")] = field(default_factory=TrainConfig)

    def __call__(self, command: list[str]) -> None:
        """Train, and print where the encoder lies."""
        from pretrain.data.store import FrameStore
        from pretrain.training.loop import train

        train(FrameStore(self.data), self.train, self.out)
        print(f"encoder: {self.out / 'encoder'}")
