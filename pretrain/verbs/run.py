"""The verb ``run``: the main job."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from pretrain.config import BUDGETS, Amount, FramesFlags, ProbeConfig, TrainConfig
from pretrain.methods import check_can_hold


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
        if self.probe.hold:
            check_can_hold(self.train.method)

    @property
    def num_frames(self) -> int:
        """Frames to pretrain on: as given, or the budget's."""
        return self.frames or BUDGETS[self.train.budget].frames

    @property
    def num_probe_frames(self) -> int:
        """Frames of each probe: as given, or the budget's."""
        return self.probe.probe_frames or BUDGETS[self.train.budget].probe_frames

    def __call__(self, command: list[str]) -> None:
        """Do the main job, or go on with it; the command line goes into the folder's record."""
        from pretrain.run import run

        run(self, command)
