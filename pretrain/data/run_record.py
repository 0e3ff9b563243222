"""``config.json`` of a run folder: what it takes to repeat the run."""

from __future__ import annotations

import importlib.metadata
import platform
import shlex
import subprocess
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from typing_extensions import TypedDict

from slotenv import __version__, records
from slotenv.records import Text

if TYPE_CHECKING:
    from pretrain.verbs.run import RunConfig

RECORD_FILE = "config.json"
_PACKAGES = ("gymnasium", "ale-py", "torch", "numpy", "scikit-learn", "stable-baselines3", "blosc2")


class RunRecord(TypedDict):
    """The content of the file."""

    __pydantic_config__ = records.STRICT  # type: ignore[misc]

    command: Text
    env_id: Text
    game: Text | None
    arguments: dict[str, Any]
    versions: dict[str, Text | None]


def record_of(config: RunConfig, command: list[str], game: str | None) -> dict[str, Any]:
    """Return the record of a run that is starting."""
    return {
        "command": "python -m pretrain " + shlex.join(command),
        "env_id": config.env,
        "game": game,
        "arguments": asdict(config),
        "versions": {
            "slotenv": __version__,
            "commit": _commit(),
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in _PACKAGES},
        },
    }


def write_record(folder: Path, record: dict[str, Any]) -> None:
    """Write the record of a run into its folder."""
    records.write(folder / RECORD_FILE, record)


def read_record(folder: Path) -> dict[str, Any]:
    """Read the record of a run, empty if there is none.

    Raises:
        Damaged: If the file is damaged.
    """
    path = folder / RECORD_FILE
    if not path.exists():
        return {}
    remedy = "run the same command again, or delete the file"
    return cast(dict[str, Any], records.read(path, RunRecord, remedy=remedy))


def _commit() -> str | None:
    """Return the commit of the checkout this runs from, None outside one."""
    here = Path(__file__).parent
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty"],
            cwd=here,
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None
