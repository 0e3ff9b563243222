"""Every example ends well with --quick, from a fresh checkout without data."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest
import torch
from run_example import EXAMPLES, run

SPRITES = "fake_envs:slotenv_tests/Sprites-v0"


@pytest.mark.ale
def test_ppo_on_slots(tmp_path):
    assert "agent: ppo_on_slots.zip" in run("ppo_on_slots.py", tmp_path, "--quick")
    assert (tmp_path / "ppo_on_slots.zip").is_file()
    film = ["watch", "--encoder", "pong", "--agent", "ppo_on_slots.zip", "--steps", "3"]
    more = ["--hold", "--out", "ppo.gif"]
    subprocess.run(
        [sys.executable, "-m", "pretrain", *film, *more], cwd=tmp_path, check=True, timeout=120
    )
    assert (tmp_path / "ppo.gif").is_file()


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
    more = ["--quick", "--out", "run", "--jobs", "2"]  # in processes that do not run the script
    assert "tables: " in run("add_an_objective.py", tmp_path, *more)
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


@pytest.mark.ale
def test_cleanrl_ppo_slots(tmp_path):
    out = run("cleanrl_ppo_slots.py", tmp_path, "--quick", "--logdir", "curves")
    assert "step 128: no game has ended" in out
    assert (tmp_path / "cleanrl_ppo_slots.pt").is_file()
    assert list((tmp_path / "curves").glob("events.*"))


def test_cleanrl_ppo_slots_says_which_game_there_is_not(tmp_path):
    with pytest.raises(AssertionError, match="no ROM 'MsPacman': name it like ms_pacman"):
        run("cleanrl_ppo_slots.py", tmp_path, "--game", "MsPacman")


def test_the_advantages_of_cleanrl_ppo_slots_end_with_episodes():
    spec = importlib.util.spec_from_file_location("one_file", EXAMPLES / "cleanrl_ppo_slots.py")
    one_file = importlib.util.module_from_spec(spec)
    sys.modules["one_file"] = one_file  # where its dataclass looks for its types
    spec.loader.exec_module(one_file)
    args = one_file.Args(gamma=0.5, gae_lambda=0.5)
    rewards, dones = torch.tensor([[1.0], [2.0], [4.0]]), torch.tensor([[0.0], [1.0], [0.0]])
    values = torch.tensor([[1.0], [2.0], [3.0], [8.0]])
    # By hand: 4 + 0.5 * 8 - 3; then 2 - 2, the end; then 1 + 0.5 * 2 - 1 + 0.25 * 0.
    expected = torch.tensor([[1.0], [0.0], [5.0]])
    torch.testing.assert_close(one_file.advantages_of(rewards, dones, values, args), expected)


def test_an_example_without_encoder_asks_for_one(tmp_path):
    with pytest.raises(AssertionError, match="give --encoder"):
        run("ppo_on_slots.py", tmp_path, "--env", SPRITES)
