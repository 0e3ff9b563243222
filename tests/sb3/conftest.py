"""Frames of sprites."""

from __future__ import annotations

import numpy as np
import pytest
from fake_envs import SpritesEnv


@pytest.fixture
def frames(rng):
    env = SpritesEnv()
    observations = [env.reset(seed=1)[0]]
    observations += [env.step(int(rng.integers(4)))[0] for _ in range(9)]
    return np.stack(observations)


@pytest.fixture
def rng():
    return np.random.default_rng(0)
