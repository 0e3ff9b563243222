"""Play, at random or by a saved agent, and its frames."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.spaces import Box, Dict
from numpy.typing import NDArray
from stable_baselines3 import A2C, DQN, PPO
from stable_baselines3.common.utils import set_random_seed
from stable_baselines3.common.vec_env import (
    DummyVecEnv,
    VecEnv,
    VecFrameStack,
    VecNormalize,
    VecTransposeImage,
)

from slotenv.encoders import SlotEncoder
from slotenv.environments import make_env
from slotenv.wrapper import ObjectSlotObservation

_ALGORITHMS: dict[str, Any] = {"ppo": PPO, "a2c": A2C, "dqn": DQN}


@dataclass(frozen=True, kw_only=True)
class Play:
    """What is to be played, as the flags of the verb ``watch`` say."""

    agent: Path | None
    algo: str
    frame_stack: int
    normalize: Path | None
    hold: bool
    deterministic: bool
    steps: int
    seed: int


@dataclass(frozen=True, kw_only=True)
class Film:
    """What was played.

    Attributes:
        frames: (n, H, W, 3) uint8.
        starts: (n,) whether a frame is the first of an episode.
        scores: (n,) sum of the rewards of the episode so far, as the environment gave them.
    """

    frames: NDArray[np.uint8]
    starts: NDArray[np.bool_]
    scores: NDArray[np.float64]


def play(config: Play, env_id: str, encoder: SlotEncoder) -> Film:
    """Play, and keep the frames; an episode that ends is followed by the next."""
    set_random_seed(config.seed)  # actions that an agent draws
    env = _Keeper(make_env(env_id, encoder.preprocess))
    model = None if config.agent is None else _load(config.agent, config.algo)
    venv = DummyVecEnv([lambda: env]) if model is None else agent_env(env, encoder, model, config)
    venv.seed(config.seed)
    venv.action_space.seed(config.seed)
    observations: Any = venv.reset()
    frames, starts, scores = [env.frame], [True], [0.0]
    for _ in range(config.steps - 1):
        if model is None:
            actions = np.array([venv.action_space.sample()])
        else:
            actions, _ = model.predict(observations, deterministic=config.deterministic)
        observations, rewards, dones, _ = venv.step(actions)
        frames.append(env.frame)
        starts.append(bool(dones[0]))
        scores.append(0.0 if dones[0] else scores[-1] + float(rewards[0]))
    venv.close()
    return Film(frames=np.stack(frames), starts=np.array(starts), scores=np.array(scores))


def agent_env(env: gym.Env[Any, Any], encoder: SlotEncoder, model: Any, config: Play) -> VecEnv:
    """Give an environment the observations that an agent was trained on.

    Raises:
        ValueError: If it was trained on something else than slots of this encoder or its frames.
    """
    wanted = model.observation_space
    offered: list[gym.Env[Any, Any]] = [env]
    offered += [
        ObjectSlotObservation(env, encoder, flatten=f, motion=m, keep_pixels=p, hold=config.hold)
        for f, m, p in itertools.product((False, True), repeat=3)
    ]
    for candidate in offered:
        if not _same_space(_vec_env(candidate, config.frame_stack).observation_space, wanted):
            continue
        venv = _vec_env(candidate, config.frame_stack, config.normalize)
        if venv.action_space != model.action_space:
            raise ValueError(
                f"{config.agent} was trained on actions {model.action_space}, this environment "
                f"has {venv.action_space}: give the --env that it was trained on"
            )
        return venv
    raise ValueError(
        f"{config.agent} was trained on observations {wanted}, and this encoder gives slots "
        f"({encoder.num_slots}, {encoder.slot_dim}) of frames {encoder.preprocess.shape}: give the "
        "encoder that it was trained with, and --frame-stack if observations were stacked"
    )


def _vec_env(env: gym.Env[Any, Any], frame_stack: int, normalize: Path | None = None) -> VecEnv:
    venv: VecEnv = DummyVecEnv([lambda: env])
    if normalize is not None:
        try:
            venv = VecNormalize.load(str(normalize), venv)
        except (ValueError, AssertionError) as error:
            raise ValueError(f"{normalize} is of other observations: {error}") from error
        venv.training = venv.norm_reward = False
    return VecFrameStack(venv, frame_stack) if frame_stack > 1 else venv


class _Keeper(gym.ObservationWrapper[Any, Any, Any]):
    """Keeps the last frame where the film can find it."""

    def observation(self, observation: Any) -> Any:
        self.frame = observation
        return observation


def _load(path: Path, algo: str) -> Any:
    if not path.is_file():
        raise FileNotFoundError(f"no agent {path}: give the .zip that model.save wrote")
    try:
        return _ALGORITHMS[algo].load(path, device="cpu")
    except ImportError as error:
        raise ValueError(f"{path} needs a package: pip install {error.name}") from error
    except (KeyError, TypeError, AttributeError, ValueError, RuntimeError) as error:
        raise ValueError(
            f"{path} is no {algo} agent that can be loaded here ({error}): give its --algo"
        ) from error


def _same_space(offered: gym.Space[Any], wanted: gym.Space[Any]) -> bool:
    """Whether two spaces hold the same arrays; images may be channels first in ``wanted``."""
    if isinstance(offered, Dict) and isinstance(wanted, Dict):
        return offered.keys() == wanted.keys() and all(
            _same_space(space, wanted[key]) for key, space in offered.items()
        )
    if not isinstance(offered, Box) or not isinstance(wanted, Box) or offered.dtype != wanted.dtype:
        return False
    image = offered.dtype == np.uint8 and len(offered.shape) == 3
    return wanted.shape == offered.shape or (
        image and wanted.shape == VecTransposeImage.transpose_space(offered).shape
    )
