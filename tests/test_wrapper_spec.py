"""What is left of the wrapper when it is written down, copied or made again: names, no weights."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
import torch
from fake_envs import SPRITES, SpritesEnv
from gymnasium.envs.registration import EnvSpec

from slotenv import ObjectSlotObservation, SlotEncoder, checkpoint, make_env
from slotenv.frames import plain


def rollout(env, steps=5, seed=3):
    observations = [env.reset(seed=seed)[0]]
    observations += [env.step(i % 4)[0] for i in range(steps)]
    return np.stack(observations)


@pytest.mark.parametrize("as_path", [str, Path])
@pytest.mark.parametrize("motion", [False, True])
def test_spec_round_trip_gives_equal_observations(tiny_encoder_folder, as_path, motion):
    env = ObjectSlotObservation(
        gym.make(SPRITES), as_path(tiny_encoder_folder), flatten=True, motion=motion
    )
    assert env.spec.additional_wrappers[-1].kwargs["encoder"] == str(tiny_encoder_folder)
    text = env.spec.to_json()
    json.loads(text)
    for again in (gym.make(env.spec), gym.make(EnvSpec.from_json(text))):
        np.testing.assert_array_equal(rollout(again), rollout(env))


def test_a_spec_with_a_relative_folder_is_good_in_another(tiny_encoder_folder, monkeypatch):
    monkeypatch.chdir(tiny_encoder_folder.parent)
    env = ObjectSlotObservation(make_env(SPRITES, plain(84, 84)), tiny_encoder_folder.name)
    expected, text = rollout(env), env.spec.to_json()
    monkeypatch.chdir("/")
    for spec in (env.spec, EnvSpec.from_json(text)):
        np.testing.assert_array_equal(rollout(spec.make()), expected)


@pytest.mark.ale
def test_a_spec_keeps_the_name_of_a_ready_made_encoder():
    encoder = SlotEncoder.from_pretrained("pong")
    env = ObjectSlotObservation(make_env("Pong", encoder.preprocess), "pong")
    assert env.spec.additional_wrappers[-1].kwargs["encoder"] == "pong"
    np.testing.assert_array_equal(rollout(env.spec.make()), rollout(env))


def test_spec_of_an_encoder_in_memory_holds_that_very_encoder(tiny_encoder):
    env = ObjectSlotObservation(gym.make(SPRITES), tiny_encoder)
    assert env.spec.additional_wrappers[-1].kwargs["encoder"] is tiny_encoder
    np.testing.assert_array_equal(rollout(gym.make(env.spec)), rollout(env))


def test_an_id_with_slots_can_be_registered(tiny_encoder_folder):
    spec = ObjectSlotObservation.wrapper_spec(
        encoder=str(tiny_encoder_folder), motion=True, keep_pixels=True
    )
    gym.register("tests/Slots-v0", entry_point=SpritesEnv, additional_wrappers=(spec,))
    try:
        env = gym.make("tests/Slots-v0")
        assert env.observation_space["slots"].shape == (3, 8)
        assert env.reset(seed=0)[0] in env.observation_space
    finally:
        del gym.registry["tests/Slots-v0"]


def test_weights_are_read_with_the_first_observation(tiny_encoder_folder):
    weights = tiny_encoder_folder / checkpoint.WEIGHTS
    content = weights.read_bytes()
    weights.unlink()
    env = ObjectSlotObservation(gym.make(SPRITES), tiny_encoder_folder)
    weights.write_bytes(content)
    assert env.reset()[0] in env.observation_space


def test_weights_are_read_once_per_process(tiny_encoder_folder):
    envs = [ObjectSlotObservation(gym.make(SPRITES), tiny_encoder_folder) for _ in range(2)]
    rollout(envs[0])
    (tiny_encoder_folder / checkpoint.WEIGHTS).unlink()
    np.testing.assert_array_equal(rollout(envs[1]), rollout(envs[0]))


def test_a_replaced_folder_is_not_taken_for_the_old_one(tiny_encoder_folder, tiny_encoder):
    old = rollout(ObjectSlotObservation(gym.make(SPRITES), tiny_encoder_folder))
    with torch.no_grad():
        tiny_encoder.head_linear.weight.mul_(2)
    tiny_encoder.save_pretrained(tiny_encoder_folder)
    new = rollout(ObjectSlotObservation(gym.make(SPRITES), tiny_encoder_folder))
    assert not np.allclose(old, new)


def test_loading_leaves_the_random_numbers_alone(tiny_encoder_folder):
    env = ObjectSlotObservation(gym.make(SPRITES), tiny_encoder_folder)
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    env.reset()
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))])
def test_copies_hold_no_weights_and_see_the_same(tiny_encoder_folder, duplicate):
    env = ObjectSlotObservation(SpritesEnv(), tiny_encoder_folder)
    expected = rollout(env)
    again = duplicate(env)
    assert again._encoder._module is None
    np.testing.assert_array_equal(rollout(again), expected)
    assert len(pickle.dumps(env._encoder)) < 2000
