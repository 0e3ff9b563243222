"""Pong without wrappers, a frame skip of a user's own, and an encoder of such frames."""

from __future__ import annotations

import gymnasium as gym
import torch

from slotenv.encoders import SlotMapEncoder
from slotenv.frames import V5


def atari_encoder(preset=V5):
    """Two slots of three numbers, always the same weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return SlotMapEncoder(num_slots=2, slot_dim=3, preprocess=preset).eval()


def bare_pong(**kwargs):
    return gym.make("ALE/Pong-v5", disable_env_checker=True, **kwargs)


class Repeat(gym.Wrapper):
    """A frame skip of a user's own; it cuts a step short with the episode, as they do."""

    def __init__(self, env, times=4):
        super().__init__(env)
        self.times = times

    def step(self, action):
        for _ in range(self.times):
            frame, reward, terminated, truncated, info = self.env.step(action)
            if terminated or truncated:
                break
        return frame, reward, terminated, truncated, info
