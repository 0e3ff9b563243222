"""One cell: train, encode the probe frames once, probe under every label view, write the rows."""

from __future__ import annotations

import hashlib
import json
import shlex
import time
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pretrain.bench.data import PRESET, PROBE_SEED, pretrain_folder, probe_folder
from pretrain.bench.matrix import Cell
from pretrain.bench.references import REFERENCES
from pretrain.bench.results.row import FAILED_FILE, ROWS_FILE, Row, measured, read_row_file
from pretrain.config import TrainConfig
from pretrain.data.store import FrameStore
from pretrain.probe import read_slots
from pretrain.runtime.progress import say
from pretrain.training.build import slots_of
from pretrain.training.loop import train
from pretrain.training.snapshots import snapshots_of
from pretrain.training.step import choose_device
from slotenv import SlotEncoder, __version__, records
from slotenv.labels import labelled_games
from slotenv.probe import Features, probe_features

if TYPE_CHECKING:
    from pretrain.verbs.bench import BenchConfig

ROW_FORMAT = 1
"""Raised when rows mean something else than before: cells are then done again."""
_EFFORT = ("updates", "batch_size", "run_length")  # flags of training that bench has, too


class _Subject(NamedTuple):
    """What is probed, and what its rows say of how it came about."""

    features: Features
    updates: int
    train_seconds: float
    device: str
    snapshot: bool


def cell_folder(config: BenchConfig, cell: Cell) -> Path:
    """Return where a cell's training and rows lie."""
    return config.out / cell.game / cell.folder_name(config)


