"""Two games of Stable-Baselines3 that play a script."""

from __future__ import annotations

import numpy as np
from gymnasium.spaces import Box, Discrete
from stable_baselines3.common.vec_env import VecEnv


class Scripted(VecEnv):
    """Plays back (rewards, dones, lives) of two games; an observation is the step's number."""

    def __init__(self, script, as_dict=False, with_lives=True):
        self.script, self.as_dict, self.with_lives = script, as_dict, with_lives
        super().__init__(2, Box(0, 99, (1,), np.float32), Discrete(2))

    def reset(self):
        self.now = 0
        return self.observe()

    def observe(self):
        obs = np.full((2, 1), self.now, np.float32) + np.array([[0], [0.5]], np.float32)
        return {"a": obs} if self.as_dict else obs

    def step_async(self, actions):
        self.now += 1

    def step_wait(self):
        rewards, dones, lives = map(np.array, self.script[self.now - 1])
        infos = [{"lives": int(n)} if self.with_lives else {} for n in lives]
        return self.observe(), rewards.astype(np.float32), dones.astype(bool), infos

    def get_attr(self, attr_name, indices=None):
        return [None, None]

    def close(self): ...
    def set_attr(self, *args, **kwargs): ...
    def env_method(self, *args, **kwargs): ...
    def env_is_wrapped(self, *args, **kwargs):
        return [False, False]
