"""One cell: train, encode the probe frames once, probe under every label view, write the rows."""

from __future__ import annotations

import hashlib
import json
import shlex
import time
import traceback
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from pretrain.bench.config import BenchConfig
from pretrain.bench.data import PRESET, PROBE_SEED, pretrain_folder, probe_folder
from pretrain.bench.matrix import Cell
from pretrain.bench.references import REFERENCES
from pretrain.bench.results.row import FAILED_FILE, ROWS_FILE, Row, read_row_file
from pretrain.config import TrainConfig
from pretrain.data.store import FrameStore
from pretrain.methods import METHODS
from pretrain.probe import read_slots
from pretrain.runtime.progress import say
from pretrain.training.build import slots_of
from pretrain.training.loop import train
from pretrain.training.snapshots import snapshots_of
from pretrain.training.step import choose_device
from slotenv import SlotEncoder, __version__, records
from slotenv.labels import labelled_games
from slotenv.probe import Features, probe_features

ROW_FORMAT = 1
"""Raised when rows mean something else than before: cells are then done again."""

_REPORTED = (
    "num_slots",
    "accuracy",
    "ridge_accuracy",
    "modularity",
    "weighted_modularity",
    "compactness",
    "presence_accuracy",
    "accuracy_by_label",
    "ridge_by_label",
    "presence_by_object",
    "undefined",
)


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


def identity(config: BenchConfig, cell: Cell) -> str:
    """Return a hash of everything a cell's rows depend on, but for the version of the package."""
    method = cell.resolved
    trained = cell.is_trained
    facts = {
        "format": ROW_FORMAT,
        "game": cell.game,
        "method": cell.method,
        "encoder": method.encoder,
        "objective": method.objective,
        "settings": method.settings,
        "seed": None if cell.is_reference else cell.seed,
        "frames": config.frames if trained or cell.is_fitted else 0,
        "updates": config.updates if trained else 0,
        "batch_size": config.batch_size if trained else None,
        "run_length": config.run_length if trained else None,
        "num_slots": None
        if cell.is_reference
        else slots_of(_train_config(config, cell, 1), cell.game),
        "probe_seed": PROBE_SEED,
        "probe_frames": config.probe_frames,
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
    given = TrainConfig(
        method=cell.method,
        settings=cell.settings,
        seed=cell.seed,
        threads=threads,
        device=config.device,
    )
    if not cell.is_trained:
        return given
    return replace(
        given,
        updates=config.updates,
        batch_size=config.batch_size,
        run_length=config.run_length,
    )


def _probe_encoder(
    config: BenchConfig, cell: Cell, folder: Path, store: FrameStore, *, snapshot: bool
) -> list[Row]:
    began = time.monotonic()
    encoder = SlotEncoder.from_pretrained(folder, device=choose_device(config.device))
    made = encoder.provenance
    subject = _Subject(
        read_slots(encoder, store, hold=METHODS[cell.method].held),
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
        report = probe_features(subject.features, store, game=cell.game, view=view).to_dict()
        seconds, began = time.monotonic() - began, time.monotonic()
        rows.append(
            {
                **_facts(config, cell),
                "snapshot": subject.snapshot,
                "updates": subject.updates,
                "view": view,
                **{name: report[name] for name in _REPORTED},
                "counts": report["counts"],
                "train_seconds": subject.train_seconds,
                "probe_seconds": round(seconds, 1),
                "device": subject.device,
                "time": _now(),
            }
        )
    return rows


def _facts(config: BenchConfig, cell: Cell) -> Row:
    """Return what is known of a cell before it runs."""
    return {
        "method": cell.method,
        "title": cell.title,
        "settings": cell.resolved.settings,
        "game": cell.game,
        "seed": cell.seed,
        "frames": config.frames if cell.is_trained or cell.is_fitted else 0,
        "frames_preset": PRESET,
        "updates": config.updates if cell.is_trained else 0,
        "batch_size": config.batch_size if cell.is_trained else None,
        "run_length": config.run_length if cell.is_trained else None,
        "probe_seed": PROBE_SEED,
        "probe_frames": config.probe_frames,
        "slotenv": __version__,
        "command": _command(config, cell),
        "identity": identity(config, cell),
    }


def _command(config: BenchConfig, cell: Cell) -> str:
    """Return the command that makes this cell, alone."""
    arguments = [
        *("--games", cell.game, "--methods", cell.argument, "--seeds", str(cell.seed)),
        *("--updates", str(config.updates), "--frames", str(config.frames)),
        *("--probe-frames", str(config.probe_frames), "--batch-size", str(config.batch_size)),
        *("--run-length", str(config.run_length), *(["--curve"] if config.curve else [])),
    ]
    return "python -m pretrain bench " + shlex.join(arguments)


def _valid_rows(config: BenchConfig, cell: Cell) -> list[Row]:
    """Return the rows in the cell's folder that are of this very cell; none if damaged."""
    path = cell_folder(config, cell) / ROWS_FILE
    try:
        rows = read_row_file(path) if path.exists() else []
    except records.Damaged as error:
        say("bench", f"{error}. The cell is measured again")
        return []
    return [row for row in rows if row["identity"] == identity(config, cell)]


def _views(game: str) -> list[str]:
    return ["scn", *(["pixel"] if game in labelled_games("pixel") else [])]


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split()) or "no message"
    return (
        text if isinstance(error, ValueError | RuntimeError) else f"{type(error).__name__}: {text}"
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