def fingerprint(config: BenchConfig, cell: Cell) -> str:
    """Return a hash of everything a cell's rows depend on, but for the version of the package.

    Rows keep it as ``identity``; one that changes makes finished cells be done again.
    """
    slots = None if cell.is_reference else slots_of(_train_config(config, cell, 1), cell.game)
    facts = _made(config, cell) | {
        "format": ROW_FORMAT,
        "encoder": cell.definition.encoder_name,
        "objective": cell.definition.objective_name,
        "seed": None if cell.is_reference else cell.seed,
        "num_slots": slots,
        "preset": PRESET,
        "views": _views(cell.game),
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def finished_rows(config: BenchConfig, cell: Cell) -> list[Row] | None:
    """Return the rows of a cell that needs no more work, else None."""
    rows = _valid_rows(config, cell)
    wanted = {(view, False) for view in _views(cell.game)}
    if config.curve and cell.is_trained:
        wanted.add(("scn", True))
    return rows if {(row["view"], row["snapshot"]) for row in rows} >= wanted else None


def failure(config: BenchConfig, cell: Cell) -> Row | None:
    """Return the row of a cell that failed, None if it did not."""
    try:
        return next(iter(read_row_file(cell_folder(config, cell) / FAILED_FILE)), None)
    except FileNotFoundError:
        return None


def run_cell(config: BenchConfig, cell: Cell, *, threads: int | None) -> None:
    """Do what is missing of a cell; its frames must be there.

    Whatever goes wrong ends up in ``failed.json``.

    Args:
        config: The benchmark.
        cell: The cell.
        threads: CPU threads of training; None: as ``train`` chooses.

    Raises:
        KeyboardInterrupt: On Ctrl-C; the next call goes on from there.
    """
    folder = cell_folder(config, cell)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        _run(config, cell, folder, threads)
        (folder / FAILED_FILE).unlink(missing_ok=True)
    except Exception as error:
        write_failure(config, cell, _reason(error), traceback.format_exc())


def write_rows(config: BenchConfig, cell: Cell, rows: list[Row]) -> None:
    """Write a cell's rows in one instant."""
    folder = cell_folder(config, cell)
    folder.mkdir(parents=True, exist_ok=True)
    records.write_lines(folder / ROWS_FILE, rows)


def write_failure(config: BenchConfig, cell: Cell, reason: str, details: str = "") -> None:
    """Note that a cell failed; the next run tries it again."""
    folder = cell_folder(config, cell)
    folder.mkdir(parents=True, exist_ok=True)
    row = {"failed": reason, **_facts(config, cell), "time": _now(), "details": details}
    records.write_lines(folder / FAILED_FILE, [row])


def _run(config: BenchConfig, cell: Cell, folder: Path, threads: int | None) -> None:
    rows = _valid_rows(config, cell)
    probe_store = FrameStore(probe_folder(config.out, cell.game))
    if cell.is_reference:
        if not rows:
            began = time.monotonic()
            features = REFERENCES[cell.method].features(probe_store, cell.game)
            subject = _Subject(features, 0, 0.0, "cpu", False)
            rows = _probe(config, cell, subject, probe_store, began)
            write_rows(config, cell, rows)
        return
    train_store = FrameStore(pretrain_folder(config.out, cell.game, cell.seed))
    if train_store.checksum == probe_store.checksum:
        raise ValueError("the probe frames are the training frames")
    training = _train_config(config, cell, threads)
    train(train_store, training, folder, num_slots=slots_of(training, cell.game))
    if not any(not row["snapshot"] for row in rows):
        rows += _probe_encoder(config, cell, folder / "encoder", probe_store, snapshot=False)
        write_rows(config, cell, rows)
    if config.curve and cell.is_trained:
        done = {row["updates"] for row in rows if row["snapshot"]}
        for update, path in snapshots_of(folder).items():
            if update not in done:
                rows += _probe_encoder(config, cell, path, probe_store, snapshot=True)
                write_rows(config, cell, rows)


def _train_config(config: BenchConfig, cell: Cell, threads: int | None) -> TrainConfig:
    effort = {name: getattr(config, name) for name in _EFFORT} if cell.is_trained else {}
    return TrainConfig(
        method=cell.definition,
        settings=cell.settings,
        seed=cell.seed,
        threads=threads,
        device=config.device,
        **effort,
    )


def _probe_encoder(
    config: BenchConfig, cell: Cell, folder: Path, store: FrameStore, *, snapshot: bool
) -> list[Row]:
    began = time.monotonic()
    encoder = SlotEncoder.from_pretrained(folder, device=choose_device(config.device))
    made = encoder.provenance
    subject = _Subject(
        read_slots(encoder, store, hold=cell.hold),
        updates=made["updates"],
        train_seconds=made["train_seconds"],
        device=made["device"],
        snapshot=snapshot,
    )
    return _probe(config, cell, subject, store, began)


def _probe(
    config: BenchConfig, cell: Cell, subject: _Subject, store: FrameStore, began: float
) -> list[Row]:
    """Probe under every view of the game, a snapshot under the paper's only."""
    rows = []
    for view in ("scn",) if subject.snapshot else _views(cell.game):
        report = probe_features(subject.features, store, game=cell.game, view=view)
        seconds, began = time.monotonic() - began, time.monotonic()
        rows.append(
            {
                **_facts(config, cell),
                "snapshot": subject.snapshot,
                "updates": subject.updates,
                **measured(report),
                "train_seconds": subject.train_seconds,
                "probe_seconds": round(seconds, 1),
                "device": subject.device,
                "time": _now(),
            }
        )
    return rows


def _facts(config: BenchConfig, cell: Cell) -> Row:
    """Return what is known of a cell before it runs."""
    return _made(config, cell) | {
        "title": cell.title,
        "seed": cell.seed,
        "frames_preset": PRESET,
        "slotenv": __version__,
        "command": _command(config, cell),
        "identity": fingerprint(config, cell),
    }


def _made(config: BenchConfig, cell: Cell) -> Row:
    """Return what both a cell's rows and its fingerprint hold: flags only where they matter."""
    effort = {name: getattr(config, name) if cell.is_trained else None for name in _EFFORT}
    return effort | {
        "game": cell.game,
        "method": cell.method,
        "settings": cell.resolved.settings,
        "frames": config.frames if cell.is_trained or cell.is_fitted else 0,
        "updates": effort["updates"] or 0,
        "probe_seed": PROBE_SEED,
        "probe_frames": config.probe_frames,
    }


def _command(config: BenchConfig, cell: Cell) -> str:
    """Return the command that makes this cell, alone."""
    arguments = ["--games", cell.game, "--methods", cell.argument, "--seeds", str(cell.seed)]
    for name in ("updates", "frames", "probe_frames", "batch_size", "run_length"):
        arguments += [f"--{name.replace('_', '-')}", str(getattr(config, name))]
    if config.curve:
        arguments.append("--curve")
    return "python -m pretrain bench " + shlex.join(arguments)


def _valid_rows(config: BenchConfig, cell: Cell) -> list[Row]:
    """Return the rows in the cell's folder that are of this very cell; none if damaged."""
    path = cell_folder(config, cell) / ROWS_FILE
    try:
        rows = read_row_file(path) if path.exists() else []
    except records.Damaged as error:
        say("bench", f"{error}. The cell is measured again")
        return []
    return [row for row in rows if row["identity"] == fingerprint(config, cell)]


def _views(game: str) -> list[str]:
    return ["scn", *(["pixel"] if game in labelled_games("pixel") else [])]


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split()) or "no message"
    return (
        text if isinstance(error, ValueError | RuntimeError) else f"{type(error).__name__}: {text}"
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
