"""Without an encoder, `policy_kwargs` takes the ready-made one of the environment's game."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest
from fake_envs import SpritesEnv
from gymnasium.spaces import Box
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import DummyVecEnv, VecFrameStack

from slotenv import ObjectSlotObservation, SlotExtractor, ready
from slotenv.sb3 import VecObjectSlotObservation

PONG = "ALE/Pong-v5"


class Pong(SpritesEnv):
    """Sprites that go by the name of a game."""

    def __init__(self) -> None:
        super().__init__()
        self.spec = gym.envs.registration.EnvSpec(PONG, entry_point="x:y")


@pytest.fixture(autouse=True)
def package(tiny_encoder, tmp_path, monkeypatch):
    """A package whose encoder of Pong is the tiny one, and which has no other."""
    tiny_encoder.provenance["env_id"] = PONG
    tiny_encoder.save_pretrained(tmp_path / "package" / "pong")
    monkeypatch.setattr(ready, "_HERE", tmp_path / "package")


@pytest.mark.parametrize("make", [lambda: PONG, Pong, lambda: DummyVecEnv([Pong, Pong])])
def test_it_is_the_encoder_that_the_name_means(make):
    assert SlotExtractor.policy_kwargs(env=make()) == SlotExtractor.policy_kwargs("pong")


def test_frames_are_encoded_with_it():
    venv = VecFrameStack(DummyVecEnv([Pong]), 2)
    kwargs = SlotExtractor.policy_kwargs(env=venv, net_arch=[4])
    model = PPO("CnnPolicy", venv, policy_kwargs=kwargs, n_steps=8, batch_size=8).learn(8)
    assert model.policy.features_dim == 2 * 12


@pytest.mark.parametrize("form", ["env", "vec", "stacked", "dict"])
def test_slots_need_none(form, tiny_encoder):
    if form in ("env", "dict"):
        env = ObjectSlotObservation(Pong(), tiny_encoder, keep_pixels=form == "dict")
    else:
        env = VecObjectSlotObservation(DummyVecEnv([Pong]), tiny_encoder)
        env = VecFrameStack(env, 2) if form == "stacked" else env
    assert SlotExtractor.policy_kwargs(env=env) == SlotExtractor.policy_kwargs()


def test_games_without_one_are_told_in_words():
    with pytest.raises(ValueError, match=r"policy_kwargs.*no encoder of Breakout.*pretrain one"):
        SlotExtractor.policy_kwargs(env="ALE/Breakout-v5")
    with pytest.raises(ValueError, match="Atari games, and CartPole-v1 is none"):
        SlotExtractor.policy_kwargs(env="CartPole-v1")


def test_an_encoder_that_is_named_is_taken(tiny_encoder, tmp_path):
    tiny_encoder.save_pretrained(tmp_path / "other")
    kwargs = SlotExtractor.policy_kwargs(tmp_path / "other", env=Pong())
    assert kwargs["features_extractor_kwargs"]["encoder"]["folder"] == str(tmp_path / "other")
    with pytest.warns(UserWarning, match="SlotExtractor: this encoder was trained on Pong"):
        SlotExtractor.policy_kwargs(tmp_path / "other", env="ALE/Breakout-v5")


def test_without_encoder_and_environment_it_fits_slots_only():
    kwargs = SlotExtractor.policy_kwargs()["features_extractor_kwargs"]
    assert SlotExtractor(Box(-1, 1, (3, 4), np.float32), **kwargs).features_dim == 12
    with pytest.raises(TypeError, match="no encoder: type"):
        SlotExtractor(Box(0, 255, (3, 84, 84), np.uint8), **kwargs)
