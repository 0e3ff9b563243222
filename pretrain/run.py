"""The main job: collect, pretrain, probe, report, in one resumable folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from pretrain.config import MAX_SEED
from pretrain.data.collect import collect_data
from pretrain.data.run_record import RECORD_FILE, record_of, write_record
from pretrain.data.store import FrameStore
from pretrain.probe import probe_run
from pretrain.report import probe_summary, write_report
from pretrain.training.build import slots_of
from pretrain.training.launch import check_devices
from pretrain.training.loop import train
from slotenv import markdown
from slotenv.atomic import write_atomic
from slotenv.environments import game_key, preset_for
from slotenv.labels import labelled_games

if TYPE_CHECKING:
    from pretrain.verbs.run import RunConfig


def run(config: RunConfig, command: list[str]) -> Path:
    """Do the main job, or go on with it.

    Args:
        config: What to do.
        command: The command line's arguments, for the record.

    Returns:
        Path of the report.
    """
    if config.train.devices > 1:
        check_devices(config.train)  # now, not after the frames are collected
    game = game_key(config.env)
    preset = preset_for(config.env, config.preset)
    folder = config.out
    folder.mkdir(parents=True, exist_ok=True)
    record = record_of(config, command, game)
    if not (folder / RECORD_FILE).exists():
        write_record(folder, record)
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

    store = data("pretrain", config.num_frames, config.train.seed)
    encoder = train(store, config.train, folder, num_slots=num_slots)
    # Only now is it sure that the folder is this run's, perhaps extended.
    write_record(folder, record)
    probed = game in labelled_games(config.probe.view)
    if probed:
        stores = [
            data("probe" if i == 0 else f"probe-{i + 1}", config.num_probe_frames, MAX_SEED + i)
            for i in range(config.probe.probe_seeds)
        ]
        asked = config.probe
        probe_run(folder, stores, view=asked.view, curve=asked.curve, hold=asked.hold)
    report = write_report(folder)
    if probed:
        print_summary(folder)
    else:
        print(f"no labels (view {config.probe.view}) for {config.env}: not probed")
    for sentence in encoder.provenance.get("warnings", []):
        print(f"warning: {sentence}")
    print(f"encoder: {folder / 'encoder'}\nreport:  {report}")
    return report


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
    shown = "\n".join(markdown.table(lines[0], lines[1:]))
    write_atomic(folder / "probe.md", "\n\n".join([shown, *notes]) + "\n")
