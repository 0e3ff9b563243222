"""The Gymnasium vector wrapper: the frames of all environments, encoded in one batch."""

import operator
import os
from typing import Any

import numpy as np
import torch
from gymnasium import Space
from gymnasium.spaces import Box, Discrete
from gymnasium.vector import AutoresetMode, VectorEnv, VectorWrapper
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from slotenv import compatibility, ready
from slotenv.encoders import SlotEncoder
from slotenv.frames import FramePreset
from slotenv.games import names_of
from slotenv.lazy_encoder import LazyEncoder
from slotenv.observations import SlotObservations
from slotenv.tracking import Slots

_USER = "slotenv.vector.ObjectSlotObservation"


class ObjectSlotObservation(VectorWrapper[Any, Any, Any, Any, Any]):
    """Replaces the frames of a vector environment by their slots, with one forward pass per step.

    For :class:`gymnasium.vector.SyncVectorEnv`, ``AsyncVectorEnv`` and ale-py's ``AtariVectorEnv``,
    in every autoreset mode. Under ``SAME_STEP`` the last frames of ended episodes,
    ``infos["final_obs"]``, are encoded in the same batch and replaced in the form they came in;
    their motion is the change since the step before.

    ``AtariVectorEnv`` must give single colour frames: ``img_height=210, img_width=160,
    grayscale=False, stack_num=1``; the stack axis is dropped. It returns the previous frame as the
    last one of a game; with ``life_loss_info``, the frame after a lost life is the last one of that
    episode and the first one of the next.

    The other arguments, errors and warnings are those of :class:`slotenv.ObjectSlotObservation`.
    Without an encoder, all environments must show one game; of an ``AtariVectorEnv`` it is known
    if :func:`gymnasium.make_vec` made it. The frame skip of wrappers from elsewhere, and of an
    ``AtariVectorEnv`` that :func:`gymnasium.make_vec` did not make, is checked with the second step
    only.

    Args:
        env: Vector environment whose observations are the encoder's frames.

    Raises:
        ClosedEnvironmentError: If the environment is closed.

    Example:
        >>> envs = gym.make_vec("ALE/Pong-v5", 8, vectorization_mode="sync")  # doctest: +SKIP
        >>> slots = ObjectSlotObservation(envs)  # doctest: +SKIP
        >>> ObjectSlotObservation(envs, "runs/pong").observation_space.shape  # doctest: +SKIP
        (8, 3, 32)
    """

    def __init__(
        self,
        env: VectorEnv[Any, Any, Any],
        encoder: str | os.PathLike[str] | SlotEncoder | None = None,
        *,
        flatten: bool = False,
        keep_pixels: bool = False,
        motion: bool = False,
        hold: bool = False,
        device: str | torch.device = "cpu",
    ) -> None:
        compatibility.check_wrapped(env, VectorEnv, user=_USER)
        compatibility.check_open(env.closed, user=_USER)
        super().__init__(env)
        if encoder is None:
            encoder = ready.for_environments(names_of(env.unwrapped), user=_USER)
        self._encoder = LazyEncoder(encoder, device=device, user=_USER)
        self._observations = SlotObservations(
            self._encoder, flatten=flatten, keep_pixels=keep_pixels, motion=motion, hold=hold
        )
        preset = self._encoder.preprocess
        # Found by name: ale-py need not be imported.
        self._atari = "AtariVectorEnv" in [cls.__name__ for cls in type(env.unwrapped).__mro__]
        frames: Space[Any] = env.single_observation_space
        if self._atari:
            _check_atari_frames(env, preset)
            frames = Box(0, 255, preset.shape, np.uint8)
        else:
            preset.check_space(frames, user=_USER)
        compatibility.check_vector(env.unwrapped, preset, self._encoder.trained_on, user=_USER)
        self._mode = _autoreset_mode(env)
        self.single_observation_space = self._observations.space(frames)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self._ended = np.zeros(self.num_envs, np.bool_)
        self._frame_numbers = compatibility.FrameNumberCheck(preset, user=_USER)
        self._games: NDArray[np.int64] | None = None  # which game each plays, of ale-py's

    def reset(
        self, *, seed: Any = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Reset all environments, or those of ``options["reset_mask"]``."""
        compatibility.check_open(self.env.closed, user=_USER)
        mask = (options or {}).get("reset_mask")  # read now: Gymnasium takes it out of the dict
        whole = _whole(seed)
        if self._atari and isinstance(whole, list):
            whole = np.array(whole)
        obs, infos = self.env.reset(seed=whole, options=options)
        frames = self._frames(obs)
        self._frame_numbers.reset()
        self._games = _games(infos)
        self._ended[slice(None) if mask is None else mask] = False
        slots = self._observations.reset(frames, mask)
        return self._observations.with_pixels(slots, frames), infos

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Act in all environments and encode the frames that follow."""
        compatibility.check_open(self.env.closed, user=_USER)
        if isinstance(self.single_action_space, Discrete):
            compatibility.check_actions(
                actions, self.num_envs, self.single_action_space, user=_USER
            )
        obs, rewards, terminations, truncations, infos = self.env.step(actions)
        frames = self._frames(obs)
        ended = np.logical_or(terminations, truncations)
        if (numbers := infos.get("episode_frame_number")) is not None:
            numbers = np.where(infos.get("_episode_frame_number", True), numbers, -1)
        self._frame_numbers.step(numbers, ended)
        restarted = {
            AutoresetMode.SAME_STEP: ended,
            AutoresetMode.NEXT_STEP: self._ended,
            AutoresetMode.DISABLED: np.zeros_like(ended),
        }[self._mode]
        self._ended = ended
        finals = self._final_frames(infos, ended, frames)
        slots, ends = self._observations.step(frames, restarted=restarted, final_frames=finals)
        if ends:
            infos = {**infos, "final_obs": self._final_obs(infos["final_obs"], ends, finals)}
        shown = self._observations.with_pixels(slots, frames)
        return shown, rewards, terminations, truncations, infos

    @property
    def boxes(self) -> NDArray[np.float32]:
        """Where slots are in the frames of the last observations, float32 (n, K, 5).

        Presence from 0 to 1, x and y of the middle, width and height in pixels, inside the frame;
        what was seen in this very frame, also with ``hold``. Of an environment that has started
        anew it is the first frame. Nothing is encoded again.

        Raises:
            TypeError: If the encoder does not say where its slots are (``has_boxes``).
            RuntimeError: Before the first reset.
        """
        return self._observations.boxes

    def _frames(self, obs: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return obs[:, 0] if self._atari else obs

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
        last_frames = {row: final[row][0] if self._atari else final[row] for row in rows}
        if before is not None and self._games is not None:
            # A lost life ends an episode and not the game: ale-py leaves its final_obs unwritten.
            last_frames |= {row: frames[row] for row in rows if before[row] == self._games[row]}
        return last_frames

    def _final_obs(
        self, came: NDArray[Any], ends: dict[int, Slots], finals: dict[int, NDArray[np.uint8]]
    ) -> Any:
        """Return ``final_obs`` in the form it came in, None or zeros where nothing ended."""
        if came.dtype == object:
            final = np.full(self.num_envs, None, dtype=object)
            for row, end in ends.items():
                final[row] = self._observations.with_pixels(end, finals[row])
            return final
        slots = np.zeros((self.num_envs, *self._observations.shape), np.float32)
        pixels = np.zeros_like(came[:, 0])
        slots[list(ends)], pixels[list(ends)] = list(ends.values()), list(finals.values())
        return self._observations.with_pixels(slots, pixels)


def _check_atari_frames(env: VectorEnv[Any, Any, Any], preset: FramePreset) -> None:
    """Raise unless ale-py's vector environment gives single frames of the preset."""
    base: Any = env.unwrapped
    if base.batch_size != base.num_envs:
        raise ValueError(
            f"{_USER} must know which environment each frame is from: this AtariVectorEnv returns "
            f"{base.batch_size} of {base.num_envs} environments at a time. Leave out batch_size."
        )
    space = env.single_observation_space
    if space.shape != (1, *preset.shape) or space.dtype != np.uint8:
        raise ValueError(
            f"{_USER} needs frames {preset.shape} (preset {preset.name!r}), this AtariVectorEnv "
            f"gives observations {space.shape}. Make it with img_height={preset.height}, "
            f"img_width={preset.width}, grayscale=False, stack_num=1, "
            f"frameskip={preset.frame_skip}, maxpool={bool(preset.max_pool)}."
        )


def _games(infos: dict[str, Any]) -> NDArray[np.int64] | None:
    """Return the emulators' frame with which each game began; a new game begins with another."""
    if "frame_number" not in infos or "episode_frame_number" not in infos:
        return None
    begun: NDArray[np.int64] = np.subtract(infos["frame_number"], infos["episode_frame_number"])
    return begun


def _whole(seed: Any) -> Any:
    """Return a seed, NumPy's too, or a list of seeds as Python's whole numbers."""
    if seed is None:
        return None
    return [_whole(one) for one in seed] if np.ndim(seed) else operator.index(seed)


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
