"""Two files of a run folder: ``config.json``, how to repeat it, and ``probe.json``, its probes."""

from __future__ import annotations

import importlib.metadata
import platform
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

from typing_extensions import TypedDict

from pretrain.config import RunConfig
from slotenv import __version__, records
from slotenv.probe import ProbeReport
from slotenv.records import Count, Text

RECORD_FILE, PROBE_FILE = "config.json", "probe.json"
_PACKAGES = ("gymnasium", "ale-py", "torch", "numpy", "scikit-learn", "stable-baselines3", "blosc2")


class RunRecord(TypedDict):
    """The content of ``config.json``."""

    __pydantic_config__ = records.STRICT  # type: ignore[misc]

    command: Text
    env_id: Text
    game: Text | None
    arguments: dict[str, Any]
    versions: dict[str, Text | None]


def record_of(config: RunConfig, command: Sequence[str], game: str | None) -> dict[str, Any]:
    """Return the record of a run that is starting; without a command it was called from Python."""
    return {
        "command": f"python -m pretrain {shlex.join(command)}" if command else f"run({config})",
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


def read_record(folder: Path) -> dict[str, Any]:
    """Read the record of a run, empty if there is none."""
    path = folder / RECORD_FILE
    if not path.exists():
        return {}
    remedy = "run the same command again, or delete the file"
    return cast(dict[str, Any], records.read(path, RunRecord, remedy=remedy))


def _commit() -> str | None:
    """Return the commit of the checkout this runs from, None outside one."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None


@dataclass(frozen=True, kw_only=True)
class ProbeRow:
    """One probe of one encoder.

    Attributes:
        key: What it is of: weights, data, view and controls; a row of the same key is not made
            again.
        name: What was probed, as tables show it; rows of one name differ in the seed.
        seed: Probe seed.
        updates: Updates the encoder was trained for.
        train_seconds: How long that took.
        report: The outcome.
    """

    __pydantic_config__ = records.STRICT

    name: Text
    seed: Count
    updates: Count
    train_seconds: float | None
    report: ProbeReport
    key: Text = ""


@dataclass(frozen=True, kw_only=True)
class CurvePoint:
    """Probe accuracy of a snapshot taken during training."""

    __pydantic_config__ = records.STRICT

    updates: Count
    train_seconds: float | None
    accuracy: float | None
    ridge_accuracy: float | None


@dataclass(frozen=True, kw_only=True)
class ProbeFile:
    """The content of ``probe.json``.

    Attributes:
        rows: Of the trained encoder, the untrained one and the control.
        curve: Accuracy over training, ordered by updates.
        snapshots: The rows behind it.
    """

    __pydantic_config__ = records.STRICT

    rows: list[ProbeRow] = field(default_factory=list)
    curve: list[CurvePoint] = field(default_factory=list)
    snapshots: list[ProbeRow] = field(default_factory=list)


def read_probe(folder: Path) -> ProbeFile:
    """Read the probes of a run, none if it was not probed."""
    path = folder / PROBE_FILE
    if not path.exists():
        return ProbeFile()
    return records.read(path, ProbeFile, remedy="delete it and probe again")
