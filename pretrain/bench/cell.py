"""One cell: train, encode the probe frames once, probe under every label view, write the rows."""

from __future__ import annotations

import hashlib
import json
import shlex
import time
import traceback
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from pretrain.bench.matrix import PRESET, PROBE_SEED, Cell, frames_folder
from pretrain.bench.references import REFERENCES
from pretrain.bench.results.rows import FAILED_FILE, ROWS_FILE, Row, measured, read_row_file
from pretrain.config import BenchConfig, TrainConfig
from pretrain.data.store import FrameStore
from pretrain.methods import HELD
from pretrain.probe import read_slots
from pretrain.runtime.progress import say
from pretrain.training.encoders import slots_of, snapshots_of
from pretrain.training.loop import train
from pretrain.training.step import choose_device
from slotenv import SlotEncoder, __version__, records
from slotenv.labels import labelled_games
from slotenv.probe import Features, probe_features

_EFFORT = ("updates", "batch_size", "run_length")  # flags of training that change what it makes


def fingerprint(config: BenchConfig, cell: Cell) -> str:
    """Return a hash of everything a cell's rows depend on, but for the version of the package.

    Rows keep it as ``identity``; one that changes makes finished cells be done again.
    """
    slots = None if cell.is_reference else slots_of(_train_config(config, cell, 1), cell.game)
    facts = _made(config, cell) | {
        "format": 1,  # to be raised when rows mean something else than before
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


def failure(config: BenchConfig, cell: Cell) -> str | None:
    """Return why a cell failed, None if it did not."""
    path = cell.folder(config) / FAILED_FILE
    rows = read_row_file(path) if path.exists() else []
    return str(rows[0]["failed"]) if rows else None


def run_cell(config: BenchConfig, cell: Cell, *, threads: int | None) -> None:
    """Do what is missing of a cell whose frames are there; what goes wrong is in ``failed.json``.

    ``threads`` are those of training; None: as ``train`` chooses. After Ctrl-C the next call goes
    on from there.
    """
    try:
        _run(config, cell, threads)
        (cell.folder(config) / FAILED_FILE).unlink(missing_ok=True)
    except Exception as error:
        reason = " ".join(str(error).split()) or "no message"
        if not isinstance(error, ValueError | RuntimeError):
            reason = f"{type(error).__name__}: {reason}"
        write_failure(config, cell, reason, traceback.format_exc())


def write_rows(config: BenchConfig, cell: Cell, rows: list[Row], name: str = ROWS_FILE) -> None:
    """Write a cell's rows in one instant."""
    folder = cell.folder(config)
    folder.mkdir(parents=True, exist_ok=True)
    records.write_lines(folder / name, rows)


def write_failure(config: BenchConfig, cell: Cell, reason: str, details: str = "") -> None:
    """Note that a cell failed; the next run tries it again."""
    row = {"failed": reason, **_facts(config, cell), "time": now(), "details": details}
    write_rows(config, cell, [row], FAILED_FILE)


def now() -> str:
    """Return the time as rows have it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def features_of(
    method: str, game: str, folder: Path, stores: Iterable[FrameStore], device: str
) -> tuple[list[Features], Row]:
    """Read what is probed of a cell from several stores; also return how it was made.

    It is the slots of the encoder in ``folder``, or, of a reference, what stands for them.
    """
    if method in REFERENCES:
        made = {"updates": 0, "train_seconds": 0.0, "device": "cpu"}
        return [REFERENCES[method].features(store, game) for store in stores], made
    encoder = SlotEncoder.from_pretrained(folder, device=choose_device(device))
    slots = [read_slots(encoder, store, hold=method in HELD) for store in stores]
    return slots, encoder.provenance


def _run(config: BenchConfig, cell: Cell, threads: int | None) -> None:
    rows, folder = _valid_rows(config, cell), cell.folder(config)
    probe_store = FrameStore(frames_folder(config.out, cell.game))
    if not cell.is_reference:
        store = FrameStore(frames_folder(config.out, cell.game, cell.seed))
        if store.checksum == probe_store.checksum:
            raise ValueError("the probe frames are the training frames")
        training = _train_config(config, cell, threads)
        train(store, training, folder, num_slots=slots_of(training, cell.game))
    if all(row["snapshot"] for row in rows):
        rows += _probe(config, cell, folder / "encoder", probe_store, snapshot=False)
        write_rows(config, cell, rows)
    if config.curve and cell.is_trained:
        done = {row["updates"] for row in rows if row["snapshot"]}
        for update, encoder in snapshots_of(folder).items():
            if update not in done:
                rows += _probe(config, cell, encoder, probe_store, snapshot=True)
                write_rows(config, cell, rows)


def _train_config(config: BenchConfig, cell: Cell, threads: int | None) -> TrainConfig:
    names = ("device", "devices", *_EFFORT) if cell.is_trained else ("device",)
    return TrainConfig(
        method=cell.definition,
        settings=cell.settings,
        seed=cell.seed,
        threads=threads,
        **{name: getattr(config, name) for name in names},
    )


def _probe(
    config: BenchConfig, cell: Cell, folder: Path, store: FrameStore, *, snapshot: bool
) -> list[Row]:
    """Probe under every view of the game, a snapshot under the paper's only."""
    began = time.monotonic()
    (features,), made = features_of(cell.method, cell.game, folder, [store], config.device)
    rows = []
    for view in ["scn"] if snapshot else _views(cell.game):
        report = probe_features(features, store, game=cell.game, view=view)
        seconds, began = time.monotonic() - began, time.monotonic()
        rows.append(
            {
                **_facts(config, cell),
                "snapshot": snapshot,
                "updates": made["updates"],
                **measured(report),
                "train_seconds": made["train_seconds"],
                "probe_seconds": round(seconds, 1),
                "device": made["device"],
                "time": now(),
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
        "frames": config.frames if cell.needs_frames else 0,
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
    path = cell.folder(config) / ROWS_FILE
    try:
        rows = read_row_file(path) if path.exists() else []
    except records.Damaged as error:
        say("bench", f"{error}. The cell is measured again")
        return []
    return [row for row in rows if row["identity"] == fingerprint(config, cell)]


def _views(game: str) -> list[str]:
    return ["scn", *(["pixel"] if game in labelled_games("pixel") else [])]
