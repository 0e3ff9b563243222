"""What Atari agents are trained with, as ``VecEnv`` wrappers: lives as episodes, clipped rewards.

Around ``VecMonitor``, they leave the returns and lengths of whole games to be recorded.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import (
    VecEnv,
    VecEnvWrapper,
    VecMonitor,
    is_vecenv_wrapped,
)
from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn


class _AroundMonitor(VecEnvWrapper):
    """Lets Stable-Baselines3 warn of a second ``VecMonitor``, which would take these for scores."""

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        """Return whether each environment has a wrapper; ``VecMonitor`` counts as ``Monitor``."""
        wrapped = self.venv.env_is_wrapped(wrapper_class, indices)
        recorded = wrapper_class is Monitor and is_vecenv_wrapped(self.venv, VecMonitor)
        return [True] * len(wrapped) if recorded else wrapped


class VecEpisodicLives(_AroundMonitor):
    """Ends an episode with each life; the game itself goes on until it is over.

    Like ``EpisodicLifeEnv`` of Stable-Baselines3, but for the no-op that it plays after a lost
    life: here the first observation of the next life is the last of the life before.
    ``infos[i]["lives"]`` must be there.

    Args:
        venv: Environments that count lives.
    """

    def __init__(self, venv: VecEnv) -> None:
        super().__init__(venv)
        self._lives = np.zeros(self.num_envs, np.int64)  # 0: not known

    def reset(self) -> Any:
        """Reset all games."""
        self._lives[:] = 0
        return self.venv.reset()

    def step_wait(self) -> VecEnvStepReturn:
        """End the episodes of environments that lost a life."""
        obs, rewards, dones, infos = self.venv.step_wait()
        if not all("lives" in info for info in infos):
            raise ValueError(
                "VecEpisodicLives needs environments that tell info['lives'], as ale-py's do"
            )
        lives = np.array([info["lives"] for info in infos])
        lost = (lives > 0) & (lives < self._lives) & ~dones
        self._lives = np.where(dones, 0, lives)
        if lost.any():
            infos = list(infos)
            for i in np.flatnonzero(lost):
                last = {key: o[i] for key, o in obs.items()} if isinstance(obs, dict) else obs[i]
                more = {"terminal_observation": last, "TimeLimit.truncated": False}
                infos[i] = {**infos[i], **more}
        return obs, rewards, dones | lost, infos


class VecClipReward(_AroundMonitor):
    """Replaces rewards by their sign: -1, 0 or 1."""

    def reset(self) -> Any:
        """Reset all environments."""
        return self.venv.reset()

    def step_wait(self) -> VecEnvStepReturn:
        """Clip the rewards."""
        obs, rewards, dones, infos = self.venv.step_wait()
        return obs, np.sign(rewards), dones, infos
