"""The table of verbs, and how the one that a command line names is run."""

import contextlib
import functools
import importlib
import io
import operator
import sys
import traceback
import warnings
from collections.abc import Iterable
from typing import Annotated, Any

import ale_py
import tyro
from rich.console import Console

VERBS = {
    "run": "RunVerb",
    "collect": "CollectConfig",
    "train": "TrainVerbConfig",
    "refit": "RefitConfig",
    "probe": "ProbeVerbConfig",
    "report": "ReportVerbConfig",
    "bench": "BenchVerb",
    "tables": "TablesConfig",
    "watch": "WatchConfig",
}
"""The class of each verb, in the file of that name."""
UPKEEP = {
    "labels": "LabelsConfig",
    "slots": "SlotsConfig",
    "ready": "ReadyConfig",
    "identity": "IdentityConfig",
    "detection": "DetectionConfig",
    "players": "PlayersConfig",
}
"""The same of the verbs of ``upkeep``."""
_UPKEEP_DOES = (
    "Check or draw labels and slots, make ready-made encoders, study finished benchmarks."
)


def run_verb(command: list[str]) -> None:
    """Run the verb that a command line names.

    Args:
        command: The arguments, the verb first.

    Raises:
        SystemExit: If help was asked for or a flag is none.
        ValueError: If a flag has a wrong value, or the verb has moved.
        Exception: What the verb raises.
    """
    if command and command[0] in UPKEEP:
        raise ValueError(
            f"{command[0]} is now: python -m pretrain upkeep {command[0]}, with the same flags"
        )
    ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)
    warnings.showwarning = _show_warning  # type: ignore[assignment]
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            verb: Any = tyro.cli(
                _any_of(VERBS)
                | Annotated[
                    _any_of(UPKEEP), tyro.conf.subcommand("upkeep", description=_UPKEEP_DOES)
                ],
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
    verb(command)


def flags_of(verb: str) -> type:
    """Return the class of a verb's flags, whose instances do what the verb is for."""
    module = importlib.import_module(f"pretrain.verbs.{verb}")
    flags: type = getattr(module, (VERBS | UPKEEP)[verb])
    return flags


def _any_of(verbs: Iterable[str]) -> Any:
    """Return the type of whichever verb is named."""
    named = [Annotated[flags_of(verb), tyro.conf.subcommand(verb)] for verb in verbs]
    return functools.reduce(operator.or_, named)


def _refusal(stopped: BaseException) -> ValueError | None:
    """Return the error of a config that made tyro stop, which tyro prints on several lines."""
    error = stopped.__context__
    while error is not None:
        raised_in = [frame for frame, _ in traceback.walk_tb(error.__traceback__)][-1]
        if isinstance(error, ValueError) and raised_in.f_globals["__name__"].startswith("pretrain"):
            return error
        error = error.__context__
    return None


def _show_warning(message: Warning | str, *details: Any) -> None:
    Console(stderr=True).print(f"warning: {message}", highlight=False, markup=False)
