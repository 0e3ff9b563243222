"""The main job: collect, pretrain, probe, report, in one resumable folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from pretrain.config import BUDGETS, MAX_SEED, RunConfig
from pretrain.data.collect import collect_data
from pretrain.data.run_files import RECORD_FILE, record_of
from pretrain.data.store import FrameStore
from pretrain.probe import probe_run
from pretrain.report import write_report
from pretrain.report.run_folder import read_run
from pretrain.report.tables import HEADINGS, comparison_notes, paper_table, probe_table
from pretrain.training.data_parallel import check_devices
from pretrain.training.loop import train
from slotenv import markdown, records
from slotenv.atomic import write_atomic
from slotenv.environments import game_key, preset_for
from slotenv.labels import labelled_games


def run(config: RunConfig, command: Sequence[str] = ()) -> None:
    """Do the main job, or go on with it; leaves everything in the folder ``config.out``.

    Args:
        config: What to run.
        command: The command line that asked for it, for the folder's record; none from Python.

    Raises:
        ValueError: If the environment, the preset or a size does not fit, or the folder holds
            another run.
        KeyboardInterrupt: On Ctrl-C; the same call goes on from there.

    Example:
        >>> run(RunConfig(env="Pong", out=Path("runs/pong")))  # doctest: +SKIP
    """
    if config.train.devices > 1:
        check_devices(config.train)  # now, not after the frames are collected
    game = game_key(config.env)
    preset = preset_for(config.env, config.preset)
    folder = config.out
    folder.mkdir(parents=True, exist_ok=True)
    record = record_of(config, command, game)
    if not (folder / RECORD_FILE).exists():
        records.write(folder / RECORD_FILE, record)

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

    budget, asked = BUDGETS[config.train.budget], config.probe
    store = data("pretrain", config.frames or budget.frames, config.train.seed)
    encoder = train(store, config.train, folder)
    # Only now is it sure that the folder is this run's, perhaps extended.
    records.write(folder / RECORD_FILE, record)
    probed = game in labelled_games(asked.view)
    if probed:
        frames = asked.probe_frames or budget.probe_frames
        stores = [
            data("probe" if i == 0 else f"probe-{i + 1}", frames, MAX_SEED + i)
            for i in range(asked.probe_seeds)
        ]
        probe_run(folder, stores, view=asked.view, curve=asked.curve, hold=asked.hold)
    report = write_report(folder)
    if probed:
        print_summary(folder)
    else:
        print(f"no labels (view {asked.view}) for {config.env}: not probed")
    for sentence in encoder.provenance.get("warnings", []):
        print(f"warning: {sentence}")
    print(f"encoder: {folder / 'encoder'}\nreport:  {report}")


def print_summary(folder: Path) -> None:
    """Print the probe table and keep it as Markdown in ``probe.md``."""
    found = read_run(folder)
    rows, notes = [*probe_table(found), *paper_table(found)], comparison_notes(found)
    table = Table(title="Linear probe of the slots against the labels in RAM (R2 on test frames)")
    table.add_column(no_wrap=True)
    for name, *_ in rows:  # a column each: there are more metrics than encoders
        table.add_column(name, justify="right")
    for i, heading in enumerate(HEADINGS[1:], start=1):
        table.add_row(heading, *(cells[i] for cells in rows))
    Console(width=118).print(table)
    print("\n".join(notes))
    shown = "\n".join(markdown.table(HEADINGS, rows))
    write_atomic(folder / "probe.md", "\n\n".join([shown, *notes]) + "\n")
