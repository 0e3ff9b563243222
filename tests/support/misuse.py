"""What users who make mistakes have at hand: encoders, and environments of all kinds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from fake_envs import SPRITES, SpritesEnv
from gymnasium import wrappers
from gymnasium.spaces import Box
from gymnasium.vector import SyncVectorEnv
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import DummyVecEnv, VecFrameStack, VecTransposeImage

from slotenv import ObjectSlotObservation
from slotenv.encoders import SlotMapEncoder
from slotenv.frames import V5, FramePreset, plain
from slotenv.sb3 import AtariVecEnv, VecObjectSlotObservation

PIXELS = Box(0, 255, (84, 84, 3), np.uint8)
WEIGHTS = "model.safetensors"
Act = Callable[["World"], object]


@dataclass
class World:
    """What a case has at hand."""

    encoder: SlotMapEncoder
    folder: Path
    set_variable: Callable[[str], None]

    def slots(self, encoder: Any = None, **layout: Any) -> VecObjectSlotObservation:
        return VecObjectSlotObservation(dummy(), encoder or self.encoder, flatten=True, **layout)

    @property
    def other(self) -> SlotMapEncoder:
        return SlotMapEncoder(num_slots=5, slot_dim=4, preprocess=plain(84, 84)).eval()

    def agent(self) -> PPO:
        return ppo("MlpPolicy", self.slots())

    def saved(self) -> Path:
        self.agent().save(self.folder.parent / "agent.zip")
        return self.folder.parent / "agent.zip"


class Seen(gym.ObservationWrapper[Any, Any, Any]):
    """Shows something else than the frames, or says so and does not."""

    def __init__(self, space: gym.Space[Any], view: Callable[[Any], Any]) -> None:
        super().__init__(SpritesEnv())
        self.observation_space, self._view = space, view

    def observation(self, observation: Any) -> Any:
        return self._view(observation)


class Silent(SyncVectorEnv):
    """Does not know how it starts anew."""

    autoreset_mode: Any = "sometimes"

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, "sometimes" if name == "autoreset_mode" else value)


def made() -> gym.Env[Any, Any]:
    return gym.make(SPRITES)


def dummy(wrap: Callable[[Any], Any] = lambda env: env, count: int = 2, **more: Any) -> DummyVecEnv:
    return DummyVecEnv([lambda: wrap(SpritesEnv(**more))] * count)


def sync(wrap: Callable[[Any], Any] = lambda env: env, **more: Any) -> SyncVectorEnv:
    return SyncVectorEnv([lambda: wrap(SpritesEnv(**more))] * 2)


def ppo(policy: str, env: Any, **more: Any) -> PPO:
    return PPO(policy, env, n_steps=8, batch_size=16, n_epochs=1, device="cpu", **more)


def atari(**more: Any) -> Callable[[World], AtariVecEnv]:
    return lambda w: AtariVecEnv("Pong", **{"n_envs": 2, "preset": V5, "num_threads": 1, **more})


scale = partial(wrappers.RescaleObservation, min_obs=np.float32(0), max_obs=np.float32(1))
cast = partial(wrappers.DtypeObservation, dtype=np.float32)
grey, flat = wrappers.GrayscaleObservation, wrappers.FlattenObservation
resized = partial(wrappers.ResizeObservation, shape=(96, 96))
stacked = partial(wrappers.FrameStackObservation, stack_size=4)


def silent() -> Silent:
    return Silent([SpritesEnv])


def closed() -> Any:
    envs = sync()
    envs.close()
    return envs


def stacked_first() -> VecTransposeImage:
    return VecTransposeImage(VecFrameStack(dummy(), 4))


def encoder_of(preset: FramePreset) -> SlotMapEncoder:
    return SlotMapEncoder(num_slots=2, slot_dim=3, preprocess=preset)


def single(w: World) -> Any:
    return ObjectSlotObservation(made(), w.encoder)


def box(*shape: int, dtype: Any = np.uint8) -> Box:
    return Box(0, 1 if dtype == np.float32 else 255, shape, dtype)
