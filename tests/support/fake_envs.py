"""A small deterministic pixel world: coloured sprites that walk and wrap around."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.spaces import Box, Discrete
from numpy.typing import NDArray

SPRITES = "slotenv_tests/Sprites-v0"
COLOURS = np.array([(200, 40, 40), (40, 200, 40), (60, 60, 220)], np.uint8)
MOVES = np.array([(0, 0), (4, 0), (-4, 0), (0, 4)])


class SpritesEnv(gym.Env[NDArray[np.uint8], int]):
    """Three 8 x 8 sprites. The agent moves the first, the others walk on their own.

    Observations are uint8 (size, size, 3), or channels first. The reward is 1 where the first
    sprite touches the second.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 15}  # noqa: RUF012 (Gymnasium's form)

    def __init__(
        self,
        size: int = 84,
        episode_steps: int = 20,
        channels_first: bool = False,
        render_mode: str | None = None,
    ) -> None:
        self.size, self.episode_steps, self.channels_first = size, episode_steps, channels_first
        self.render_mode = render_mode
        shape = (3, size, size) if channels_first else (size, size, 3)
        self.observation_space = Box(0, 255, shape, np.uint8)
        self.action_space = Discrete(len(MOVES))
        self.places = np.zeros((len(COLOURS), 2), np.int64)
        self.steps = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.uint8], dict[str, Any]]:
        super().reset(seed=seed)
        self.places = self.np_random.integers(0, self.size, (len(COLOURS), 2))
        self.steps = 0
        return self._observe(), {}

    def step(self, action: int) -> tuple[NDArray[np.uint8], float, bool, bool, dict[str, Any]]:
        self.steps += 1
        self.places = (self.places + np.array([MOVES[action], (2, 0), (0, 2)])) % self.size
        touching = bool(np.abs(self.places[0] - self.places[1]).max() < 8)
        return self._observe(), float(touching), self.steps >= self.episode_steps, False, {}

    def render(self) -> NDArray[np.uint8]:  # type: ignore[override]
        frame = np.full((self.size, self.size, 3), 30, np.uint8)
        for (row, col), colour in zip(self.places, COLOURS, strict=True):
            rows, cols = (np.arange(n, n + 8) % self.size for n in (row, col))
            frame[np.ix_(rows, cols)] = colour
        return frame

    def _observe(self) -> NDArray[np.uint8]:
        frame = self.render()
        return np.ascontiguousarray(frame.transpose(2, 0, 1)) if self.channels_first else frame


if SPRITES not in gym.registry:
    gym.register(SPRITES, entry_point="fake_envs:SpritesEnv")


def random_frames(count: int, height: int, width: int) -> NDArray[np.uint8]:
    """Noise, (count, height, width, 3) uint8, the same every time."""
    return np.random.default_rng(0).integers(0, 256, (count, height, width, 3), np.uint8)
