"""Small agents of Stable-Baselines3 whose policies see sprites through a SlotExtractor."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import torch
from fake_envs import SPRITES
from gymnasium.spaces import Box
from stable_baselines3 import A2C, DQN, PPO

from slotenv import SlotExtractor

PIXELS = Box(0, 255, (3, 84, 84), np.uint8)
ALGORITHMS = {
    "ppo": (PPO, {"n_steps": 32, "batch_size": 32, "n_epochs": 2}),
    "a2c": (A2C, {"n_steps": 8}),
    "dqn": (DQN, {"buffer_size": 100, "learning_starts": 8, "target_update_interval": 20}),
}


def plain_kwargs(folder, **kwargs):
    return {
        "features_extractor_class": SlotExtractor,
        "features_extractor_kwargs": {"encoder": str(folder), **kwargs},
    }


def agent(name, policy_kwargs, env=None):
    algorithm, settings = ALGORITHMS[name]
    env = env or gym.make(SPRITES)
    return algorithm(
        "CnnPolicy", env, policy_kwargs=policy_kwargs, seed=0, device="cpu", **settings
    )


def images_of(frames):
    return torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 255.0
