"""The Gymnasium wrapper: pixels in, object slots out."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium.spaces import Box
from gymnasium.utils import RecordConstructorArgs
from numpy.typing import NDArray

from slotenv import checkpoint
from slotenv.encoders import SlotEncoder
from slotenv.frames import FramePreset

_POOLING_SKIPS = {  # wrapper class -> attribute that holds its skip; each pools the last two frames
    "MaxAndSkip": "_skip",  # ours
    "MaxAndSkipEnv": "_skip",  # Stable-Baselines3
    "MaxAndSkipObservation": "_skip",  # Gymnasium
    "AtariPreprocessing": "frame_skip",  # Gymnasium
}


class ObjectSlotObservation(
    gym.ObservationWrapper[NDArray[np.float32], Any, NDArray[np.uint8]], RecordConstructorArgs
):
    """Replaces each frame by the K slot vectors that a pretrained encoder sees in it.

    The observation space is a Box of float32 numbers, shape (K, D), or (K * D,) with ``flatten``.
    It comes from ``config.json`` alone: the weights are loaded with the first observation, once
    per process, and are left out when the environment is pickled or copied. Frames are encoded one
    at a time, in evaluation mode, on one thread (for a single frame, more threads are slower).

    With many environments, a wrapper that encodes them in one batch is faster than this one
    around each.

    Args:
        env: Environment whose observations are the encoder's frames, ``encoder.preprocess``.
        encoder: An encoder folder, a run folder, a hub id, or an encoder in memory. Only with the
            first three can ``env.spec`` be written as JSON.
        flatten: Whether observations are vectors (K * D,), for libraries that want vectors.
        device: Where the weights are put. An encoder in memory stays where it is.

    Raises:
        TypeError: If ``encoder`` is something else, or the observations are no uint8 frames.
        ValueError: If the frames are of another size or made with another frame skip than those the
            encoder was trained on.
        FileNotFoundError: If there is no such encoder.

    Warns:
        UserWarning: If a frame is the maximum of two emulator frames here and was not in training,
            or the other way round.

    Example:
        >>> env = ObjectSlotObservation(gym.make("ALE/Pong-v5"), "runs/pong")  # doctest: +SKIP
        >>> env.observation_space.shape  # doctest: +SKIP
        (3, 32)
    """

    def __init__(
        self,
        env: gym.Env[NDArray[np.uint8], Any],
        encoder: str | os.PathLike[str] | SlotEncoder,
        *,
        flatten: bool = False,
        device: str | torch.device = "cpu",
    ) -> None:
        in_memory = isinstance(encoder, SlotEncoder)
        self._encoder = LazyEncoder(encoder, device=device, user="ObjectSlotObservation")
        RecordConstructorArgs.__init__(
            self,
            _disable_deepcopy=in_memory,
            encoder=encoder if isinstance(encoder, SlotEncoder) else os.fspath(encoder),
            flatten=flatten,
            device=str(device),
        )
        gym.ObservationWrapper.__init__(self, env)
        self._encoder.preprocess.check_space(env.observation_space, user="ObjectSlotObservation")
        check_frame_skip(env, self._encoder.preprocess, user="ObjectSlotObservation")
        shape = (self._encoder.num_slots, self._encoder.slot_dim)
        self._shape = (shape[0] * shape[1],) if flatten else shape
        self.observation_space = Box(-np.inf, np.inf, self._shape, np.float32)

    def observation(self, observation: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Encode one frame."""
        with one_thread():
            slots = self._encoder.get().encode(observation[None])
        return slots.reshape(self._shape)


