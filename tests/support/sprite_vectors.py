"""Sprites for a vector environment, whose episodes have three lengths."""

from __future__ import annotations

from fake_envs import SpritesEnv
from gymnasium.wrappers import TimeLimit

LENGTHS = (3, 5, 50)  # episodes end apart, together (step 15) and never


def make_sprites(steps):
    return (
        TimeLimit(SpritesEnv(episode_steps=100), steps)
        if steps == 5
        else SpritesEnv(episode_steps=steps)
    )


def makers(wrap=lambda env: env):
    return [lambda n=n: wrap(make_sprites(n)) for n in LENGTHS]
