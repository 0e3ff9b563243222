"""The main job: collect, pretrain, probe, report, in one resumable folder."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import shlex
import subprocess
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from pretrain.collect import collect
from pretrain.config import MAX_SEED, RunConfig
from pretrain.models import slots_of
from pretrain.probing import probe_run
from pretrain.report import probe_summary, write_report
from pretrain.store import DataDescription, FrameStore
from pretrain.train import train
from slotenv import __version__
from slotenv.atomic import write_atomic
from slotenv.environments import game_key, preset_for
from slotenv.labels import labelled_games

_PACKAGES = ("gymnasium", "ale-py", "torch", "numpy", "scikit-learn", "stable-baselines3", "blosc2")


def run(config: RunConfig, command: list[str]) -> Path:
    """Do the main job, or go on with it.

    Args:
        config: What to do.
        command: The command line's arguments, for the record.

    Returns:
        Path of the report.
    """
    if config.train.devices > 1:
        from pretrain.distributed import check_devices  # needs what training alone does not load

        check_devices(config.train)  # now, not after the frames are collected
    game = game_key(config.env)
    preset = preset_for(config.env, config.preset)
    folder = config.out
    folder.mkdir(parents=True, exist_ok=True)
    record = json.dumps(_record(config, command, game), indent=2) + "\n"
    if not (folder / "config.json").exists():
        write_atomic(folder / "config.json", record)
    num_slots = slots_of(config.train, config.env)

    def data(name: str, frames: int, seed: int) -> FrameStore:
        path = folder / "data" / name
        collect_data(
            path,
            env=config.env,
            preset=preset.name,
            frames=frames,
            seed=seed,
            workers=config.workers,
        )
        return FrameStore(path)

    train(
        data("pretrain", config.num_frames, config.train.seed),
        config.train,
        folder,
        num_slots=num_slots,
    )
    # Only now is it sure that the folder is this run's, perhaps extended.
    write_atomic(folder / "config.json", record)
    probed = game in labelled_games(config.probe.view)
    if probed:
        stores = [
            data("probe" if i == 0 else f"probe-{i + 1}", config.num_probe_frames, MAX_SEED + i)
            for i in range(config.probe.probe_seeds)
        ]
        probe_run(folder, stores, view=config.probe.view, curve=config.probe.curve)
    report = write_report(folder)
    if probed:
        print_summary(folder)
    else:
        print(f"no labels (view {config.probe.view}) for {config.env}: not probed")
    print(f"encoder: {folder / 'encoder'}\nreport:  {report}")
    return report


def collect_data(
    path: Path, *, env: str, preset: str | None, frames: int, seed: int, workers: int | None
) -> str:
    """Collect a data set, or what is missing of it, and return its checksum."""
    description = DataDescription(
        env_id=env, preset=preset_for(env, preset).to_dict(), seed=seed, num_steps=frames
    )
    return collect(path, description, workers=workers)


def print_summary(folder: Path) -> None:
    """Print the probe table and keep it as Markdown in ``probe.md``."""
    lines, notes = probe_summary(folder)
    table = Table(title="Linear probe of the slots against the labels in RAM (R2 on test frames)")
    for i, heading in enumerate(lines[0]):
        table.add_column(heading, justify="right" if i else "left")
    for cells in lines[1:]:
        table.add_row(*cells)
    Console(width=118).print(table)
    print("\n".join(notes))
    rows = [" | ".join(cells) for cells in lines]
    rows.insert(1, " | ".join("---" for _ in lines[0]))
    markdown = "\n".join(f"| {row} |" for row in rows)
    write_atomic(folder / "probe.md", "\n\n".join([markdown, *notes]) + "\n")


def _record(config: RunConfig, command: list[str], game: str | None) -> dict[str, Any]:
    arguments = asdict(config)
    arguments["out"] = str(config.out)
    return {
        "command": "python -m pretrain " + shlex.join(command),
        "env_id": config.env,
        "game": game,
        "arguments": arguments,
        "versions": {
            "slotenv": __version__,
            "commit": _commit(),
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in _PACKAGES},
        },
    }


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
