"""What older versions wrote is read as it was then: `old_folders/` holds it, with its numbers."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fake_envs import SpritesEnv
from stable_baselines3 import PPO

from pretrain.bench.results.rows import read_rows
from pretrain.data.store import FrameStore
from pretrain.report import write_report
from pretrain.report.run_folder import read_run
from pretrain.runtime.metrics_log import read_metrics
from slotenv import SlotEncoder

OLD = Path(__file__).parent / "old_folders"
FRAMES, ENCODER_SIZES = 4, {"object-mixture": 84, "slot-maps": 76}
ROUNDING = {"rtol": 1e-5, "atol": 1e-5}
"""Sums may be taken in another order than then."""


@pytest.fixture(scope="module", params=sorted(p.stem for p in OLD.glob("version_*.zip")))
def version(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("old") / request.param
    shutil.unpack_archive(OLD / f"{request.param}.zip", folder)
    return folder


@pytest.fixture(scope="module")
def numbers(version: Path) -> dict[str, Any]:
    """What that version itself read from its folders."""
    content: dict[str, Any] = json.loads((OLD / f"{version.name}.json").read_text())
    return content


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    env = SpritesEnv(episode_steps=FRAMES + 1)
    first, _ = env.reset(seed=2)
    return np.stack([first, *(env.step(t % 4)[0] for t in range(FRAMES - 1))])


@pytest.mark.parametrize("name", ["pong", "sprites"])
def test_stores(version: Path, numbers: dict[str, Any], name: str) -> None:
    store, expected = FrameStore(version / f"store-{name}"), numbers[f"store-{name}"]
    assert store.checksum == expected["checksum"]  # encoders name their training data by it
    assert digest(store.frames(range(len(store)))) == expected["frames"]
    assert digest(store.ram) == expected["ram"]
    assert store.actions.tolist() == expected["actions"]
    assert float(store.rewards.sum()) == expected["rewards"]
    assert int(store.episode[-1]) + 1 == expected["episodes"]


@pytest.mark.parametrize("name", ENCODER_SIZES)
def test_encoders(version: Path, numbers: dict[str, Any], frames: np.ndarray, name: str) -> None:
    size = ENCODER_SIZES[name]
    slots = SlotEncoder.from_pretrained(version / name).encode(frames[:, :size, :size].copy())
    np.testing.assert_allclose(slots, numbers[name], **ROUNDING)


def test_an_encoder_can_be_saved_over_an_old_one(version: Path, tmp_path: Path) -> None:
    folder = tmp_path / "encoder"
    shutil.copytree(version / "object-mixture", folder)
    encoder = SlotEncoder.from_pretrained(folder)
    encoder.save_pretrained(folder)
    again = SlotEncoder.from_pretrained(folder)
    for name, tensor in encoder.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name]), name


def test_an_agent(version: Path, numbers: dict[str, Any], frames: np.ndarray) -> None:
    agent = PPO.load(version / "agent.zip", device="cpu")
    images, _ = agent.policy.obs_to_tensor(frames)
    with torch.no_grad():
        logits = agent.policy.get_distribution(images).distribution.logits
    np.testing.assert_allclose(logits, numbers["agent"], **ROUNDING)


def test_a_run(version: Path, numbers: dict[str, Any], tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(version / "run", folder)
    run, expected = read_run(folder), numbers["run"]
    assert run.env_id == expected["env_id"]
    assert [[r.name, r.seed, r.report.accuracy] for r in run.rows] == expected["rows"]
    assert [row["loss"] for row in read_metrics(folder)] == expected["losses"]
    assert f"{expected['rows'][0][2]:.3f}" in write_report(folder).read_text()


def test_rows(version: Path, numbers: dict[str, Any]) -> None:
    rows = read_rows([version / "bench" / "rows.jsonl"])
    assert [[r["method"], r["view"], r["accuracy"]] for r in rows] == numbers["bench"]
    cell = next(version.glob("bench/pong/objects*/rows.jsonl"))
    assert read_rows([cell]) == [row for row in rows if row["method"] == "objects"]


def digest(array: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
