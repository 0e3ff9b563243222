"""Which verbs there are, and running the one that a command line names."""

from __future__ import annotations

import contextlib
import functools
import io
import operator
import sys
import traceback
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import ale_py
import tyro
from rich.console import Console

from pretrain.verbs.bench import BenchConfig
from pretrain.verbs.collect import CollectConfig
from pretrain.verbs.identity import IdentityConfig
from pretrain.verbs.labels import LabelsConfig
from pretrain.verbs.players import PlayersConfig
from pretrain.verbs.probe import ProbeVerbConfig
from pretrain.verbs.ready import ReadyConfig
from pretrain.verbs.refit import RefitConfig
from pretrain.verbs.report import ReportVerbConfig
from pretrain.verbs.run import RunConfig
from pretrain.verbs.slots import SlotsConfig
from pretrain.verbs.tables import TablesConfig
from pretrain.verbs.train import TrainVerbConfig
from pretrain.verbs.watch import WatchConfig

_UPKEEP = {
    "labels": LabelsConfig,
    "slots": SlotsConfig,
    "ready": ReadyConfig,
    "identity": IdentityConfig,
    "players": PlayersConfig,
}


def _any_of(verbs: dict[str, Any]) -> Any:
    """Return the type of whichever verb is named."""
    named = [Annotated[verb, tyro.conf.subcommand(name)] for name, verb in verbs.items()]
    return functools.reduce(operator.or_, named)


if TYPE_CHECKING:
    _UpkeepVerb = Any  # the type checker reads no types that are made at run time
else:
    _UpkeepVerb = _any_of(_UPKEEP)


@dataclass(frozen=True, kw_only=True)
class Upkeep:
    """Check or draw labels and slots, make ready-made encoders, study finished benchmarks."""

    verb: _UpkeepVerb
    """What to do."""

    def __call__(self, command: list[str]) -> None:
        """Run the verb that is named after this one."""
        self.verb(command)


VERBS = {
    "run": RunConfig,
    "collect": CollectConfig,
    "train": TrainVerbConfig,
    "refit": RefitConfig,
    "probe": ProbeVerbConfig,
    "report": ReportVerbConfig,
    "bench": BenchConfig,
    "tables": TablesConfig,
    "watch": WatchConfig,
    "upkeep": Upkeep,
}
"""Flags of each verb."""


def run_verb(command: list[str]) -> None:
    """Run the verb that a command line names.

    Args:
        command: The arguments, the verb first.

    Raises:
        SystemExit: If help was asked for or a flag is none.
        ValueError: If a flag has a wrong value, or the verb has moved.
        Exception: What the verb raises.
    """
    if command and command[0] in _UPKEEP:
        raise ValueError(
            f"{command[0]} is now: python -m pretrain upkeep {command[0]}, with the same flags"
        )
    ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)
    warnings.showwarning = _show_warning  # type: ignore[assignment]
    _parsed(command)(command)


def _parsed(command: list[str]) -> Any:
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            return tyro.cli(
                _any_of(VERBS),
                prog="python -m pretrain",
                description="Pretrain slot encoders on frames of a random agent, and judge them.",
                args=command,
                config=(tyro.conf.OmitArgPrefixes, tyro.conf.OmitSubcommandPrefixes),
            )
    except SystemExit as stopped:
        if (refusal := _refusal(stopped)) is not None:
            raise refusal from None
        sys.stderr.write(said.getvalue())
        raise


def _refusal(stopped: BaseException) -> ValueError | None:
    """Return the error of a config behind a stop, which tyro words in a frame of several lines."""
    error = stopped.__context__
    while error is not None:
        raised_in = [frame for frame, _ in traceback.walk_tb(error.__traceback__)][-1]
        if isinstance(error, ValueError) and raised_in.f_globals["__name__"].startswith("pretrain"):
            return error
        error = error.__context__
    return None


def _show_warning(message: Warning | str, *details: Any) -> None:
    Console(stderr=True).print(f"warning: {message}", highlight=False, markup=False)
