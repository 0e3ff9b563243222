"""A tiny run folder: two sprites before a dark background, an untrained encoder, made-up scores."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from pretrain.data.shards import Shard, compress_frame
from pretrain.data.store import DataDescription
from pretrain.data.writer import create, record_shard, write_shard
from slotenv.encoders import SlotMapEncoder
from slotenv.frames import plain
from slotenv.probe import ProbeCounts, ProbeReport

SIZE, STEPS, EPISODE = 80, 60, 30


def sprite_frames(count: int = STEPS) -> NDArray[np.uint8]:
    """A white square that walks right and a red one that walks down; each moment once a lap."""
    frames = np.full((count, SIZE, SIZE, 3), 30, np.uint8)
    for t in range(count):
        x, y = 2 * t % 70, 3 * t % 70
        frames[t, 10:18, x : x + 8] = 255
        frames[t, y : y + 8, 60:68] = (200, 30, 30)
    return frames


def write_store(folder: Path, ram: NDArray[np.uint8] | None = None) -> None:
    """Store the sprites' frames as a complete data set, by default without RAM."""
    preset = plain(SIZE, SIZE).to_dict()
    create(folder, DataDescription(env_id="Sprites-v0", preset=preset, seed=0, num_steps=STEPS))
    chunks = [compress_frame(frame) for frame in sprite_frames()]
    shard = Shard(
        frames=b"".join(chunks),
        sizes=np.array([len(chunk) for chunk in chunks], np.int64),
        actions=np.zeros(STEPS, np.int64),
        rewards=np.zeros(STEPS, np.float32),
        episode=(np.arange(STEPS) // EPISODE).astype(np.int32),
        ram=np.zeros((STEPS, 0), np.uint8) if ram is None else ram,
    )
    record_shard(folder, 0, write_shard(folder, 0, shard))


def probe_report(accuracy: float = 0.5, **changes: Any) -> ProbeReport:
    """A report with given accuracy and made-up details."""
    fields: dict[str, Any] = {
        "game": "pong",
        "view": "scn",
        "accuracy": accuracy,
        "ridge_accuracy": accuracy + 0.05,
        "accuracy_by_label": {"player_y": accuracy, "ball_x": accuracy},
        "ridge_by_label": {"player_y": accuracy, "ball_x": accuracy},
        "object_by_label": {"player_y": "player", "ball_x": "ball"},
        "modularity": 0.1,
        "weighted_modularity": 0.2,
        "compactness": None,
        "presence_accuracy": None,
        "presence_by_object": {},
        "undefined": {"compactness": "made up to be undefined"},
        "left_out": {"ball_y": "constant in the test part"},
        "importance": [[0.75, 0.25], [0.4, 0.6]],
        "object_names": ["player", "ball"],
        "num_slots": 2,
        "slot_dim": 4,
        "counts": ProbeCounts(
            train=42,
            validation=6,
            test=12,
            duplicates=0,
            constant_dims=0,
            dead_slots=0,
            episodes=2,
        ),
        "shuffled": False,
        "seed": 0,
        "points": {
            "player_y": [[1.0, 2.0], [2.0, 2.5], [3.0, 90.0]],
            "ball_x": [[1.0, 1.0], [1.0, 1.0]],
        },
    }
    return ProbeReport(**(fields | changes))


def probe_row(name: str, seed: int, accuracy: float, updates: int = 20) -> dict[str, Any]:
    """A row of probe.json."""
    return {
        "key": "not for the report",
        "name": name,
        "seed": seed,
        "updates": updates,
        "train_seconds": None,
        "report": probe_report(accuracy).to_dict(),
    }


@pytest.fixture(scope="session")
def tiny_encoder_80() -> SlotMapEncoder:
    """Two slots of four numbers for the sprites' frames."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return SlotMapEncoder(num_slots=2, slot_dim=4, preprocess=plain(SIZE, SIZE)).eval()


@pytest.fixture
def bare_run(tmp_path: Path, tiny_encoder_80: SlotMapEncoder) -> Path:
    """A run folder with nothing but an encoder."""
    tiny_encoder_80.save_pretrained(tmp_path / "encoder")
    return tmp_path


@pytest.fixture
def full_run(bare_run: Path) -> Path:
    """A run folder with everything."""
    fill(bare_run)
    return bare_run


def fill(folder: Path) -> None:
    """Put everything but the encoder into a run folder."""
    write_store(folder / "data" / "probe")
    config = {
        "arguments": {"env": "Pong", "train": {"updates": 20, "num_slots": None}},
        "versions": {"slotenv": "9.8.7"},
        "command": "python -m pretrain run --env Pong",
        "env_id": "Pong",
        "game": "pong",
    }
    (folder / "config.json").write_text(json.dumps(config))
    metrics: list[dict[str, Any]] = []
    for update in (5, 10, 15, 20):
        values = {"loss": 4.0 / update, "saliency": 3.0 / update, "saliency_accuracy": 0.5}
        values |= {"diversity": 1.0 / update, "diversity_accuracy": 0.9}
        row = {"update": update, "seconds": 1.0 * update}
        metrics.append({**row, "split": "train", **values})
        chance = {"chance_saliency": 4.85, "constant_slots": 0.0}
        metrics.append({**row, "split": "validation", **values, **chance})
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in metrics))
    write_probe(
        folder,
        [
            probe_row("SCN", 0, 0.5),
            probe_row("SCN", 1, 0.7),
            probe_row("untrained", 0, 0.31, updates=0),
            probe_row("SCN, shuffled labels", 0, -0.02),
        ],
    )


def write_probe(folder: Path, rows: list[dict[str, Any]]) -> None:
    """Write probe.json with these rows and a short curve."""
    curve = [
        {"updates": n, "train_seconds": 60.0 * n, "accuracy": a, "ridge_accuracy": a}
        for n, a in ((20, 0.6), (0, 0.31))
    ]
    (folder / "probe.json").write_text(json.dumps({"rows": rows, "curve": curve}))
