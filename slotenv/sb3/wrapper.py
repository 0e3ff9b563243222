"""The ``VecEnv`` wrapper: the frames of all environments, encoded in one batch."""

from __future__ import annotations

import operator
import os
from collections.abc import Sequence
from typing import Any, SupportsIndex

import numpy as np
import torch
from gymnasium import Space
from gymnasium.error import ClosedEnvironmentError
from gymnasium.spaces import Box
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv, VecEnvWrapper
from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn

from slotenv.compatibility import FrameNumberCheck, check_environments, check_game, compare_frames
from slotenv.encoders import SlotEncoder
from slotenv.frames import FramePreset
from slotenv.observations import SlotObservations
from slotenv.sb3.atari import AtariVecEnv, check_actions
from slotenv.wrapper import LazyEncoder

_USER = "VecObjectSlotObservation"


class VecObjectSlotObservation(VecEnvWrapper):
    """Replaces the frames of a ``VecEnv`` by their slots, with one forward pass per step.

    The last observations of ended episodes, ``infos[i]["terminal_observation"]``, are encoded in
    the same batch. Put it directly around the pixels, and ``VecNormalize``, ``VecFrameStack``
    around it; ``VecMonitor`` goes on either side, ``VecTransposeImage`` may be inside. Slots are
    for ``"MlpPolicy"``, dicts with pixels for ``"MultiInputPolicy"``.

    Frames are encoded in this process, on one thread whatever PyTorch is set to (more are slower,
    see :func:`slotenv.observations.one_thread`); the weights are loaded with the first reset.

    Args:
        venv: Environments whose observations are the encoder's frames, channels last or first.
        encoder: A ready-made encoder (``"pong"``), a folder, a hub id, or one in memory.
        flatten: Whether slots are one vector per environment.
        keep_pixels: Whether observations are dicts: ``slots``, and the frames as ``pixels``.
        motion: Whether each slot's D numbers are followed by their change since the last step: zero
            in the first observation of an episode; in the last one, the change since the step
            before it. D numbers, or the velocity (2) where the encoder has ``slot_fields``.
        hold: Whether a hidden object's numbers stay as they were when it was last seen in this
            episode, except its presence. Only for encoders with ``slot_fields``; see
            :class:`slotenv.tracking.Tracking`.
        device: Where the weights are put. An encoder in memory stays where it is.

    Raises:
        TypeError: If an argument is of the wrong kind, or the observations are no uint8 frames.
        ValueError: If the frames are of another size or made with another frame skip than those the
            encoder was trained on (in subprocesses and wrappers from elsewhere, known with the
            second step), or its slots cannot be held.
        FileNotFoundError: If there is no such encoder.

    Warns:
        UserWarning: If a frame is the maximum of two emulator frames here and was not in training,
            or the other way round; if the encoder was trained on another game; where either can be
            known.

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
        if not isinstance(venv, VecEnv):
            raise TypeError(
                f"{_USER} wraps a VecEnv of Stable-Baselines3, got {type(venv).__name__}. For one "
                "gymnasium.Env there is slotenv.ObjectSlotObservation, for a "
                "gymnasium.vector.VectorEnv slotenv.vector.ObjectSlotObservation."
            )
        self._encoder = LazyEncoder(encoder, device=device, user=_USER)
        layout = self._encoder.layout(
            flatten=flatten, keep_pixels=keep_pixels, motion=motion, hold=hold
        )
        preset = self._encoder.preprocess
        self._channels_first = _channels_first(venv.observation_space, preset)
        _check_frames_known(venv, self._encoder)
        super().__init__(venv, observation_space=layout.space(venv.observation_space))
        self._slots = SlotObservations(layout, self._encoder.encode)
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
        return self._with_pixels(self._slots.reset(self._frames(pixels)), pixels)

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
        rows = np.array([i for i in np.flatnonzero(dones) if _LAST in infos[i]], np.intp)
        last_pixels = [infos[i][_LAST] for i in rows]
        slots, last = self._slots.step(
            self._frames(pixels),
            restarted=dones,
            rows=rows,
            final_frames=[self._frames(frame[None])[0] for frame in last_pixels],
        )
        if last is not None:
            infos = list(infos)
            for i, row in enumerate(rows):
                infos[row] = {**infos[row], _LAST: self._with_pixels(last[i], last_pixels[i])}
        return self._with_pixels(slots, pixels), rewards, dones, infos

    def close(self) -> None:
        """Close the environments."""
        self._closed = True
        self.venv.close()

    def _check_open(self) -> None:
        if self._closed:
            raise ClosedEnvironmentError(f"this {_USER} was closed: make a new one")

    def _frames(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return np.moveaxis(pixels, 1, -1) if self._channels_first else pixels

    def _with_pixels(self, slots: NDArray[np.float32], pixels: NDArray[np.uint8]) -> Any:
        return {"pixels": pixels, "slots": slots} if self._slots.layout.keep_pixels else slots

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
