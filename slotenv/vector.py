"""The Gymnasium vector wrapper: the frames of all environments, encoded in one batch."""

from __future__ import annotations

import inspect
import operator
import os
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium import Space
from gymnasium.spaces import Box, Discrete
from gymnasium.vector import AutoresetMode, VectorEnv, VectorWrapper
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from slotenv.compatibility import (
    FrameNumberCheck,
    check_count,
    check_environments,
    check_game,
    check_open,
    check_wrapped,
    compare_frames,
)
from slotenv.encoders import SlotEncoder
from slotenv.frames import FramePreset
from slotenv.lazy_encoder import LazyEncoder
from slotenv.observations import SlotObservations
from slotenv.tracking import Slots

_USER = "slotenv.vector.ObjectSlotObservation"


class ObjectSlotObservation(VectorWrapper[Any, Any, Any, Any, Any]):
    """Replaces the frames of a vector environment by their slots, with one forward pass per step.

    For :class:`gymnasium.vector.SyncVectorEnv`, ``AsyncVectorEnv`` and ale-py's ``AtariVectorEnv``,
    in every autoreset mode. Under ``SAME_STEP`` the last frames of ended episodes,
    ``infos["final_obs"]``, are encoded in the same batch and replaced in the form they came in.
    ``AtariVectorEnv`` must give single colour frames: ``img_height=210, img_width=160,
    grayscale=False, stack_num=1``; the stack axis is dropped. It returns the previous frame as the
    last one of a game; with ``life_loss_info``, the frame after a lost life is the last one of that
    episode and the first one of the next.

    Frames are encoded in this process, on one thread whatever PyTorch is set to (more are slower,
    see :func:`slotenv.threads.one_thread`); the weights are loaded with the first reset.

    Args:
        env: Vector environment whose observations are the encoder's frames.
        encoder: A ready-made encoder (``"pong"``), a folder, a hub id, or one in memory.
        flatten: Whether slots are one vector per environment.
        keep_pixels: Whether observations are dicts of ``slots`` and ``pixels``.
        motion: Whether each slot is followed by its change since the last step. In the last
            observation of an episode it is the change since the step before it.
        hold: Whether a hidden object's numbers stay as they were last seen; as ``motion``, see
            :class:`slotenv.ObjectSlotObservation`.
        device: Where the weights are put.

    Raises:
        TypeError: As :class:`slotenv.ObjectSlotObservation`.
        ValueError: As there. An ``AtariVectorEnv`` that :func:`gymnasium.make_vec` did not make,
            and wrappers from elsewhere, tell their frame skip with the second step only.
        FileNotFoundError: If there is no such encoder.
        ClosedEnvironmentError: If the environment is closed.

    Warns:
        UserWarning: As there, where games and frames can be known.

    Example:
        >>> envs = gym.make_vec("ALE/Pong-v5", 8, vectorization_mode="sync")  # doctest: +SKIP
        >>> ObjectSlotObservation(envs, "runs/pong").observation_space.shape  # doctest: +SKIP
        (8, 3, 32)
    """

    def __init__(
        self,
        env: VectorEnv[Any, Any, Any],
        encoder: str | os.PathLike[str] | SlotEncoder,
        *,
        flatten: bool = False,
        keep_pixels: bool = False,
        motion: bool = False,
        hold: bool = False,
        device: str | torch.device = "cpu",
    ) -> None:
        check_wrapped(env, VectorEnv, user=_USER)
        super().__init__(env)
        self._encoder = LazyEncoder(encoder, device=device, user=_USER)
        self._observations = SlotObservations(
            self._encoder, flatten=flatten, keep_pixels=keep_pixels, motion=motion, hold=hold
        )
        self._check_open()
        preset = self._encoder.preprocess
        frames = _frame_space(env, preset)
        _check_frames_known(env, self._encoder)
        self._mode = _autoreset_mode(env)
        self._squeeze = len(env.single_observation_space.shape or ()) == 4
        self.single_observation_space = self._observations.space(frames)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self._ended = np.zeros(self.num_envs, np.bool_)
        self._frame_numbers = FrameNumberCheck(preset, user=_USER)
        self._games: NDArray[np.int64] | None = None  # which game each plays, of ale-py's

    def reset(
        self, *, seed: Any = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Reset all environments, or those of ``options["reset_mask"]``."""
        self._check_open()
        mask = (options or {}).get("reset_mask")  # read now: Gymnasium takes it out of the dict
        obs, infos = self.env.reset(seed=_whole_seeds(seed, self.env), options=options)
        frames = self._frames(obs)
        self._frame_numbers.reset()
        self._games = _games(infos)
        self._ended[slice(None) if mask is None else mask] = False
        slots = self._observations.reset(frames, mask)
        return self._observations.with_pixels(slots, frames), infos

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Act in all environments and encode the frames that follow."""
        self._check_open()
        if isinstance(self.single_action_space, Discrete):
            check_count(actions, self.num_envs, self.single_action_space, user=_USER)
        obs, rewards, terminations, truncations, infos = self.env.step(actions)
        frames = self._frames(obs)
        ended = np.logical_or(terminations, truncations)
        self._frame_numbers.step(_frame_numbers(infos), ended)
        restarted = {
            AutoresetMode.SAME_STEP: ended,
            AutoresetMode.NEXT_STEP: self._ended,
            AutoresetMode.DISABLED: np.zeros_like(ended),
        }[self._mode]
        self._ended = ended
        finals = self._final_frames(infos, ended, frames)
        slots, ends = self._observations.step(frames, restarted=restarted, final_frames=finals)
        if ends:
            dense = infos["final_obs"].dtype != object
            infos = {**infos, "final_obs": self._final_obs(ends, finals, dense=dense)}
        shown = self._observations.with_pixels(slots, frames)
        return shown, rewards, terminations, truncations, infos

    def _frames(self, obs: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return obs[:, 0] if self._squeeze else obs

    def _final_frames(
        self, infos: dict[str, Any], ended: NDArray[np.bool_], frames: NDArray[np.uint8]
    ) -> dict[int, NDArray[np.uint8]]:
        """Return the last frames that are in ``infos``, by the number of their environment."""
        before, self._games = self._games, _games(infos)
        final = infos.get("final_obs")
        if final is None or self._mode != AutoresetMode.SAME_STEP:
            return {}
        rows = np.flatnonzero(infos.get("_final_obs", ended)).tolist()
        # Gymnasium's array holds objects, one frame each; ale-py's is (n, 1, H, W, 3) uint8.
        last_frames = {row: final[row][0] if self._squeeze else final[row] for row in rows}
        if before is not None and self._games is not None:
            # A lost life ends an episode and not the game: ale-py leaves its final_obs unwritten.
            last_frames |= {row: frames[row] for row in rows if before[row] == self._games[row]}
        return last_frames

    def _final_obs(
        self, ends: dict[int, Slots], finals: dict[int, NDArray[np.uint8]], *, dense: bool
    ) -> Any:
        """Return ``final_obs`` in the form it came in, zeros or None where nothing ended."""
        if not dense:
            final = np.full(self.num_envs, None, dtype=object)
            for row, end in ends.items():
                final[row] = self._observations.with_pixels(end, finals[row])
            return final
        rows, parts = list(ends), (list(ends.values()), list(finals.values()))
        slots, pixels = (np.zeros((self.num_envs, *part[0].shape), part[0].dtype) for part in parts)
        slots[rows], pixels[rows] = parts
        return self._observations.with_pixels(slots, pixels)

    def _check_open(self) -> None:
        check_open(self.env.closed, user=_USER)


def _atari_class(env: VectorEnv[Any, Any, Any]) -> Any:
    """Return ale-py's class of a vector environment, found by name: it need not be imported."""
    classes = type(env.unwrapped).__mro__
    return next((cls for cls in classes if cls.__name__ == "AtariVectorEnv"), None)


def _frame_space(env: VectorEnv[Any, Any, Any], preset: FramePreset) -> Space[Any]:
    """Return the space of one environment's frames; raise if they are not the preset's."""
    space: Space[Any] = env.single_observation_space
    if _atari_class(env) is None:
        preset.check_space(space, user=_USER)
        return space
    base: Any = env.unwrapped
    if base.batch_size != base.num_envs:
        raise ValueError(
            f"{_USER} must know which environment each frame is from: this AtariVectorEnv returns "
            f"{base.batch_size} of {base.num_envs} environments at a time. Leave out batch_size."
        )
    if space.shape != (1, *preset.shape) or space.dtype != np.uint8:
        raise ValueError(
            f"{_USER} needs frames {preset.shape} (preset {preset.name!r}), this AtariVectorEnv "
            f"gives observations {space.shape}. Make it with img_height={preset.height}, "
            f"img_width={preset.width}, grayscale=False, stack_num=1, "
            f"frameskip={preset.frame_skip}, maxpool={preset.max_pool}."
        )
    return Box(0, 255, preset.shape, np.uint8)


def _check_frames_known(env: VectorEnv[Any, Any, Any], encoder: LazyEncoder) -> None:
    """Compare games and frames with the encoder's, where they can be seen from outside."""
    base: Any = env.unwrapped
    preset, trained_on = encoder.preprocess, encoder.trained_on
    if isinstance(base, gym.vector.SyncVectorEnv):
        check_environments(base.envs, preset, trained_on, user=_USER)
        return
    spec = base.spec
    check_game(None if spec is None else spec.id, trained_on, user=_USER)
    if not preset.is_atari:
        return
    if isinstance(base, gym.vector.AsyncVectorEnv):
        example = base.env_fns[0]()  # as AsyncVectorEnv itself does to learn the spaces
        try:
            known = None if spec is not None else trained_on  # else it was compared above
            check_environments([example], preset, known, user=_USER)
        finally:
            example.close()
    elif spec is not None and (cls := _atari_class(env)) is not None:  # made by gymnasium.make_vec
        defaults = inspect.signature(cls.__init__).parameters
        skip, pooled = (
            spec.kwargs.get(key, defaults[key].default) for key in ("frameskip", "maxpool")
        )
        hint = f"Pass frameskip={preset.frame_skip}, maxpool={preset.max_pool} to make_vec."
        compare_frames(skip, pooled, preset, user=_USER, hint=hint)


def _frame_numbers(infos: dict[str, Any]) -> NDArray[np.int64] | None:
    """Return the frames since the start of each episode, -1 where that is not told."""
    numbers = infos.get("episode_frame_number")
    if numbers is None:
        return None
    return np.where(infos.get("_episode_frame_number", True), numbers, -1)


def _games(infos: dict[str, Any]) -> NDArray[np.int64] | None:
    """Return the emulators' frame with which each game began; a new game begins with another."""
    if "frame_number" not in infos or "episode_frame_number" not in infos:
        return None
    begun: NDArray[np.int64] = np.subtract(infos["frame_number"], infos["episode_frame_number"])
    return begun


def _whole_seeds(seed: Any, env: VectorEnv[Any, Any, Any]) -> Any:
    """Return seeds, NumPy's too, in the form that an environment takes."""
    if seed is None or np.ndim(seed) == 0:
        return None if seed is None else operator.index(seed)
    seeds = [None if one is None else operator.index(one) for one in seed]
    return seeds if _atari_class(env) is None else np.array(seeds)


def _autoreset_mode(env: VectorEnv[Any, Any, Any]) -> AutoresetMode:
    """Return the autoreset mode; the attribute first, for ale-py shares its metadata among envs."""
    mode = getattr(env.unwrapped, "autoreset_mode", env.metadata.get("autoreset_mode"))
    try:
        return AutoresetMode(mode)
    except ValueError as error:
        raise ValueError(
            f"{_USER} must know when environments start anew: set metadata['autoreset_mode'] of "
            f"{type(env.unwrapped).__name__} to a gymnasium.vector.AutoresetMode, it is {mode!r}"
        ) from error
