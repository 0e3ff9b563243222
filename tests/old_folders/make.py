"""Make the archive of this folder, with the version of slotenv that is to be kept readable.

Run once by that version's own code, never by a later one; `python make.py OUT` writes
`OUT/version_<version>.zip` and `OUT/version_<version>.json`, the numbers read back from it. Needs
the `pretrain` extra, and `tests/support` on the path.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from fake_envs import SPRITES, SpritesEnv
from stable_baselines3 import PPO

from pretrain.bench.results.rows import read_rows
from pretrain.cli import main
from pretrain.config import TrainConfig
from pretrain.data.collect import collect
from pretrain.data.store import DataDescription, FrameStore
from pretrain.report.run_folder import read_run
from pretrain.runtime.metrics_log import read_metrics
from pretrain.training.loop import train
from slotenv import SlotEncoder, SlotExtractor, __version__
from slotenv.encoders import ObjectMixtureEncoder, SlotMapEncoder
from slotenv.environments import preset_for
from slotenv.frames import plain

STEPS, SHARD_STEPS = 60, 40
"""Two shards, the second one shorter."""


def make_stores(out: Path) -> None:
    """One with RAM and a player of its own, one of an environment that is no emulator."""
    for name, env_id, player in (
        ("pong", "PongNoFrameskip-v4", "scripted"),
        ("sprites", f"fake_envs:{SPRITES}", "random"),
    ):
        description = DataDescription(
            env_id=env_id,
            preset=preset_for(env_id).to_dict(),
            seed=5,
            num_steps=STEPS,
            shard_steps=SHARD_STEPS,
            player=player,
        )
        collect(out / f"store-{name}", description, workers=1)


def make_encoders(out: Path) -> None:
    """Weights of the convolutions are rounded to a few values: the archive is to be small."""
    frames = sprites(512, seed=1)
    fitted = ObjectMixtureEncoder.from_frames(frames, preprocess=plain(84, 84), num_slots=5)
    fitted.save_pretrained(out / "object-mixture")
    torch.manual_seed(0)
    maps = SlotMapEncoder(num_slots=3, slot_dim=4, preprocess=plain(76, 76))
    with torch.no_grad():
        for weight in maps.parameters():
            step = float(weight.std()) if weight.dim() > 1 else 1.0
            weight.copy_((weight / step).round().clamp(-1, 1) * step)
    maps.save_pretrained(out / "slot-maps")


def make_agent(out: Path) -> None:
    """PPO with an encoder inside its policy; its folder is not needed to load it."""
    kwargs = SlotExtractor.policy_kwargs(out / "object-mixture", net_arch=[8])
    agent = PPO("CnnPolicy", SpritesEnv(), n_steps=32, batch_size=16, policy_kwargs=kwargs, seed=0)
    agent.learn(64)
    agent.save(out / "agent.zip")


def make_run(out: Path, work: Path) -> None:
    """A run of Pong, with the metrics of a training beside it, as objects are not trained."""
    sizes = ["--frames", "2000", "--probe-frames", "2000", "--workers", "1"]
    main(["run", "--env", "PongNoFrameskip-v4", "--out", str(work / "run"), *sizes])
    run = out / "run"
    run.mkdir()
    for name in ("config.json", "probe.json", "results.jsonl"):
        shutil.copy(work / "run" / name, run)
    shutil.copytree(work / "run" / "encoder", run / "encoder")
    data = work / "data"
    fields = {"env_id": f"fake_envs:{SPRITES}", "preset": plain(84, 84).to_dict(), "seed": 0}
    collect(data, DataDescription(num_steps=400, **fields), workers=1)
    config = TrainConfig(method="scn", updates=100, slot_dim=4, batch_size=16, validate_every=20)
    train(FrameStore(data), config, work / "trained", num_slots=2)
    shutil.copy(work / "trained" / "metrics.jsonl", run)


def make_bench(out: Path, work: Path) -> None:
    """Rows of three kinds, and one cell's own."""
    folder = work / "bench"
    sizes = ["--frames", "2000", "--probe-frames", "2000", "--updates", "2"]
    methods = ["random", "objects", "mean", "coordinates"]
    main(["bench", "--out", str(folder), "--games", "pong", "--methods", *methods, *sizes])
    main(["upkeep", "players", "--out", str(folder), "--games", "pong", "--frames", "2000"])
    main(["upkeep", "identity", "--bench", str(folder), "--out", str(folder), "--frames", "500"])
    cell = next(folder.glob("pong/objects*/rows.jsonl"))
    (out / "bench" / cell.parent.relative_to(folder)).mkdir(parents=True)
    for path in (*(folder / f"{n}.jsonl" for n in ("rows", "players", "identity")), cell):
        shutil.copy(path, out / "bench" / path.relative_to(folder))


def sprites(count: int, *, seed: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Frames of the sprites environment under a fixed rule for the actions."""
    env = SpritesEnv(episode_steps=count + 1)
    frames = [env.reset(seed=seed)[0]]
    frames += [env.step(t % 4)[0] for t in range(count - 1)]
    return np.stack(frames)


def read(out: Path) -> dict[str, Any]:
    """Return the numbers that a later version must find, too."""
    numbers: dict[str, Any] = {}
    for name in ("pong", "sprites"):
        store = FrameStore(out / f"store-{name}")
        numbers[f"store-{name}"] = {
            "checksum": store.checksum,
            "frames": digest(store.frames(range(len(store)))),
            "ram": digest(store.ram),
            "actions": store.actions.tolist(),
            "rewards": float(store.rewards.sum()),
            "episodes": int(store.episode[-1]) + 1,
        }
    frames = sprites(4, seed=2)
    for name, of_size in (("object-mixture", frames), ("slot-maps", frames[:, :76, :76])):
        encoder = SlotEncoder.from_pretrained(out / name)
        numbers[name] = encoder.encode(np.ascontiguousarray(of_size)).tolist()
    agent = PPO.load(out / "agent.zip", device="cpu")
    images, _ = agent.policy.obs_to_tensor(frames)
    with torch.no_grad():
        numbers["agent"] = agent.policy.get_distribution(images).distribution.logits.tolist()
    run = read_run(out / "run")
    numbers["run"] = {
        "env_id": run.env_id,
        "rows": [[row.name, row.seed, row.report.accuracy] for row in run.rows],
        "losses": [row["loss"] for row in read_metrics(out / "run")],
    }
    rows = read_rows([out / "bench" / "rows.jsonl"])
    numbers["bench"] = [[r["method"], r["view"], r["accuracy"]] for r in rows]
    return numbers


def digest(array: np.ndarray[Any, Any]) -> str:
    """SHA-256 of an array's bytes."""
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def make(target: Path) -> None:
    """Make everything, and read it back."""
    with tempfile.TemporaryDirectory() as work:
        out = Path(work) / "out"
        out.mkdir()
        os.chdir(work)  # no path of this machine goes into what is written
        make_stores(out)
        make_encoders(Path("out"))
        make_agent(Path("out"))
        make_run(out, Path("."))
        make_bench(out, Path("."))
        name = f"version_{__version__.replace('.', '_')}"
        (target / f"{name}.json").write_text(json.dumps(read(out), indent=1) + "\n")
        with zipfile.ZipFile(target / f"{name}.zip", "w", zipfile.ZIP_DEFLATED, True, 9) as archive:
            for path in sorted(out.rglob("*")):
                if path.is_file() and path.name != ".lock":
                    archive.write(path, path.relative_to(out))


if __name__ == "__main__":
    make(Path(sys.argv[1]).resolve())
