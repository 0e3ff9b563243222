"""The zoo's configs, resolved the way rl_zoo3 does it."""

from __future__ import annotations

import importlib
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from fake_envs import SPRITES, SpritesEnv
from stable_baselines3 import DQN, PPO
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv
from torch import nn

import slotenv
from slotenv import ready
from slotenv.encoders import SlotMapEncoder
from slotenv.frames import SCN, V5
from slotenv.zoo import PPO_YAML, VARIABLE, encoder_from_environment, with_slots

PONG = "PongNoFrameskip-v4"
ZOO_KEYS = ("env_wrapper", "policy", "n_envs", "n_timesteps", "learning_rate")


@pytest.fixture(scope="module")
def pong_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("scn"), SCN)


def save(folder: Path, preset: Any) -> Path:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        SlotMapEncoder(num_slots=2, slot_dim=4, preprocess=preset).save_pretrained(folder / "e")
    return folder / "e"


def load_config(
    module: str, monkeypatch: pytest.MonkeyPatch, encoder: Path | None
) -> dict[str, Any]:
    if encoder is None:
        monkeypatch.delenv(VARIABLE, raising=False)
    else:
        monkeypatch.setenv(VARIABLE, str(encoder))
    monkeypatch.delitem(sys.modules, module, raising=False)
    config = importlib.import_module(module).hyperparams
    monkeypatch.delitem(sys.modules, module)
    return config["atari"]


def wrapped(hyperparams: dict[str, Any], env: gym.Env[Any, Any]) -> gym.Env[Any, Any]:
    """As rl_zoo3.utils.get_wrapper_class: a dotted path to its keyword arguments."""
    for entry in hyperparams["env_wrapper"]:
        ((path, kwargs),) = entry.items()
        module, name = path.rsplit(".", 1)
        env = getattr(importlib.import_module(module), name)(env, **kwargs)
    return env


@pytest.mark.ale
@pytest.mark.parametrize(("name", "algorithm"), [("ppo", PPO), ("dqn", DQN)])
def test_the_algorithm_takes_the_config_and_acts(name, algorithm, pong_folder, monkeypatch):
    hyperparams = load_config(f"slotenv.zoo.{name}", monkeypatch, pong_folder)
    venv = DummyVecEnv([lambda: wrapped(hyperparams, Monitor(gym.make(PONG)))])
    assert venv.observation_space.shape == (2, 8)  # slots and their change
    settings = {key: value for key, value in hyperparams.items() if key not in ZOO_KEYS}
    settings |= {"buffer_size": 100} if name == "dqn" else {}
    settings |= {"batch_size": 256} if name == "ppo" else {}  # with one environment
    model = algorithm(hyperparams["policy"], venv, device="cpu", seed=0, **settings)
    assert model.predict(venv.reset())[0].shape == (1,)
    venv.close()


def test_ppo_has_the_documented_settings(pong_folder, monkeypatch):
    config = load_config("slotenv.zoo.ppo", monkeypatch, pong_folder)
    wanted = {"n_envs": 8, "n_steps": 512, "batch_size": 512, "n_epochs": 10, "ent_coef": 0.03}
    assert wanted.items() <= config.items()
    assert config["learning_rate"] == "lin_5e-4"
    assert config["policy_kwargs"] == {"net_arch": [256, 256], "activation_fn": nn.ReLU}
    assert config["env_wrapper"][0]["slotenv.zoo.with_slots"]["encoder"] == str(pong_folder)


def test_the_yaml_says_what_the_module_says(pong_folder, monkeypatch):
    yaml = pytest.importorskip("yaml")
    config = yaml.safe_load(Path(PPO_YAML).read_text())
    expected = load_config("slotenv.zoo.ppo", monkeypatch, pong_folder)
    expected["env_wrapper"][0]["slotenv.zoo.with_slots"].pop("encoder")  # the wrapper looks it up
    assert config["default"] == config["atari"]
    text = config["atari"].pop("policy_kwargs")
    assert eval(text) == expected.pop("policy_kwargs")  # as the zoo does
    assert config["atari"] == expected


@pytest.mark.ale
def test_rl_zoo3_itself_builds_the_wrapper(pong_folder, monkeypatch):
    utils = pytest.importorskip("rl_zoo3.utils")
    hyperparams = load_config("slotenv.zoo.ppo", monkeypatch, pong_folder)
    env = utils.get_wrapper_class(hyperparams)(gym.make(PONG))
    assert env.observation_space.shape == (2, 8)
    env.close()


@pytest.mark.ale
def test_frames_are_those_of_make_env(pong_folder):
    encoder = slotenv.SlotEncoder.from_pretrained(pong_folder)
    ours = with_slots(gym.make(PONG), pong_folder)
    theirs = slotenv.ObjectSlotObservation(slotenv.make_env("Pong", SCN), encoder)
    np.testing.assert_allclose(ours.reset(seed=3)[0], theirs.reset(seed=3)[0], atol=1e-5)
    rng = np.random.default_rng(0)
    for action in rng.integers(6, size=60):
        a, b = ours.step(int(action)), theirs.step(int(action))
        np.testing.assert_allclose(a[0], b[0], atol=1e-5)
        assert a[1:4] == (np.sign(b[1]), *b[2:4])
    ours.close()
    theirs.close()


