"""The files that are damaged, and how each is read: through what users call."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from contents import digest_of, steady
from forge import Rng, forge_shard, forge_state, forge_weights
from verbs import PONG_FRAMES, TRAINED, frames_of_sprites

from pretrain.bench.identity import measure_identity
from pretrain.bench.players import probe_players
from pretrain.bench.results.rows import gather_rows, read_rows
from pretrain.config import TrainConfig
from pretrain.data.store import FrameStore
from pretrain.report.run_folder import read_run
from pretrain.training.loop import train
from slotenv import SlotEncoder

Forge = Callable[[Rng, Path], tuple[str, bool]]


@dataclass(frozen=True)
class Subject:
    """One kind of file.

    Attributes:
        name: Its line in the table.
        source: Folder of the inputs; a fresh copy is damaged in each try.
        files: Pattern of the files inside it that are damaged.
        read: From the folder to a value that can be compared.
        share: How many of 100 tries it gets.
        forge: Makes wrong contents with right digests, besides what is done to JSON.
        lines: Whether a cut may cost lines: nothing says how many there were.
        growing: Whether the last line may be torn, and the file be empty or missing.
        optional: Whether the file need not be there.
        writes: Whether reading writes.
    """

    name: str
    source: str
    files: str
    read: Callable[[Path], Any]
    share: float
    forge: Forge | None = None
    lines: bool = False
    growing: bool = False
    optional: bool = False
    writes: bool = False


def read_store(folder: Path) -> Any:
    """All that a store gives, frames read twice: what depends on memory would differ."""
    store = FrameStore(folder)
    first, second = (store.frames(range(len(store))) for _ in range(2))
    assert np.array_equal(first, second), "two readings differ"
    columns = (first, store.actions, store.rewards, store.episode, store.ram)
    return [store.checksum, *(_sha(column) for column in columns)]


def read_encoder(folder: Path) -> Any:
    """Slots of fixed frames, or of black ones for frames of another size."""
    encoder = SlotEncoder.from_pretrained(folder)
    shape = encoder.preprocess.shape
    frames = frames_of_sprites(6) if shape == (84, 84, 3) else np.zeros((2, *shape), np.uint8)
    slots = encoder.encode(frames)
    assert np.isfinite(slots).all(), "slots are not finite"
    return [list(slots.shape), _sha(slots)]


def go_on(folder: Path) -> Any:
    """Weights and metrics of a training that goes on for a few updates."""
    values = dict(zip(TRAINED[::2], TRAINED[1::2], strict=True))
    config = TrainConfig(
        method="scn",
        slot_dim=int(values["--slot-dim"]),
        num_slots=int(values["--num-slots"]),
        batch_size=int(values["--batch-size"]),
        threads=1,
        validate_every=int(values["--validate-every"]),
        updates=int(values["--updates"]) + 4,
    )
    store = FrameStore(folder.parent / "in" / "sprites")
    encoder = train(store, config, folder, num_slots=config.num_slots)
    weights = {name: digest_of(tensor) for name, tensor in encoder.state_dict().items()}
    return {"weights": weights, "rows": json_lines(folder / "metrics.jsonl")}


def read_run_folder(folder: Path) -> Any:
    """What a report is made of."""
    run = read_run(folder)
    rows = [{**asdict(row), "report": row.report.to_dict()} for row in run.rows]
    frames = np.zeros((2, *run.encoder.preprocess.shape), np.uint8)
    return {
        "env_id": run.env_id,
        "game": run.game,
        "rows": steady([dict(row) for row in run.metrics]),
        "probe": steady(rows),
        "curve": steady([asdict(point) for point in run.curve]),
        "slots": _sha(run.encoder.encode(frames)),
    }


def read_bench_rows(folder: Path) -> Any:
    """Rows as tables are made of."""
    return {"rows": steady(read_rows([folder / "rows.jsonl"]))}


def gather(folder: Path) -> Any:
    """Rows of all cells of a benchmark."""
    return {"rows": steady(gather_rows(folder))}


def go_on_with_players(folder: Path) -> Any:
    """Rows and table of the verb ``players``, where all is measured."""
    asked = {"games": ("pong",), "methods": ("mean",), "frames": PONG_FRAMES, "workers": 1}
    table = probe_players(out=folder, **asked)
    return {"rows": json_lines(folder / "players.jsonl"), "table": table.read_text()}


def go_on_with_identity(folder: Path) -> Any:
    """Rows and table of the verb ``identity``, where all is measured."""
    bench = folder.parent / "in" / "bench"
    table = measure_identity(bench=bench, out=folder, frames=100)
    return {"rows": json_lines(folder / "identity.jsonl"), "table": table.read_text()}


def json_lines(path: Path) -> list[Any]:
    """Rows of a file without what says when and how long."""
    return [steady(json.loads(line)) for line in path.read_text().splitlines()]


def _sha(array: np.ndarray) -> str:
    content = np.ascontiguousarray(array).tobytes()
    return f"{array.dtype} {array.shape} {hashlib.sha256(content).hexdigest()}"


SUBJECTS = [
    Subject("store data.json", "sprites", "data.json", read_store, 9),
    Subject("store manifest", "sprites", "manifest.json", read_store, 7),
    Subject("store shard", "sprites", "shard-*.npz", read_store, 14, forge_shard),
    Subject("store shard, Pong", "probe", "shard-*.npz", read_store, 3, forge_shard),
    Subject("old store", "old/store-pong", "checksums.json", read_store, 3),
    Subject("old store shard", "old/store-pong", "shard-*.npz", read_store, 4, forge_shard),
    Subject("encoder config", "objects", "config.json", read_encoder, 8),
    Subject("encoder config, maps", "maps", "config.json", read_encoder, 5),
    Subject("encoder weights", "objects", "model.safetensors", read_encoder, 8, forge_weights),
    Subject("encoder weights, maps", "maps", "model.safetensors", read_encoder, 4, forge_weights),
    Subject("old encoder config", "old/object-mixture", "config.json", read_encoder, 3),
    Subject(
        *("training state", "trained", "train_state.safetensors", go_on, 3, forge_state),
        writes=True,
    ),
    Subject(
        *("training metrics", "trained", "metrics.jsonl", go_on, 2),
        **{"lines": True, "growing": True, "optional": True, "writes": True},
    ),
    Subject("run config", "run", "config.json", read_run_folder, 4, optional=True),
    Subject("run probe.json", "run", "probe.json", read_run_folder, 6, optional=True),
    Subject(
        *("run metrics", "run", "metrics.jsonl", read_run_folder, 4),
        **{"lines": True, "growing": True, "optional": True},
    ),
    Subject("bench rows", "bench", "rows.jsonl", read_bench_rows, 6, lines=True),
    Subject(
        "cell rows", "bench", "pong/*/rows.jsonl", gather, 3, lines=True, optional=True, writes=True
    ),
    Subject("failed cell", "failed", "pong/*/failed.json", gather, 2, optional=True, writes=True),
    Subject(
        *("players rows", "players", "players.jsonl", go_on_with_players, 1),
        **{"lines": True, "optional": True, "writes": True},
    ),
    Subject(
        *("identity rows", "identity", "identity.jsonl", go_on_with_identity, 1),
        **{"lines": True, "optional": True, "writes": True},
    ),
]
SOURCES = {
    *("sprites", "probe", "objects", "maps", "trained", "run", "bench", "players", "failed"),
    *("identity", "old"),
}
QUICK = {"sprites", "objects", "maps"}
"""Sources that are made in a second or two."""