class LazyEncoder:
    """An encoder known by its config, whose weights are loaded when they are first needed.

    Pickles and copies hold the folder's name, not the weights; an encoder that was given in memory
    travels whole.

    Attributes:
        num_slots: K.
        slot_dim: D.
        preprocess: The frames the encoder was trained on.
    """

    def __init__(
        self,
        encoder: str | os.PathLike[str] | SlotEncoder,
        *,
        device: str | torch.device,
        user: str,
    ) -> None:
        self.num_slots: int
        self.slot_dim: int
        self.preprocess: FramePreset
        self._module: SlotEncoder | None = None
        self._source: tuple[str, str, str] | None = None
        if isinstance(encoder, SlotEncoder):
            self._module = encoder
            self.num_slots, self.slot_dim = encoder.num_slots, encoder.slot_dim
            self.preprocess = encoder.preprocess
            return
        if not isinstance(encoder, str | os.PathLike):
            raise TypeError(
                f"{user} needs an encoder folder, a hub id or a SlotEncoder, got "
                f"{type(encoder).__name__}. Save an encoder with encoder.save_pretrained(folder)."
            )
        folder = checkpoint.find_folder(encoder).resolve()
        config = checkpoint.read_config(folder)
        try:
            kwargs = config["kwargs"]
            self.num_slots, self.slot_dim = int(kwargs["num_slots"]), int(kwargs["slot_dim"])
            self.preprocess = FramePreset.from_dict(kwargs["preprocess"])
        except (KeyError, TypeError) as error:
            raise ValueError(f"{folder} is no slot encoder's folder: {error!r}") from error
        self._source = (str(folder), config["weights_sha256"], _device_name(device))

    def get(self) -> SlotEncoder:
        """Return the encoder, loading it if this process has not done so yet."""
        if self._module is None:
            assert self._source is not None
            self._module = _load(*self._source)
        return self._module

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ if self._source is None else {**self.__dict__, "_module": None}


@contextmanager
def one_thread() -> Iterator[None]:
    """Run PyTorch on one thread inside the block.

    Faster for a single frame, and needed in a process forked from one that has used PyTorch: it
    would wait forever for threads that were not copied.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def check_frame_skip(env: gym.Env[Any, Any], preset: FramePreset, *, user: str) -> None:
    """Compare how an Atari environment makes its frames with a preset; pass any other by.

    Args:
        env: The environment with its wrappers.
        preset: The frames that are needed; a plain one says nothing of how they are made.
        user: Name of the class that asks, for the message.

    Raises:
        ValueError: If an agent step is another number of emulator frames.

    Warns:
        UserWarning: If only one of the two takes the maximum of two emulator frames.
    """
    if getattr(env.unwrapped, "ale", None) is None or preset.name == "plain":
        return
    skip, pooled = _skip_and_pooling(env)
    env_id = env.spec.id if env.spec is not None else "ALE/Pong-v5"
    hint = f'slotenv.make_env("{env_id}", encoder.preprocess) builds the right environment.'
    if skip != preset.frame_skip:
        raise ValueError(
            f"{user}: this encoder was trained on frames {preset.frame_skip} emulator frames apart "
            f"(preset {preset.name!r}), the environment's are {skip} apart. {hint}"
        )
    if pooled != preset.max_pool:
        kinds = {True: "the maximum of two emulator frames", False: "single emulator frames"}
        warnings.warn(
            f"{user}: this encoder was trained on {kinds[preset.max_pool]} (preset "
            f"{preset.name!r}), the environment gives {kinds[pooled]}: small objects may flicker "
            f"or look different. {hint}",
            UserWarning,
            stacklevel=3,
        )


def _skip_and_pooling(env: gym.Env[Any, Any]) -> tuple[int | str, bool]:
    """Return emulator frames per step (in words if random), and whether frames are pooled."""
    own: Any = getattr(env.unwrapped, "_frameskip", 1)
    skip, pooled = 1, False
    layer: gym.Env[Any, Any] = env
    while isinstance(layer, gym.Wrapper):
        factor = int(getattr(layer, _POOLING_SKIPS.get(type(layer).__name__, ""), 1))
        skip, pooled = skip * factor, pooled or factor > 1
        layer = layer.env
    if isinstance(own, int):
        return skip * own, pooled
    low, high = own  # drawn anew each step, the upper end excluded
    return f"{skip * low} to {skip * (high - 1)} (random)", pooled


def _device_name(device: str | torch.device) -> str:
    try:
        return str(torch.device(device))
    except RuntimeError as error:
        raise ValueError(f"no device {device!r}: use 'cpu', 'cuda' or 'cuda:0'") from error


@lru_cache(maxsize=16)
def _load(folder: str, weights_sha256: str, device: str) -> SlotEncoder:
    """Load an encoder once per process; the checksum tells a replaced folder from the old one."""
    with one_thread():
        return checkpoint.load(Path(folder)).to(device)
