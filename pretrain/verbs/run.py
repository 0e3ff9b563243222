"""The verb ``run``: the main job."""

from dataclasses import dataclass

from pretrain.config import RunConfig


@dataclass(frozen=True, kw_only=True)
class RunVerb(RunConfig):
    """Collect, pretrain, probe, report. The same command again goes on after a stop."""

    def __call__(self, command: list[str]) -> None:
        """Do the main job, or go on with it; the command line goes into the folder's record."""
        from pretrain.run import run

        run(self, command)
