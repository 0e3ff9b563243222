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
from gymnasium.error import ClosedEnvironmentError
from gymnasium.spaces import Box, Discrete
from gymnasium.vector import AutoresetMode, VectorEnv, VectorWrapper
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from slotenv.compatibility import FrameNumberCheck, check_environments, check_game, compare_frames
from slotenv.encoders import SlotEncoder
from slotenv.frames import FramePreset
from slotenv.observations import SlotObservations
from slotenv.wrapper import LazyEncoder

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
    see :func:`slotenv.observations.one_thread`); the weights are loaded with the first reset.

    Args:
        env: Vector environment whose observations are the encoder's frames.
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
            encoder was trained on, or its slots cannot be held. An ``AtariVectorEnv`` that
            :func:`gymnasium.make_vec` did not make, and wrappers from elsewhere, tell their frame
            skip with the second step only.
        FileNotFoundError: If there is no such encoder.
        ClosedEnvironmentError: If the environment is closed.

    Warns:
        UserWarning: If a frame is the maximum of two emulator frames here and was not in training,
            or the other way round; if the encoder was trained on another game; where either can be
            known.

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
        if not isinstance(env, VectorEnv):
            raise TypeError(
                f"{_USER} wraps a gymnasium.vector.VectorEnv, got {type(env).__name__}. For one "
                "gymnasium.Env there is slotenv.ObjectSlotObservation, for a VecEnv of "
                "Stable-Baselines3 slotenv.sb3.VecObjectSlotObservation."
            )
        super().__init__(env)
        self._encoder = LazyEncoder(encoder, device=device, user=_USER)
        layout = self._encoder.layout(
            flatten=flatten, keep_pixels=keep_pixels, motion=motion, hold=hold
        )
        self._check_open()
        preset = self._encoder.preprocess
        frames = _frame_space(env, preset)
        _check_frames_known(env, self._encoder)
        self._mode = _autoreset_mode(env)
        self._squeeze = len(env.single_observation_space.shape or ()) == 4
        self.single_observation_space = layout.space(frames)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self._observations = SlotObservations(layout, self._encoder.encode)
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
        return self._with_pixels(self._observations.reset(frames, mask), frames), infos

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Act in all environments and encode the frames that follow."""
        self._check_open()
        self._check_actions(actions)
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
        rows, last_frames = self._final_frames(infos, ended, frames)
        slots, last = self._observations.step(
            frames, restarted=restarted, rows=rows, final_frames=last_frames
        )
        if last is not None:
            assert rows is not None
            dense = infos["final_obs"].dtype != object
            infos = {**infos, "final_obs": self._final_obs(last, last_frames, rows, dense=dense)}
        return self._with_pixels(slots, frames), rewards, terminations, truncations, infos

    def _frames(self, obs: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return obs[:, 0] if self._squeeze else obs

    def _with_pixels(self, slots: NDArray[np.float32], frames: NDArray[np.uint8]) -> Any:
        keep = self._observations.layout.keep_pixels
        return {"pixels": frames, "slots": slots} if keep else slots

    def _final_frames(
        self, infos: dict[str, Any], ended: NDArray[np.bool_], frames: NDArray[np.uint8]
    ) -> tuple[NDArray[np.intp] | None, list[NDArray[np.uint8]]]:
        """Return which environments have a last frame in ``infos``, and these frames."""
        before, self._games = self._games, _games(infos)
        final = infos.get("final_obs")
        if final is None or self._mode != AutoresetMode.SAME_STEP:
            return None, []
        rows = np.flatnonzero(infos.get("_final_obs", ended))
        # Gymnasium's array holds objects, one frame each; ale-py's is (n, 1, H, W, 3) uint8.
        last_frames = [final[row][0] if self._squeeze else final[row] for row in rows]
        if before is not None and self._games is not None:
            # A lost life ends an episode and not the game: ale-py leaves its final_obs unwritten.
            goes_on = before == self._games
            last_frames = [
                frames[row] if goes_on[row] else last
                for row, last in zip(rows, last_frames, strict=True)
            ]
        return rows, last_frames

    def _final_obs(
        self,
        last: NDArray[np.float32],
        frames: list[NDArray[np.uint8]],
        rows: NDArray[np.intp],
        *,
        dense: bool,
    ) -> Any:
        """Return ``final_obs`` in the form it came in, zeros or None where nothing ended."""
        if dense:
            parts = [
                np.zeros((self.num_envs, *part[0].shape), part[0].dtype) for part in (last, frames)
            ]
            parts[0][rows], parts[1][rows] = last, frames
            return self._with_pixels(parts[0], parts[1])
        final = np.full(self.num_envs, None, dtype=object)
        for i, row in enumerate(rows):
            final[row] = self._with_pixels(last[i], frames[i])
        return final

    def _check_actions(self, actions: Any) -> None:
        if not isinstance(self.single_action_space, Discrete):
            return
        if np.shape(actions) != (self.num_envs,):
            raise ValueError(
                f"{_USER} needs one action for each of {self.num_envs} environments, got an array "
                f"of shape {np.shape(actions)}"
            )

    def _check_open(self) -> None:
        if self.env.closed:
            raise ClosedEnvironmentError(f"{_USER}: this environment was closed: make a new one")


def is_atari_vector(env: object) -> bool:
    """Whether this is ale-py's vector environment, told by name: ale-py need not be imported."""
    return any(cls.__name__ == "AtariVectorEnv" for cls in type(env).__mro__)


def _frame_space(env: VectorEnv[Any, Any, Any], preset: FramePreset) -> Space[Any]:
    """Return the space of one environment's frames; raise if they are not the preset's."""
    space: Space[Any] = env.single_observation_space
    if not is_atari_vector(env.unwrapped):
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
    elif is_atari_vector(base) and spec is not None:  # made by gymnasium.make_vec
        defaults = inspect.signature(_atari_class(base).__init__).parameters
        made = {
            key: spec.kwargs.get(key, defaults[key].default) for key in ("frameskip", "maxpool")
        }
        hint = f"Pass frameskip={preset.frame_skip}, maxpool={preset.max_pool} to make_vec."
        compare_frames(made["frameskip"], made["maxpool"], preset, user=_USER, hint=hint)


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
    return np.array(seeds) if is_atari_vector(env.unwrapped) else seeds


def _atari_class(env: object) -> Any:
    return next(cls for cls in type(env).__mro__ if cls.__name__ == "AtariVectorEnv")


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
