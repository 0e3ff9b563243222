"""Atari for Stable-Baselines3: games in C++, and what agents are trained with around them.

Around ``VecMonitor``, the wrappers leave the returns and lengths of whole games to be recorded.
"""

import operator
from collections.abc import Mapping, Sequence
from typing import Any, SupportsIndex

import numpy as np
from ale_py.vector_env import AtariVectorEnv
from gymnasium.error import ResetNeeded
from gymnasium.spaces import Box
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper, VecMonitor, is_vecenv_wrapped
from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn

from slotenv.checks import whole_number
from slotenv.compatibility import check_actions, check_open
from slotenv.environments import make_env, own_settings, resolve_preset
from slotenv.frames import FramePreset

_MAX_SEED = 2**31 - 1
_IN_CPP = "games are in C++; make_slot_vec_env(..., backend='dummy') has them in Python"


class AtariVecEnv(VecEnv):
    """Atari games in C++ threads, with the frames of a preset and whole games as episodes.

    Frames are those of :func:`slotenv.make_env`, pixel for pixel, but for these:

    * The last frame of a game is the one before it (ale-py draws none when a step is cut short).
    * Where a preset has FIRE and no-ops, FIRE comes first: ``make_env`` plays 1 to ``noop_max``
      no-ops, FIRE, then the game's third action; here FIRE, then 0 to ``noop_max - 2`` no-ops. In a
      game without FIRE, 0 to ``noop_max - 1`` no-ops.
    * A preset's lost lives do not end an episode (ale-py would start a new game with each):
      :class:`VecEpisodicLives` ends it.
    * A seed is the emulator's own.

    Rewards are the game's. ``render()`` shows the frames that the agent sees. The games have no
    Python objects whose attributes could be set or methods called.

    Args:
        env_id: Atari name in any form that :func:`slotenv.make_env` takes.
        n_envs: Number of games.
        preset: The frames, such as ``encoder.preprocess``.
        num_threads: C++ threads; 0 for as many as there are games or cores.
        max_frames: Emulator frames after which a game is cut off.

    Raises:
        TypeError: If an argument is of the wrong kind.
        ValueError: If the name is no Atari game's or the preset no Atari preset.
    """

    def __init__(
        self,
        env_id: str,
        n_envs: int,
        *,
        preset: FramePreset,
        num_threads: SupportsIndex = 0,
        max_frames: SupportsIndex = 108_000,
    ) -> None:
        n_envs = whole_number("n_envs", n_envs, low=1)
        if own := own_settings(env_id):
            raise ValueError(
                f"AtariVecEnv plays games as they are, {env_id} is registered with "
                f"{', '.join(f'{name}={value}' for name, value in own.items())}. "
                "make_slot_vec_env(..., backend='dummy') takes any."
            )
        with make_env(env_id, preset) as example:  # checks the size: ale-py would resize silently
            game: Any = example.unwrapped
            if not preset.is_atari:
                raise ValueError(
                    "AtariVecEnv plays Atari games with preset 'scn' or 'v5', got a preset "
                    f"{preset.name!r}. make_slot_vec_env(..., backend='dummy') takes any."
                )
            rom, self.spec = game._game, game.spec
        self.preset = preset = resolve_preset(env_id, preset)
        self._env: AtariVectorEnv | None = _OwnMetadata(
            rom,
            n_envs,
            num_threads=operator.index(num_threads),
            max_num_frames_per_episode=operator.index(max_frames),
            repeat_action_probability=preset.repeat_action_probability or 0.0,
            autoreset_mode=AutoresetMode.SAME_STEP,
            img_height=preset.height,
            img_width=preset.width,
            grayscale=False,
            stack_num=1,
            frameskip=preset.frame_skip,
            maxpool=preset.max_pool,
            noop_max=preset.noop_max,
            use_fire_reset=preset.fire_on_reset,
            reward_clipping=False,
        )
        self._last: NDArray[np.uint8] | None = None
        self._stepping = False
        actions = self._env.single_action_space
        super().__init__(n_envs, Box(0, 255, preset.shape, np.uint8), actions)
        metadata: Any = {**self.metadata, "render_fps": 60 // preset.frame_skip}
        self.metadata = metadata

    def reset(self) -> NDArray[np.uint8]:
        """Start new games; the seeds given to :meth:`seed` are used once."""
        env = self._open()
        if any(self._options):
            raise ValueError("AtariVecEnv has no reset options: call set_options() to clear them")
        if self._stepping:  # what is under way would be taken for the first step of the new games
            env.recv()
            self._stepping = False
        seeds = [-1 if seed is None else seed % _MAX_SEED for seed in self._seeds]
        obs, infos = env.reset(seed=np.array(seeds))
        self._reset_seeds()
        self.reset_infos = self._split(infos)
        self._last = obs[:, 0]  # (n, H, W, 3)
        return self._last

    def step_async(self, actions: NDArray[Any]) -> None:
        """Let the games go on in their threads."""
        env, actions = self._open(), np.asarray(actions)
        if actions.dtype.kind not in "iu":
            raise ValueError(f"AtariVecEnv needs one whole number per game, got {actions.dtype}")
        check_actions(actions, self.num_envs, self.action_space, user="AtariVecEnv")
        if self._last is None:
            raise ResetNeeded("AtariVecEnv: call reset() before the first step")
        if self._stepping:
            raise RuntimeError("AtariVecEnv is in a step already: call step_wait() or reset()")
        env.send(actions.astype(np.int64))
        self._stepping = True

    def step_wait(self) -> VecEnvStepReturn:
        """Wait for all games."""
        env = self._open()
        if not self._stepping:  # ale-py would wait forever
            raise RuntimeError("AtariVecEnv has no step to wait for: call step_async() first")
        obs, rewards, terminated, truncated, infos = env.recv()
        self._stepping = False
        dones = np.logical_or(terminated, truncated)
        info_list = self._split(infos)
        for i, info in enumerate(info_list):
            info["TimeLimit.truncated"] = bool(truncated[i] and not terminated[i])
            if dones[i]:
                info["terminal_observation"] = infos["final_obs"][i, 0].copy()
        self._last = obs[:, 0]
        return self._last, np.asarray(rewards, np.float32), dones, info_list

    def close(self) -> None:
        """Stop the threads."""
        if self._env is not None:
            self._env.close()
            self._env = None  # the threads end with the object

    def get_images(self) -> Sequence[NDArray[np.uint8] | None]:
        """Return the frames that the agent saw last."""
        if self._last is None:
            raise RuntimeError("AtariVecEnv shows the agent's frames: call reset() before render()")
        return list(self._last)

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """Return an attribute, the same for every game."""
        count = len(list(self._get_indices(indices)))
        if attr_name == "render_mode":
            return ["rgb_array"] * count
        if attr_name.startswith("_") or not hasattr(self, attr_name):
            raise AttributeError(f"AtariVecEnv has no attribute {attr_name!r}: {_IN_CPP}")
        return [getattr(self, attr_name)] * count

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Raise an AttributeError."""
        raise AttributeError(f"AtariVecEnv cannot set {attr_name!r}: {_IN_CPP}")

    def env_method(
        self, method_name: str, *method_args: Any, indices: Any = None, **method_kwargs: Any
    ) -> list[Any]:
        """Raise an AttributeError."""
        raise AttributeError(f"AtariVecEnv cannot call {method_name!r}: {_IN_CPP}")

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        """Return False for every game."""
        return [False for _ in self._get_indices(indices)]

    def _split(self, infos: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the infos of each game."""
        keys = ("lives", "frame_number", "episode_frame_number")
        return [{key: int(infos[key][i]) for key in keys} for i in range(self.num_envs)]

    def _open(self) -> AtariVectorEnv:
        check_open(self._env is None, user="AtariVecEnv")
        assert self._env is not None
        return self._env


class _OwnMetadata(AtariVectorEnv):
    """ale-py writes its autoreset mode into a dict that all vector environments share."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.metadata = dict(self.metadata)
        super().__init__(*args, **kwargs)


class _AroundMonitor(VecEnvWrapper):
    """Lets Stable-Baselines3 warn of a second ``VecMonitor``, which would take these for scores."""

    def reset(self) -> Any:
        """Reset all environments."""
        return self.venv.reset()

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
    """

    def __init__(self, venv: VecEnv) -> None:
        super().__init__(venv)
        self._lives = np.zeros(self.num_envs, np.int64)  # 0: not known

    def reset(self) -> Any:
        """Reset all games."""
        self._lives[:] = 0
        return super().reset()

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

    def step_wait(self) -> VecEnvStepReturn:
        """Clip the rewards."""
        obs, rewards, dones, infos = self.venv.step_wait()
        return obs, np.sign(rewards), dones, infos
