"""What Atari agents are trained with, as ``VecEnv`` wrappers: lives as episodes, clipped rewards.

Around ``VecMonitor``, they leave the returns and lengths of whole games to be recorded.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper
from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn


class VecEpisodicLives(VecEnvWrapper):
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


class VecClipReward(VecEnvWrapper):
    """Replaces rewards by their sign: -1, 0 or 1."""

    def reset(self) -> Any:
        """Reset all environments."""
        return self.venv.reset()

    def step_wait(self) -> VecEnvStepReturn:
        """Clip the rewards."""
        obs, rewards, dones, infos = self.venv.step_wait()
        return obs, np.sign(rewards), dones, infos
