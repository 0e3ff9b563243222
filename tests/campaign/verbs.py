"""The commands that the campaign kills and damages, small enough for a thousand tries of each.

All of them run in a folder of their own with what they read in ``in/`` and write to ``out``.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from fake_envs import SPRITES
from forge import seal

import pretrain.training.loop
from pretrain.cli import main
from pretrain.data.collect import collect
from pretrain.data.store import DataDescription
from slotenv import SlotEncoder
from slotenv.encoders import SlotMapEncoder
from slotenv.environments import preset_for

Maker = Callable[[Path], object]
ENV, GAME = f"fake_envs:{SPRITES}", "PongNoFrameskip-v4"
FRAMES, PONG_FRAMES = 200, 300
SMALL = ("--slot-dim", "4", "--num-slots", "2")
TRAINED = (
    *("--method", "scn", *SMALL, "--batch-size", "16", "--threads", "1"),
    *("--updates", "24", "--validate-every", "8"),
)
_READY_SIZES = (
    *("--games", "pong", "--frames", str(PONG_FRAMES), "--probe-frames", str(PONG_FRAMES)),
)
_BENCH_SIZES = (*_READY_SIZES, "--updates", "4", "--batch-size", "16")


@dataclass(frozen=True)
class Verb:
    """A command.

    Attributes:
        name: Its name here.
        act: Does it, in the working directory.
        share: How many of 100 tries it gets; those that take seconds get few.
        reads: What of :data:`INPUTS` it needs.
        copied: The one of them that lies at ``out`` before it, if any.
        readable: Whether ``out`` is a whole encoder at every moment.
    """

    name: str
    act: Callable[[], object]
    share: float
    reads: tuple[str, ...] = ()
    copied: str | None = None
    readable: bool = False


@dataclass(frozen=True)
class Command:
    """A command line that can be called, with whatever."""

    words: tuple[str, ...]

    def __call__(self, *_: object) -> None:
        main(list(self.words))


def command(text: str, *more: str) -> Command:
    """Return a command line of some words, and words that hold spaces."""
    return Command((*text.split(), *more))


def describe(env_id: str, steps: int, *, seed: int, shard_steps: int = 5_000) -> DataDescription:
    """Describe frames of an environment."""
    preset = preset_for(env_id).to_dict()
    return DataDescription(
        env_id=env_id, preset=preset, seed=seed, num_steps=steps, shard_steps=shard_steps
    )


def _collect_shards(workers: int) -> Callable[[], object]:
    return lambda: collect(Path("out"), describe(ENV, 50, seed=1, shard_steps=20), workers=workers)


def _save() -> None:
    encoder = SlotEncoder.from_pretrained("in/maps")
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter.mul_(0.5)
    encoder.save_pretrained("out")


def _train() -> None:
    pretrain.training.loop._SAVE_SECONDS = 0.0  # a state after every update
    main(["train", "--data", "in/sprites", "--out", "out", *TRAINED])


_PLAYERS = "--games pong --frames 300 --workers 1 --methods mean"
_OLD = next(Path(__file__).resolve().parents[1].glob("old_folders/version_0_1_0.zip"))
_RUN = f"run --env {ENV} --out out --frames 120 --workers 1"
_RUN_PONG = f"run --env {GAME} --out out --frames 300 --probe-frames 300 --workers 1 --curve"

VERBS = {
    verb.name: verb
    for verb in (
        Verb("collect", command(f"collect --env {ENV} --out out --frames 60 --workers 1"), 8),
        Verb("collect-shards", _collect_shards(1), 12),
        Verb("collect-workers", _collect_shards(2), 1),
        Verb("train", _train, 14, ("sprites",)),
        Verb(
            "train-untrained",
            command("train --data in/sprites --out out --method random", *SMALL),
            8,
            ("sprites",),
        ),
        Verb(
            "train-objects",
            command("train --data in/sprites --out out --num-slots 3"),
            6,
            ("sprites",),
        ),
        Verb(
            "refit",
            command("refit --encoder in/objects --data in/more --out out"),
            6,
            ("sprites", "objects", "more"),
        ),
        Verb("save", _save, 14, ("maps",), copied="maps", readable=True),
        Verb("run", command(_RUN, "--method", "random", *SMALL), 4),
        Verb("run-probed", command(_RUN_PONG, *TRAINED), 2),
        Verb(
            "probe",
            command("probe --encoder in/pong --data in/probe --json out"),
            6,
            ("pong", "probe"),
        ),
        Verb("report", command("report --out out"), 3, ("run",), copied="run"),
        Verb("bench", command("bench --out out --methods mean random", *_BENCH_SIZES), 3),
        Verb(
            "players",
            command(f"upkeep players --out out {_PLAYERS}"),
            2,
            ("bench",),
            copied="bench",
        ),
        Verb(
            "identity",
            command("upkeep identity --bench in/bench --out out --frames 100"),
            3,
            ("bench",),
        ),
        Verb("tables", command("tables in/bench/rows.jsonl --out out"), 3, ("bench",)),
        Verb(
            "ready",
            command("upkeep ready --out out/made --data out/data --workers 1", *_READY_SIZES),
            2,
        ),
        Verb(
            "watch",
            command(f"watch --encoder in/objects --env {ENV} --out out.gif --steps 6"),
            3,
            ("sprites", "objects"),
        ),
        Verb("slots-draw", command("upkeep slots draw --games pong --out out --moments 1"), 2),
        Verb("labels-draw", command("upkeep labels draw --games pong --out out --moments 1"), 2),
    )
}


def _maps(folder: Path, slots: int, env_id: str) -> None:
    torch.manual_seed(0)
    encoder = SlotMapEncoder(num_slots=slots, slot_dim=4, preprocess=preset_for(env_id))
    encoder.provenance = {"env_id": env_id}
    encoder.save_pretrained(folder)


def _objects(folder: Path) -> None:
    main(["train", "--data", "in/sprites", "--out", "made", "--num-slots", "3"])
    shutil.copytree("made/encoder", folder)


def _collected(env_id: str, steps: int, seed: int, shard_steps: int = 5_000) -> Maker:
    described = describe(env_id, steps, seed=seed, shard_steps=shard_steps)
    return lambda folder: collect(folder, described, workers=1)


def _players(folder: Path) -> None:
    shutil.copytree("in/bench", folder)
    main(["upkeep", "players", "--out", str(folder), *_PLAYERS.split()])


def _failed(folder: Path) -> None:
    """A benchmark with a cell that failed, as its row says."""
    shutil.copytree("in/bench", folder)
    rows = next(folder.glob("pong/mean*/rows.jsonl"))
    row = json.loads(rows.read_text().splitlines()[0])
    kept = ("method", "title", "settings", "game", "seed", "frames", "updates", "probe_frames")
    failed = {name: row[name] for name in (*kept, "identity", "command", "slotenv")}
    failed |= {"failed": "no memory", "details": "Traceback", "time": row["time"]}
    rows.unlink()
    (rows.parent / "failed.json").write_text(seal(failed))


INPUTS: dict[str, Maker] = {
    "sprites": _collected(ENV, FRAMES, 0, shard_steps=120),
    "more": _collected(ENV, FRAMES, 7),
    "probe": _collected(GAME, PONG_FRAMES, 1_000_001),
    "objects": _objects,
    "maps": lambda folder: _maps(folder, 2, ENV),
    "pong": lambda folder: _maps(folder, 3, GAME),
    "trained": lambda folder: main(
        ["train", "--data", "in/sprites", "--out", str(folder), *TRAINED]
    ),
    "run": command(_RUN_PONG.replace("--out out", "--out in/run"), *TRAINED),
    "bench": command("bench --out in/bench --methods mean random objects", *_BENCH_SIZES),
    "players": _players,
    "identity": command("upkeep identity --bench in/bench --out in/identity --frames 100"),
    "failed": _failed,
    "old": lambda folder: shutil.unpack_archive(_OLD, folder),
}
"""What verbs read, by name; later ones may need earlier ones."""


def make_inputs(names: Iterable[str]) -> None:
    """Make what is missing of some inputs, in the working directory's ``in/``."""
    Path("in").mkdir(exist_ok=True)
    for name, make in INPUTS.items():
        if name in names and not Path("in", name).exists():
            make(Path("in", name))


def frames_of_sprites(count: int) -> np.ndarray:
    """Frames for encoders of the sprites."""
    rng = np.random.default_rng(0)
    frames = np.full((count, 84, 84, 3), 30, np.uint8)
    for frame in frames:
        row, column = rng.integers(0, 76, 2)
        frame[row : row + 8, column : column + 8] = (200, 40, 40)
    return frames
