"""The verb ``run``: the main job."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from pretrain.config import Amount, FramesFlags, ProbeConfig, TrainConfig


@dataclass(frozen=True, kw_only=True)
class RunConfig(FramesFlags):
    """Collect, pretrain, probe, report. The same command again goes on after a stop."""

    out: Path
    """Run folder, made if missing."""
    frames: Amount | None = None
    """Frames to pretrain on. Default: the budget's."""
    train: Annotated[TrainConfig, tyro.conf.arg(name="")] = field(default_factory=TrainConfig)
    probe: Annotated[ProbeConfig, tyro.conf.arg(name="")] = field(default_factory=ProbeConfig)

    def __post_init__(self) -> None:
        super().__post_init__()
        method = self.train.resolved_method
        if self.probe.hold and method.encoder_class.slot_fields is None:
            raise ValueError(
                f"slots of method {method.name!r} cannot be held: their numbers have no names, so "
                "nothing says where an object is. Leave out --hold, or give --method objects"
            )

    def __call__(self, command: list[str]) -> None:
        """Do the main job, or go on with it; the command line goes into the folder's record."""
        from pretrain.run import run

        run(self, command)
