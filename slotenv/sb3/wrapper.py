"""The ``VecEnv`` wrapper: the frames of all environments, encoded in one batch."""

from __future__ import annotations

import operator
import os
from collections.abc import Sequence
from typing import Any, SupportsIndex

import numpy as np
import torch
from gymnasium import Space
from gymnasium.spaces import Box
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv, VecEnvWrapper
from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn

from slotenv.compatibility import (
    FrameNumberCheck,
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
from slotenv.sb3.atari import AtariVecEnv, check_actions

_USER = "VecObjectSlotObservation"


class VecObjectSlotObservation(VecEnvWrapper):
    """Replaces the frames of a ``VecEnv`` by their slots, with one forward pass per step.

    The last observations of ended episodes, ``infos[i]["terminal_observation"]``, are encoded in
    the same batch. Put it directly around the pixels, and ``VecNormalize``, ``VecFrameStack``
    around it; ``VecMonitor`` goes on either side, ``VecTransposeImage`` may be inside. Slots are
    for ``"MlpPolicy"``, dicts with pixels for ``"MultiInputPolicy"``.

    Frames are encoded in this process, on one thread whatever PyTorch is set to (more are slower,
    see :func:`slotenv.threads.one_thread`); the weights are loaded with the first reset.

    Args:
        venv: Environments whose observations are the encoder's frames, channels last or first.
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
        ValueError: As there. Processes, and wrappers from elsewhere, tell their frame skip with the
            second step only.
        FileNotFoundError: If there is no such encoder.

    Warns:
        UserWarning: As there, where games and frames can be known.

    Example:
        >>> venv = make_vec_env("ALE/Pong-v5", n_envs=8)  # doctest: +SKIP
        >>> PPO("MlpPolicy", VecObjectSlotObservation(venv, "runs/pong"))  # doctest: +SKIP
    """

    def __init__(
        self,
        venv: VecEnv,
        encoder: str | os.PathLike[str] | SlotEncoder,
        *,
        flatten: bool = False,
        keep_pixels: bool = False,
        motion: bool = False,
        hold: bool = False,
        device: str | torch.device = "cpu",
    ) -> None:
        check_wrapped(venv, VecEnv, user=_USER)
        self._encoder = LazyEncoder(encoder, device=device, user=_USER)
        self._slots = SlotObservations(
            self._encoder, flatten=flatten, keep_pixels=keep_pixels, motion=motion, hold=hold
        )
        preset = self._encoder.preprocess
        self._channels_first = _channels_first(venv.observation_space, preset)
        _check_frames_known(venv, self._encoder)
        super().__init__(venv, observation_space=self._slots.space(venv.observation_space))
        self._frame_numbers = FrameNumberCheck(preset, user=_USER)
        self._closed, self._stepping = False, False

    def seed(self, seed: SupportsIndex | None = None) -> Sequence[int | None]:
        """Seed the environments: the first with this number, the others count on."""
        return self.venv.seed(None if seed is None else operator.index(seed))

    def reset(self) -> Any:
        """Reset all environments."""
        self._check_open()
        if self._stepping:  # what is under way would be taken for the first frames
            self.venv.step_wait()
            self._stepping = False
        pixels: Any = self.venv.reset()
        self._frame_numbers.reset()
        return self._slots.with_pixels(self._slots.reset(self._frames(pixels)), pixels)

    def step_async(self, actions: NDArray[Any]) -> None:
        """Let the environments act."""
        self._check_open()
        check_actions(actions, self.num_envs, self.action_space, user=_USER)
        self.venv.step_async(actions)
        self._stepping = True

    def step_wait(self) -> VecEnvStepReturn:
        """Encode the frames that follow the actions."""
        self._check_open()
        if not self._stepping:  # environments in processes would never answer
            raise RuntimeError(f"{_USER} has no step to wait for: call step_async() first")
        self._stepping = False
        pixels: Any
        pixels, rewards, dones, infos = self.venv.step_wait()
        self._check_frame_numbers(infos, dones)
        last = {i: infos[i][_LAST] for i in np.flatnonzero(dones).tolist() if _LAST in infos[i]}
        final_frames = {i: self._frames(frame[None])[0] for i, frame in last.items()}
        slots, ends = self._slots.step(
            self._frames(pixels), restarted=dones, final_frames=final_frames
        )
        infos = list(infos)
        for i, end in ends.items():
            infos[i] = {**infos[i], _LAST: self._slots.with_pixels(end, last[i])}
        return self._slots.with_pixels(slots, pixels), rewards, dones, infos

    def close(self) -> None:
        """Close the environments."""
        self._closed = True
        self.venv.close()

    def _check_open(self) -> None:
        check_open(self._closed, user=_USER)

    def _frames(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return np.moveaxis(pixels, 1, -1) if self._channels_first else pixels

    def _check_frame_numbers(self, infos: Any, dones: NDArray[np.bool_]) -> None:
        if self._frame_numbers.is_open:
            numbers = np.array([info.get("episode_frame_number", -1) for info in infos])
            self._frame_numbers.step(numbers, dones)


_LAST = "terminal_observation"


def _channels_first(space: Space[Any], preset: FramePreset) -> bool:
    """Return whether frames are (3, H, W); raise if they are not the preset's either way."""
    height, width, _ = preset.shape
    first = isinstance(space, Box) and space.shape == (3, height, width) != preset.shape
    if first and space.dtype == np.uint8:
        return True
    preset.check_space(space, user=_USER)
    return False


def _check_frames_known(venv: VecEnv, encoder: LazyEncoder) -> None:
    """Compare games and frames with the encoder's, where they can be seen from outside."""
    base: Any = venv.unwrapped
    preset, trained_on = encoder.preprocess, encoder.trained_on
    if isinstance(base, DummyVecEnv):
        check_environments(base.envs, preset, trained_on, user=_USER)
        return
    spec = getattr(base, "spec", None)
    check_game(None if spec is None else spec.id, trained_on, user=_USER)
    if isinstance(base, AtariVecEnv) and preset.is_atari:
        made = base.preset
        hint = "Give AtariVecEnv preset=encoder.preprocess."
        compare_frames(made.frame_skip, made.max_pool, preset, user=_USER, hint=hint)
