"""What an agent in ``learning_curves.py`` may see of a game, and PPO's settings for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
import torch
from gymnasium.spaces import Box
from numpy.typing import NDArray
from stable_baselines3.common.env_util import make_atari_env
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv, VecFrameStack, VecMonitor

from slotenv import SlotEncoder
from slotenv.encoders.slot_maps import SlotMapEncoder
from slotenv.environments import atari_game, game_key, make_env, preset_for, read_ram
from slotenv.labels import labels_for
from slotenv.sb3 import VecClipReward, VecEpisodicLives, make_slot_vec_env
from slotenv.tracking import VELOCITY_STEPS

_ENVS = 8
_COLLECTED_PER_SECOND = 2_000


class Seen(NamedTuple):
    """What an agent sees.

    Attributes:
        venv: The games.
        normalised: Whether its numbers have no usual scale and are to be normalised.
        seconds: What it took before PPO starts: collection and pretraining.
    """

    venv: VecEnv
    normalised: bool = False
    seconds: float = 0.0


class Coordinates(gym.ObservationWrapper[NDArray[np.float32], int, NDArray[np.uint8]]):
    """Place, presence and velocity of every labelled object, from RAM.

    A hidden object stays where it was last seen, as slots do with ``hold``.
    """

    def __init__(self, env: gym.Env[NDArray[np.uint8], int], game: str) -> None:
        super().__init__(env)
        self._labels = labels_for(game, "pixel")
        self._half = np.array([(80.0 if axis == "x" else 105.0) for axis in self._labels.axes])
        size = len(self._labels.names)
        self._place, self._seen = np.zeros(size), np.zeros(size, np.bool_)
        self.observation_space = Box(-np.inf, np.inf, (3 * size,), np.float32)

    def reset(self, **kwargs: Any) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Reset; nothing has been seen or has moved yet."""
        _, info = self.env.reset(**kwargs)
        self._place, self._seen = np.zeros_like(self._place), np.zeros_like(self._seen)
        return self.observation(None), info

    def observation(self, observation: Any) -> NDArray[np.float32]:
        """Return place, presence and velocity, in the units of slots."""
        ram = read_ram(self.env)
        assert ram is not None
        values, seen = (rows[0] for rows in self._labels.read(ram[None]))
        place = np.where(seen, 5 * (values / self._half - 1.0), self._place)
        velocity = np.where(seen & self._seen, VELOCITY_STEPS * (place - self._place), 0.0)
        self._place, self._seen = place, seen
        return np.concatenate([place, seen, velocity]).astype(np.float32)


def slots(game: str, seed: int, encoder: str | None) -> Seen:
    """Slots with motion, held if they say where they are; of the ready-made encoder by default."""
    model = _encoder(game, encoder)
    named, made = model.slot_fields is not None, model.provenance
    seconds = made.get("train_seconds", 0.0) + made.get("frames", 0) / _COLLECTED_PER_SECOND
    venv = make_slot_vec_env(game, model, n_envs=_ENVS, seed=seed, hold=named)
    return Seen(venv, not named, seconds)


def coordinates(game: str, seed: int, encoder: str | None) -> Seen:
    """True coordinates from RAM, in the units of slots: the upper bound."""
    preset = replace(preset_for(game, "scn"), terminal_on_life_loss=False)
    venv = DummyVecEnv([lambda: Coordinates(make_env(game, preset), game)] * _ENVS)
    venv.seed(seed)
    return Seen(VecClipReward(VecEpisodicLives(VecMonitor(venv))))


def untrained(game: str, seed: int, encoder: str | None) -> Seen:
    """As many slots with motion of the network of Slot Contrastive Networks, as initialised."""
    like = _encoder(game, encoder)
    torch.manual_seed(seed)
    model = SlotMapEncoder(num_slots=like.num_slots, preprocess=like.preprocess).eval()
    return Seen(make_slot_vec_env(game, model, n_envs=_ENVS, seed=seed), normalised=True)


def pixels(game: str, seed: int, encoder: str | None) -> Seen:
    """84 x 84 grey frames, four stacked."""
    venv = make_atari_env(f"{atari_game(game)}NoFrameskip-v4", n_envs=_ENVS, seed=seed)
    return Seen(VecFrameStack(venv, 4))


def _encoder(game: str, encoder: str | None) -> SlotEncoder:
    return SlotEncoder.from_pretrained(encoder or game_key(game) or game)


def falling(start: float) -> Callable[[float], float]:
    """Return a schedule that falls linearly from ``start`` to 0, where the last rollout stays."""
    return lambda remaining: start * max(remaining, 0.0)


def vector_settings() -> dict[str, Any]:
    """Return PPO's settings for agents that see vectors."""
    return {
        "policy": "MlpPolicy",
        "n_steps": 512,
        "batch_size": 512,
        "n_epochs": 10,
        "learning_rate": falling(5e-4),
        "ent_coef": 0.03,
        "policy_kwargs": {"net_arch": [256, 256], "activation_fn": torch.nn.ReLU},
    }


def pixel_settings() -> dict[str, Any]:
    """Return the usual settings for pixels, as in rl-zoo3."""
    return {
        "policy": "CnnPolicy",
        "n_steps": 128,
        "batch_size": 256,
        "n_epochs": 4,
        "learning_rate": falling(2.5e-4),
        "clip_range": falling(0.1),
        "ent_coef": 0.01,
        "vf_coef": 0.5,
    }


class Arm(NamedTuple):
    """A title and a colour for the picture, what the agent sees, and PPO's settings."""

    title: str
    colour: str
    see: Callable[[str, int, str | None], Seen]
    settings: Callable[[], dict[str, Any]]


ARMS = {
    "slots": Arm("slots, pretrained without labels", "#0072B2", slots, vector_settings),
    "coordinates": Arm("true coordinates from RAM", "#009E73", coordinates, vector_settings),
    "untrained": Arm("slots of an untrained encoder", "#999999", untrained, vector_settings),
    "pixels": Arm("pixels (CnnPolicy)", "#D55E00", pixels, pixel_settings),
}
"""Every arm; ``see`` takes a game, a seed and, for slots, an encoder."""
