"""Which moments are drawn: frames of random play, rows spread over a data set."""

from collections.abc import Iterator
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray


def sample_rows(count: int, wanted: int) -> NDArray[np.int64]:
    """Return up to ``wanted`` rows, evenly spread over ``count``."""
    return np.unique(np.linspace(0, count - 1, wanted).astype(np.int64))


def random_play(
    env: gym.Env[Any, Any], *, steps: int, seed: int
) -> Iterator[tuple[NDArray[np.uint8], bool]]:
    """Play at random; an episode that ends is followed by the next.

    Yields:
        Each frame (H, W, 3), and whether it is the first of its episode.
    """
    env.action_space.seed(seed)
    frame, _ = env.reset(seed=seed)
    yield frame, True
    for _ in range(steps):
        frame, _, terminated, truncated, _ = env.step(env.action_space.sample())
        yield frame, False
        if terminated or truncated:
            frame, _ = env.reset()
            yield frame, True
