"""The extractor over slots that are there already: no encoder, nothing added, nothing mixed up."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest
import torch
from fake_envs import SPRITES
from gymnasium.spaces import Box, Dict, Discrete
from gymnasium.wrappers import FrameStackObservation
from pixel_agents import ALGORITHMS
from stable_baselines3 import PPO
from stable_baselines3.common.torch_layers import FlattenExtractor
from stable_baselines3.common.vec_env import DummyVecEnv, VecFrameStack, VecNormalize

from slotenv import ObjectSlotObservation, SlotExtractor
from slotenv.sb3 import VecObjectSlotObservation

NOTHING_MORE = {"features_extractor_class": SlotExtractor}
PIXELS = Box(0, 255, (84, 84, 3), np.uint8)
SLOTS = Box(-np.inf, np.inf, (3, 4), np.float32)
FORMS = {  # arguments of the wrapper, frames stacked, features
    "slots": ({}, 1, 12),
    "flat": ({"flatten": True}, 1, 12),
    "motion": ({"motion": True}, 1, 24),
    "stacked": ({}, 4, 48),
    "flat, stacked": ({"flatten": True}, 4, 48),
    "dict": ({"keep_pixels": True}, 1, 12),
    "dict, flat, motion, stacked": (
        {"keep_pixels": True, "flatten": True, "motion": True},
        2,
        48,
    ),
}


def venv_of(encoder, form):
    shown, stack, _ = FORMS[form]
    venv = VecObjectSlotObservation(DummyVecEnv([lambda: gym.make(SPRITES)]), encoder, **shown)
    return VecFrameStack(venv, stack) if stack > 1 else venv


def agent(venv, name="ppo", **more):
    algorithm, settings = ALGORITHMS[name]
    policy = "MultiInputPolicy" if isinstance(venv.observation_space, Dict) else "MlpPolicy"
    kwargs = {**NOTHING_MORE, **more}
    return algorithm(policy, venv, policy_kwargs=kwargs, seed=0, device="cpu", **settings)


def features_of(model, observations):
    return model.policy.extract_features(model.policy.obs_to_tensor(observations)[0])


@pytest.mark.parametrize("form", FORMS)
def test_features_are_the_slots_flattened(tiny_encoder, form):
    model = agent(venv_of(tiny_encoder, form))
    model.env.reset()
    for _ in range(3):
        observations, *_ = model.env.step([1])
    features = features_of(model, observations)
    slots = observations["slots"] if isinstance(observations, dict) else observations
    np.testing.assert_array_equal(features.numpy(), slots.reshape(1, -1))
    assert features.shape == (1, FORMS[form][2])
    assert slots.any()


def test_a_policy_computes_what_it_does_without_the_extractor(tiny_encoder):
    found = []
    for extractor in (SlotExtractor, FlattenExtractor):
        venv = venv_of(tiny_encoder, "stacked")
        venv.seed(3)
        model = agent(venv, features_extractor_class=extractor).learn(64)
        found.append(list(model.policy.parameters()))
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


def test_slots_stacked_by_gymnasium_are_slots(tiny_encoder):
    env = FrameStackObservation(ObjectSlotObservation(gym.make(SPRITES), tiny_encoder), 4)
    assert env.observation_space.shape == (4, 3, 4)
    for attention, features in ((False, 48), (True, 128)):
        kwargs = SlotExtractor.policy_kwargs(attention=attention)
        model = PPO("MlpPolicy", env, policy_kwargs=kwargs, n_steps=8, batch_size=8).learn(8)
        assert model.policy.features_dim == features


@pytest.mark.parametrize("form", ["slots", "flat, stacked", "dict"])
def test_normalised_slots_are_slots(tiny_encoder, form):
    venv = venv_of(tiny_encoder, form)
    keys = ["slots"] if isinstance(venv.observation_space, Dict) else None
    normalised = VecNormalize(venv, norm_obs_keys=keys, clip_obs=1.0)
    model = agent(normalised).learn(64)
    observations = normalised.reset()
    slots = observations["slots"] if keys else observations
    assert np.abs(slots).max() <= 1
    np.testing.assert_array_equal(features_of(model, observations)[0], slots.ravel())


def test_pixels_of_a_dict_do_not_matter(tiny_encoder):
    model = agent(venv_of(tiny_encoder, "dict"))
    observations = model.env.reset()
    before = features_of(model, observations)
    observations["pixels"] = np.random.default_rng(0).integers(
        0, 256, observations["pixels"].shape, np.uint8
    )
    assert torch.equal(features_of(model, observations), before)


def test_a_batch_is_its_observations():
    extractor, slots = SlotExtractor(SLOTS), torch.randn(6, 3, 4)
    assert torch.equal(extractor(slots), torch.stack([extractor(one[None])[0] for one in slots]))
    assert not list(extractor.parameters())


def test_one_slot_of_one_number():
    assert SlotExtractor(Box(-1, 1, (1, 1), np.float32)).features_dim == 1


@pytest.mark.parametrize(
    ("space", "kwargs", "error", "words"),
    [
        (PIXELS, {}, TypeError, r'uint8\) and no encoder: type policy_kwargs=SlotE.*\("pong"\)'),
        (PIXELS, {"attention": True}, TypeError, r"and no encoder: type"),
        (Box(0, 1, (3, 84, 84), np.float32), {}, TypeError, "and no encoder: type"),
        (Box(-10, 10, (3, 84, 84), np.float32), {}, TypeError, "and no encoder: type"),
        (Box(0, 255, (84, 84), np.uint8), {}, TypeError, "and no encoder: type"),
        (Discrete(3), {}, TypeError, r"got Discrete\(3\) and no encoder"),
        (SLOTS, {"encoder": "pong"}, ValueError, "takes slots as they are, got Box.*leave both"),
        (SLOTS, {"frozen": False}, ValueError, "frozen=False: leave both out"),
        (Dict(pixels=PIXELS, slots=SLOTS), {"encoder": "pong"}, ValueError, "leave both out"),
        (Dict(pixels=PIXELS), {"encoder": "pong"}, ValueError, "'slots' out of a Dict.*'pixels'"),
        (Dict(objects=SLOTS), {}, ValueError, "'slots' out of a Dict.*got a Dict of 'objects'"),
        (Dict(slots=SLOTS, score=SLOTS), {}, ValueError, "of 'slots', 'score'.*CombinedExtract"),
        (Dict(), {}, ValueError, "got a Dict of nothing"),
        (Dict(slots=PIXELS), {}, TypeError, r"Box of floats, \(K, D\) or \(K \* D,\), got Box"),
        (Box(-1, 1, (0, 4), np.float32), {}, ValueError, "K and D positive"),
        (SLOTS, {"frozen": "no"}, TypeError, "frozen must be True or False"),
    ],
)
def test_what_does_not_go_together_is_told_in_words(space, kwargs, error, words):
    with pytest.raises(error, match=f"(?s){words}"):
        SlotExtractor(space, **kwargs)