@pytest.mark.ale
def test_a_game_without_a_no_op_is_played(pong_folder):
    game = gym.make("ALE/Backgammon-v5", frameskip=1, repeat_action_probability=0.0)
    env = with_slots(game, pong_folder)
    assert env.reset(seed=0)[0] in env.observation_space
    env.close()


@pytest.mark.ale
def test_the_monitor_inside_sees_every_emulator_frame_and_the_true_reward(pong_folder):
    monitor = Monitor(gym.make(PONG))
    env = with_slots(monitor, pong_folder)
    env.reset(seed=0)
    before = len(monitor.rewards)
    for _ in range(10):
        env.step(0)
    assert len(monitor.rewards) - before == 40
    env.close()


@pytest.mark.ale
def test_an_encoder_of_v5_frames_needs_the_v5_environment(tmp_path):
    folder = save(tmp_path, V5)
    env = with_slots(gym.make("ALE/Pong-v5"), folder, flatten=True)
    assert env.observation_space.shape == (8,)
    env.close()
    with pytest.raises(ValueError, match="preset 'v5': use --env ALE/Pong-v5"):
        with_slots(gym.make(PONG), folder)


@pytest.mark.ale
def test_an_encoder_of_both_takes_either_environment(tmp_path):
    folder = save(tmp_path, replace(V5, max_pool=None))
    for name, skips in (("ALE/Pong-v5", False), (PONG, True)):
        env = with_slots(gym.make(name), folder)
        assert ("MaxAndSkipEnv" in str(env)) == skips
        assert env.reset(seed=0)[0] in env.observation_space
        env.close()


@pytest.mark.ale
def test_an_encoder_of_scn_frames_needs_the_bare_environment(pong_folder):
    with pytest.raises(ValueError, match=r"use --env PongNoFrameskip-v4 \(ALE/Pong-v5 skips 4"):
        with_slots(gym.make("ALE/Pong-v5"), pong_folder)


def test_other_pixel_environments_keep_their_rewards(tiny_encoder_folder, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(tiny_encoder_folder))
    env = with_slots(gym.make(SPRITES))
    assert isinstance(env, slotenv.ObjectSlotObservation)
    assert env.observation_space.shape == (3, 4)


@pytest.mark.ale
def test_slots_that_know_when_they_are_hidden_are_held(pong_folder):
    game = "ALE/MsPacman-v5"  # whose ghosts flicker
    envs = {hold: with_slots(gym.make(game), "mspacman", hold=hold) for hold in (None, True, False)}
    for env in envs.values():
        env.reset(seed=0)
    rng = np.random.default_rng(0)
    differ = False
    for action in rng.integers(9, size=60):
        slots = {hold: env.step(int(action))[0] for hold, env in envs.items()}
        np.testing.assert_array_equal(slots[None], slots[True])
        differ |= not np.array_equal(slots[None], slots[False])
    assert differ
    for env in envs.values():
        env.close()
    with_slots(gym.make(PONG), pong_folder).close()  # numbers without names are not
    with pytest.raises(ValueError, match="hold=True needs an encoder whose slots say"):
        with_slots(gym.make(PONG), pong_folder, hold=True)


@pytest.mark.parametrize("value", ["", " "])
def test_an_encoder_that_is_neither_named_nor_ready_made_is_asked_for(value, monkeypatch):
    monkeypatch.setenv(VARIABLE, value)
    with pytest.raises(ValueError, match=f"{SPRITES} is none: .*export SLOTENV_ENCODER="):
        with_slots(gym.make(SPRITES))
    with pytest.raises(ValueError, match="with_slots cannot tell which game"):
        with_slots(SpritesEnv())


@pytest.mark.ale
@pytest.mark.parametrize("name", ["ppo", "dqn"])
def test_the_ready_made_encoder_of_the_game_is_the_default(name, monkeypatch):
    hyperparams = load_config(f"slotenv.zoo.{name}", monkeypatch, None)
    with wrapped(hyperparams, Monitor(gym.make(PONG))) as env:
        expected = with_slots(gym.make(PONG), "pong", motion=True)
        np.testing.assert_array_equal(env.reset(seed=2)[0], expected.reset(seed=2)[0])
        expected.close()
    monkeypatch.setattr(ready, "names", lambda: ("pong",))
    with pytest.raises(ValueError, match=r"no encoder of Carnival comes .*export SLOTENV_ENCODER="):
        with_slots(gym.make("ALE/Carnival-v5"))


@pytest.mark.ale
@pytest.mark.parametrize("how", [{"seed": 3}, {"options": {"new": True}}])
def test_a_reset_with_a_seed_begins_a_game(how):
    with with_slots(gym.make("BreakoutNoFrameskip-v4"), "breakout") as env:
        env.reset(seed=3)
        terminated = False
        while not terminated:
            *_, terminated, _, _ = env.step(0)
        env.reset()
        assert env.unwrapped.ale.lives() == 4  # the next life of the same game
        env.reset(**how)
        assert env.unwrapped.ale.lives() == 5


def test_folders_become_absolute_and_hub_ids_stay(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run").mkdir()
    monkeypatch.setenv(VARIABLE, "run")
    assert encoder_from_environment() == str(tmp_path / "run")
    monkeypatch.setenv(VARIABLE, "someone/pong")
    assert encoder_from_environment() == "someone/pong"
