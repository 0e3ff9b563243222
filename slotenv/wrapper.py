"""The Gymnasium wrapper: pixels in, object slots out."""

import operator
import os
from typing import Any, SupportsIndex

import gymnasium as gym
import numpy as np
import torch
from gymnasium.utils import RecordConstructorArgs
from numpy.typing import NDArray

from slotenv import compatibility, ready
from slotenv.encoders import SlotEncoder
from slotenv.games import names_of
from slotenv.lazy_encoder import LazyEncoder, from_anywhere
from slotenv.observations import SlotObservations

_USER = "ObjectSlotObservation"


class ObjectSlotObservation(gym.Wrapper[Any, Any, NDArray[np.uint8], Any], RecordConstructorArgs):
    """Replaces each frame by the K slot vectors that a pretrained encoder sees in it.

    The observation space is a Box of float32 numbers, shape (K, D), or (K * D,) with ``flatten``.
    It comes from ``config.json`` alone: the weights are loaded with the first observation, once
    per process, and are left out when the environment is pickled or copied. Frames are encoded in
    this process, in evaluation mode, on one thread whatever PyTorch is set to: more are slower, see
    :func:`slotenv.lazy_encoder.one_thread`.

    One frame shows no velocity and no hidden object, so neither do its slots: see ``motion`` and
    ``hold``, and for details :class:`slotenv.tracking.Tracking`. For longer histories put
    :class:`gymnasium.wrappers.FrameStackObservation` or SB3's ``VecFrameStack`` around it.

    :class:`slotenv.vector.ObjectSlotObservation` and, for Stable-Baselines3,
    :class:`slotenv.sb3.VecObjectSlotObservation` encode the frames of many environments in one
    batch, which is faster than this wrapper around each.

    Args:
        env: Environment whose observations are the encoder's frames, ``encoder.preprocess``.
        encoder: A ready-made encoder (``"pong"``), a folder, a hub id, or one in memory, with which
            ``env.spec`` cannot be written as JSON. None for the ready-made one of the game that the
            environment shows.
        flatten: Whether slots are one vector, for libraries that want vectors.
        keep_pixels: Whether observations are dicts: ``slots``, and the frame itself as ``pixels``.
        motion: Whether each slot's D numbers are followed by their change since the last step; zero
            after a reset. Slots are then (K, 2D), or (K, D + 2) where the encoder's slots say where
            their object is (``slot_fields``): how far it would go in 4 steps, zero unless it was
            seen in this step and in the one before.
        hold: Whether a hidden object's numbers stay as they were when it was last seen, except its
            presence, which says that it is hidden: for at most 16 steps of an episode, and in slots
            whose things come back soon (``held_slots``). Only for encoders with ``slot_fields``.
            With ``motion`` or ``hold``, things that are alike (``alike_slots``) are followed from
            step to step, and each keeps its slot.
        device: Where the weights are put. An encoder in memory stays where it is.

    Raises:
        TypeError: If an argument is of the wrong kind, or the observations are no uint8 frames.
        ValueError: If the frames are of another size or made with another frame skip than those the
            encoder was trained on, or its slots cannot be held; if no encoder is given and there is
            no ready-made one of the game.
        FileNotFoundError: If there is no such encoder.

    Warns:
        UserWarning: If a frame is the maximum of two emulator frames here and was not in training,
            or the other way round; if the encoder was trained on another game.

    Example:
        >>> env = ObjectSlotObservation(gym.make("ALE/Pong-v5"))  # doctest: +SKIP
        >>> env = ObjectSlotObservation(gym.make("ALE/Pong-v5"), "runs/pong")  # doctest: +SKIP
        >>> env.observation_space.shape  # doctest: +SKIP
        (3, 32)
    """

    def __init__(
        self,
        env: gym.Env[NDArray[np.uint8], Any],
        encoder: str | os.PathLike[str] | SlotEncoder | None = None,
        *,
        flatten: bool = False,
        keep_pixels: bool = False,
        motion: bool = False,
        hold: bool = False,
        device: str | torch.device = "cpu",
    ) -> None:
        compatibility.check_wrapped(env, gym.Env, user=_USER)
        shown = {"flatten": flatten, "keep_pixels": keep_pixels, "motion": motion, "hold": hold}
        # The argument itself is recorded: from None, the same is found again, on any machine.
        found = ready.for_environments(names_of(env), user=_USER) if encoder is None else encoder
        self._encoder = LazyEncoder(found, device=device, user=_USER)
        self._observations = SlotObservations(self._encoder, **shown)
        RecordConstructorArgs.__init__(
            self,
            _disable_deepcopy=isinstance(encoder, SlotEncoder),
            encoder=from_anywhere(encoder) if isinstance(encoder, str | os.PathLike) else encoder,
            **{name: bool(value) for name, value in shown.items()},
            device=str(device),
        )
        gym.Wrapper.__init__(self, env)
        preset = self._encoder.preprocess
        preset.check_space(env.observation_space, user=_USER)
        compatibility.check_environments([env], preset, self._encoder.trained_on, user=_USER)
        hint = compatibility.make_env_hint(env)
        self._frame_numbers = compatibility.FrameNumberCheck(preset, user=_USER, hint=hint)
        self.observation_space = self._observations.space(env.observation_space)
        self._closed = False

    def reset(
        self, *, seed: SupportsIndex | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Start an episode; nothing has moved yet, and nothing was seen before."""
        compatibility.check_open(self._closed, user=_USER)
        whole = None if seed is None else operator.index(seed)
        frame, info = self.env.reset(seed=whole, options=options)
        self._frame_numbers.reset(self._frame_number())
        slots = self._observations.reset(_batch(frame))[0]
        return self._observations.with_pixels(slots, frame), info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Act and encode the frame that follows."""
        compatibility.check_open(self._closed, user=_USER)
        frame, reward, terminated, truncated, info = self.env.step(action)
        self._frame_numbers.step(self._frame_number(), np.array([terminated or truncated]))
        slots, _ = self._observations.step(_batch(frame), restarted=np.zeros(1, np.bool_))
        shown = self._observations.with_pixels(slots[0], frame)
        return shown, reward, terminated, truncated, info

    @property
    def boxes(self) -> NDArray[np.float32]:
        """Where slots are in the frame of the last observation, float32 (K, 5).

        Presence from 0 to 1, x and y of the middle, width and height in pixels, inside the frame;
        what was seen in this very frame, also with ``hold``, slot by slot as the observation has
        it. Nothing is encoded again.

        Raises:
            TypeError: If the encoder does not say where its slots are (``has_boxes``).
            RuntimeError: Before the first reset.
        """
        boxes: NDArray[np.float32] = self._observations.boxes[0]
        return boxes

    def close(self) -> None:
        """Close the environment."""
        self._closed = True
        super().close()

    def _frame_number(self) -> NDArray[np.int64] | None:
        ale = getattr(self.unwrapped, "ale", None)
        return None if ale is None else np.array([ale.getEpisodeFrameNumber()])


def _batch(frame: Any) -> NDArray[np.uint8]:
    if not isinstance(frame, np.ndarray):
        raise TypeError(
            f"{_USER} needs frames that are uint8 arrays, as the environment's observation space "
            f"says, got {type(frame).__name__}"
        )
    return frame[None]
