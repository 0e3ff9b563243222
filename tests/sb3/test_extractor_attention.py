"""Attention as an option of the extractor: the same over slots and, in the policy, over frames."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest
import torch
from fake_envs import SPRITES
from gymnasium.spaces import Box
from pixel_agents import ALGORITHMS, PIXELS, images_of
from stable_baselines3.common.vec_env import DummyVecEnv, VecFrameStack

from slotenv import ObjectSlotObservation, SlotExtractor
from slotenv.sb3 import VecObjectSlotObservation

SLOTS = Box(-np.inf, np.inf, (3, 4), np.float32)


def agent(policy, venv, **kwargs):
    algorithm, settings = ALGORITHMS["ppo"]
    policy_kwargs = SlotExtractor.policy_kwargs(**kwargs)
    return algorithm(policy, venv, policy_kwargs=policy_kwargs, seed=0, device="cpu", **settings)


@pytest.mark.parametrize("stack", [1, 3])
def test_frames_and_slots_have_the_same_features(tiny_encoder, tiny_encoder_folder, stack):
    frames = DummyVecEnv([lambda: gym.make(SPRITES)])
    slots = VecObjectSlotObservation(DummyVecEnv([lambda: gym.make(SPRITES)]), tiny_encoder)
    inside, outside = (
        agent(policy, VecFrameStack(venv, stack), attention=True, **more)
        for policy, venv, more in (
            ("CnnPolicy", frames, {"encoder": tiny_encoder_folder}),
            ("MlpPolicy", slots, {}),
        )
    )
    weights = outside.policy.features_extractor.pooling.state_dict()
    inside.policy.features_extractor.pooling.load_state_dict(weights)
    found = []
    for model in (inside, outside):
        model.env.seed(0)
        model.env.reset()
        for _ in range(3):
            observations, *_ = model.env.step([1])
        found.append(model.policy.extract_features(model.policy.obs_to_tensor(observations)[0]))
    torch.testing.assert_close(*found, atol=1e-5, rtol=1e-4)
    assert found[0].shape == (1, 128)
    assert found[0].any()


@pytest.mark.parametrize("frozen", [True, False])
def test_gradients_reach_the_encoder_through_it_unless_frozen(tiny_encoder_folder, frames, frozen):
    extractor = SlotExtractor(PIXELS, tiny_encoder_folder, frozen, attention=True)
    extractor(images_of(frames)).square().sum().backward()
    assert all(p.grad is not None for p in extractor.pooling.parameters())
    assert all((p.grad is None) == frozen for p in extractor.encoder.parameters())


def test_a_dict_sets_its_sizes(tiny_encoder):
    env = ObjectSlotObservation(gym.make(SPRITES), tiny_encoder, keep_pixels=True)
    sizes = {"features_dim": 10, "width": 8, "heads": 2, "identity": False}
    model = agent("MultiInputPolicy", env, attention=sizes).learn(32)
    assert model.policy.features_dim == 10
    assert model.policy.features_extractor.pooling.slot_identity is None


@pytest.mark.parametrize(
    ("space", "attention", "error", "words"),
    [
        (Box(-1, 1, (12,), np.float32), True, ValueError, r"flat slots \(12,\): use flatten=False"),
        (SLOTS, "yes", TypeError, "attention must be True or False, got 'yes'"),
        (SLOTS, {"width": 30}, ValueError, "width that heads divide, got .* width=30, heads=4"),
        (SLOTS, {"widht": 32}, TypeError, "unexpected keyword argument 'widht'"),
    ],
)
def test_attention_that_cannot_be_is_told_in_words(space, attention, error, words):
    with pytest.raises(error, match=words):
        SlotExtractor(space, attention=attention)
