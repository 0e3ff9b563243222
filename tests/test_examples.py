"""Every example ends well with --quick, from a fresh checkout without data."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
SPRITES = "fake_envs:slotenv_tests/Sprites-v0"


def run(script: str, folder: Path, *more: str) -> str:
    """Run an example in a folder and return what it printed."""
    support = str(Path(__file__).parent / "support")
    done = subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLES / script), *more],
        cwd=folder,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": support},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.ale
def test_ppo_on_slots(tmp_path):
    assert "agent: ppo_on_slots.zip" in run("ppo_on_slots.py", tmp_path, "--quick")
    assert (tmp_path / "ppo_on_slots.zip").is_file()


def test_ppo_on_slots_with_attention_in_another_environment(tmp_path):
    run("ppo_on_slots.py", tmp_path, "--quick", "--env", SPRITES, "--attention")
    assert (tmp_path / "ppo_on_slots.zip").is_file()


@pytest.mark.ale
def test_ppo_with_slot_extractor(tmp_path):
    run("ppo_with_slot_extractor.py", tmp_path, "--quick")
    assert (tmp_path / "ppo_with_slot_extractor.zip").is_file()


def test_fine_tuning_a_given_encoder_in_another_environment(tmp_path, tiny_encoder_folder):
    more = ("--env", SPRITES, "--encoder", str(tiny_encoder_folder), "--finetune")
    run("ppo_with_slot_extractor.py", tmp_path, "--quick", *more)
    assert (tmp_path / "ppo_with_slot_extractor.zip").is_file()


@pytest.mark.ale
def test_add_an_objective(tmp_path):
    assert "tables: " in run("add_an_objective.py", tmp_path, "--quick", "--out", "run")
    table = (tmp_path / "run" / "tables.md").read_text()
    assert "Predictive" in table
    assert "Random-CNN" in table
    (folder,) = (tmp_path / "run" / "pong").glob("predictive*")
    assert (folder / "encoder" / "config.json").is_file()


@pytest.mark.ale
def test_probe_your_encoder(tmp_path):
    out = run("probe_your_encoder.py", tmp_path, "--quick")
    rows = [line.split("|") for line in out.splitlines() if "|" in line]
    assert all(float(row[3]) > 0.9 for row in rows if row[1].strip() in ("ball_x", "player_y"))
    assert "accuracy" in out


def test_an_example_without_encoder_asks_for_one(tmp_path):
    with pytest.raises(AssertionError, match="give --encoder"):
        run("ppo_on_slots.py", tmp_path, "--env", SPRITES)


@pytest.mark.ale
def test_learning_curves(tmp_path):
    arguments = ["run", "--arm", "coordinates", "--steps", "2048", "--out", "rows.jsonl"]
    run("learning_curves.py", tmp_path, *arguments)
    rows = [
        {"game": "Pong", "arm": arm, "seed": 0, "steps": steps, "seconds": steps / 500}
        | {"pretraining_seconds": 60.0, "return": steps / 1e5 - 21, "games": 50}
        for arm in ("slots", "pixels")
        for steps in (100_000, 200_000)
    ]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    out = run("learning_curves.py", tmp_path, "plot", "--rows", "rows.jsonl", "--out", "curves.png")
    assert out.strip() == "curves.png"
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
