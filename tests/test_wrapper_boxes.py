"""``boxes`` of all wrappers: where the slots of the last observation are in its frames."""

from __future__ import annotations

import copy
import pickle
from functools import partial

import gymnasium as gym
import numpy as np
import pytest
from boxed_spots import BoxedSpotEncoder
from fake_envs import SPRITES, SpritesEnv
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv
from spots import SpotEncoder
from sprite_vectors import makers
from stable_baselines3.common.vec_env import DummyVecEnv, VecFrameStack

from slotenv import ObjectSlotObservation, lazy_encoder, vector
from slotenv.encoders.encoding import run
from slotenv.sb3 import VecObjectSlotObservation


@pytest.fixture
def encoder(tiny_preset):
    return BoxedSpotEncoder(preprocess=tiny_preset).eval()


def boxes_one_by_one(encoder, frames):
    return np.concatenate([encoder.encode_with_boxes(frame[None])[1] for frame in frames])


@pytest.mark.parametrize("switches", [{}, {"hold": True, "motion": True, "flatten": True}], ids=str)
def test_one_environment(encoder, switches, monkeypatch):
    env = ObjectSlotObservation(gym.make(SPRITES), encoder, keep_pixels=True, **switches)
    passes = []
    monkeypatch.setattr(
        lazy_encoder, "run", lambda *given: passes.append(len(given[1])) or run(*given)
    )
    for seed in range(2):
        observed = [env.reset(seed=seed)[0]]
        for step in range(9):
            assert env.boxes.shape == (3, 5)
            seen = boxes_one_by_one(encoder, [observed[-1]["pixels"]])[0]
            np.testing.assert_allclose(env.boxes, seen, atol=1e-4)
            observed.append(env.step(step % 4)[0])
    assert passes == [1] * 20
    assert len({tuple(env.boxes.ravel()), tuple(seen.ravel())}) == 2  # they follow the sprites


@pytest.mark.parametrize("mode", AutoresetMode)
@pytest.mark.parametrize("kind", [SyncVectorEnv, AsyncVectorEnv])
def test_environments_that_end_and_start_anew(encoder, mode, kind):
    if kind is AsyncVectorEnv and mode != AutoresetMode.SAME_STEP:
        pytest.skip("the frames come in the same form")
    envs = vector.ObjectSlotObservation(
        kind(makers(), autoreset_mode=mode), encoder, keep_pixels=True, hold=True
    )
    observed, ended = envs.reset(seed=0)[0], np.zeros(3, bool)
    finals = 0
    for step in range(16):
        seen = boxes_one_by_one(encoder, observed["pixels"])
        assert envs.boxes.shape == (3, 3, 5)
        np.testing.assert_allclose(envs.boxes, seen, atol=1e-4)
        if mode == AutoresetMode.DISABLED and ended.any():
            observed = envs.reset(options={"reset_mask": ended})[0]
            seen = boxes_one_by_one(encoder, observed["pixels"])
            np.testing.assert_allclose(envs.boxes, seen, atol=1e-4)
        observed, _, terminated, truncated, infos = envs.step(np.array([1, step % 4, 2]))
        ended = terminated | truncated
        finals += "final_obs" in infos
    assert finals == (7 if mode == AutoresetMode.SAME_STEP else 0)
    envs.close()


def test_stable_baselines(encoder):
    make = partial(SpritesEnv, episode_steps=3)
    venv = VecObjectSlotObservation(DummyVecEnv([make, SpritesEnv]), encoder, keep_pixels=True)
    stacked = VecFrameStack(venv, 2)
    stacked.reset()
    for _ in range(7):
        observed = stacked.step(np.array([1, 3]))[0]
        seen = boxes_one_by_one(encoder, observed["pixels"][..., -3:])
        np.testing.assert_allclose(venv.boxes, seen, atol=1e-4)
        np.testing.assert_array_equal(stacked.boxes, venv.boxes)


def test_they_are_the_caller_s_to_write_into(encoder):
    env = ObjectSlotObservation(gym.make(SPRITES), encoder)
    env.reset(seed=0)
    before = env.boxes
    before[:] = -1
    assert (env.boxes[:, 3:] == 8).all()


def test_copies_and_pickles_take_them_along(encoder):
    env = ObjectSlotObservation(SpritesEnv(), encoder)
    env.reset(seed=0)
    copied, pickled = copy.deepcopy(env), pickle.loads(pickle.dumps(env))  # before they were asked
    expected = env.boxes
    for again in (copied, pickled, copy.deepcopy(env), pickle.loads(pickle.dumps(env))):
        np.testing.assert_array_equal(again.boxes, expected)
        again.step(1)
        assert (again.boxes != expected).any()
    np.testing.assert_array_equal(env.boxes, expected)


def test_encoders_without_boxes_say_so(tiny_preset, tiny_encoder):
    for encoder, name in ((SpotEncoder(preprocess=tiny_preset), "Spot"), (tiny_encoder, "SlotMap")):
        env = ObjectSlotObservation(gym.make(SPRITES), encoder)
        env.reset(seed=0)
        venv = VecObjectSlotObservation(DummyVecEnv([SpritesEnv]), encoder)
        for one in (env, venv):
            with pytest.raises(TypeError, match=rf"a {name}Encoder does not say where its slots"):
                _ = one.boxes


def test_there_are_none_before_the_first_reset(encoder):
    envs = SyncVectorEnv(makers())
    for env in (
        ObjectSlotObservation(gym.make(SPRITES), encoder),
        vector.ObjectSlotObservation(envs, encoder),
        VecObjectSlotObservation(DummyVecEnv([SpritesEnv]), encoder),
    ):
        with pytest.raises(RuntimeError, match=r"call reset\(\) first"):
            _ = env.boxes
