"""The Gymnasium wrapper: pixels in, object slots out."""

from __future__ import annotations

import operator
import os
from functools import lru_cache
from pathlib import Path
from typing import Any, SupportsIndex

import gymnasium as gym
import numpy as np
import torch
from gymnasium.error import ClosedEnvironmentError
from gymnasium.utils import RecordConstructorArgs
from numpy.typing import NDArray

from slotenv import checkpoint
from slotenv.compatibility import FrameNumberCheck, check_environments, make_env_hint
from slotenv.encoders import ENCODERS, SlotEncoder
from slotenv.encoders.base import parse_device
from slotenv.frames import FramePreset
from slotenv.observations import Layout, SlotObservations, one_thread

_USER = "ObjectSlotObservation"


class ObjectSlotObservation(gym.Wrapper[Any, Any, NDArray[np.uint8], Any], RecordConstructorArgs):
    """Replaces each frame by the K slot vectors that a pretrained encoder sees in it.

    The observation space is a Box of float32 numbers, shape (K, D), or (K * D,) with ``flatten``.
    It comes from ``config.json`` alone: the weights are loaded with the first observation, once
    per process, and are left out when the environment is pickled or copied. Frames are encoded one
    at a time, in evaluation mode, on one thread.

    One frame shows no velocity and no hidden object, so neither do its slots. ``motion`` appends to
    each slot its change since the step before; ``hold`` keeps a hidden object where it was last
    seen; :class:`slotenv.tracking.Tracking` has the details. For longer histories stack slots, with
    what the host has for stacking: :class:`gymnasium.wrappers.FrameStackObservation` or SB3's
    ``VecFrameStack`` around this wrapper.

    A vector version of the wrapper exists, :class:`slotenv.vector.ObjectSlotObservation`, and one
    for Stable-Baselines3, :class:`slotenv.sb3.VecObjectSlotObservation`: they encode the frames of
    all environments in one batch, which is faster than this wrapper around each.

    Args:
        env: Environment whose observations are the encoder's frames, ``encoder.preprocess``.
        encoder: A ready-made encoder (``"pong"``), a folder, a hub id, or one in memory. Only with
            the first three can ``env.spec`` be written as JSON.
        flatten: Whether slots are one vector, for libraries that want vectors.
        keep_pixels: Whether observations are dicts: ``slots``, and the frame itself as ``pixels``.
        motion: Whether each slot's D numbers are followed by their change since the last step; zero
            after a reset. Slots are then (K, 2D), or (K, D + 2) where the encoder's slots say where
            their object is (``slot_fields``): how far it would go in 4 steps, zero unless it was
            seen in this step and in the one before.
        hold: Whether a hidden object's numbers stay as they were when it was last seen in this
            episode, except its presence, which says that it is hidden. Only for encoders with
            ``slot_fields``.
        device: Where the weights are put. An encoder in memory stays where it is.

    Raises:
        TypeError: If an argument is of the wrong kind, or the observations are no uint8 frames.
        ValueError: If the frames are of another size or made with another frame skip than those the
            encoder was trained on, or its slots cannot be held.
        FileNotFoundError: If there is no such encoder.

    Warns:
        UserWarning: If a frame is the maximum of two emulator frames here and was not in training,
            or the other way round; if the encoder was trained on another game.

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
        keep_pixels: bool = False,
        motion: bool = False,
        hold: bool = False,
        device: str | torch.device = "cpu",
    ) -> None:
        if not isinstance(env, gym.Env):
            raise TypeError(
                f"{_USER} wraps one gymnasium.Env, got {type(env).__name__}. For a "
                "gymnasium.vector.VectorEnv there is slotenv.vector.ObjectSlotObservation, for a "
                "VecEnv of Stable-Baselines3 slotenv.sb3.VecObjectSlotObservation."
            )
        in_memory = isinstance(encoder, SlotEncoder)
        self._encoder = LazyEncoder(encoder, device=device, user=_USER)
        layout = self._encoder.layout(
            flatten=flatten, keep_pixels=keep_pixels, motion=motion, hold=hold
        )
        RecordConstructorArgs.__init__(
            self,
            _disable_deepcopy=in_memory,
            encoder=encoder if isinstance(encoder, SlotEncoder) else _from_anywhere(encoder),
            flatten=bool(flatten),
            keep_pixels=bool(keep_pixels),
            motion=bool(motion),
            hold=bool(hold),
            device=str(device),
        )
        gym.Wrapper.__init__(self, env)
        preset = self._encoder.preprocess
        preset.check_space(env.observation_space, user=_USER)
        check_environments([env], preset, self._encoder.trained_on, user=_USER)
        self._frame_numbers = FrameNumberCheck(preset, user=_USER, hint=make_env_hint(env))
        self.observation_space = layout.space(env.observation_space)
        self._observations = SlotObservations(layout, self._encoder.encode)
        self._closed = False

    def reset(
        self, *, seed: SupportsIndex | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Start an episode; nothing has moved yet, and nothing was seen before."""
        self._check_open()
        whole = None if seed is None else operator.index(seed)
        frame, info = self.env.reset(seed=whole, options=options)
        self._frame_numbers.reset(self._frame_number())
        return self._with_pixels(self._observations.reset(_batch(frame))[0], frame), info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Act and encode the frame that follows."""
        self._check_open()
        frame, reward, terminated, truncated, info = self.env.step(action)
        if self._frame_numbers.is_open:
            ended = np.array([terminated or truncated])
            self._frame_numbers.step(self._frame_number(), ended)
        slots, _ = self._observations.step(_batch(frame), restarted=np.zeros(1, np.bool_))
        return self._with_pixels(slots[0], frame), reward, terminated, truncated, info

    def close(self) -> None:
        """Close the environment."""
        self._closed = True
        super().close()

    def _with_pixels(self, slots: NDArray[np.float32], frame: NDArray[np.uint8]) -> Any:
        keep = self._observations.layout.keep_pixels
        return {"pixels": frame, "slots": slots} if keep else slots

    def _frame_number(self) -> NDArray[np.int64] | None:
        ale = getattr(self.unwrapped, "ale", None)
        return None if ale is None else np.array([ale.getEpisodeFrameNumber()])

    def _check_open(self) -> None:
        if self._closed:
            raise ClosedEnvironmentError("this environment was closed: make a new one")


def _batch(frame: Any) -> NDArray[np.uint8]:
    if not isinstance(frame, np.ndarray):
        raise TypeError(
            f"{_USER} needs frames that are uint8 arrays, as the environment's observation space "
            f"says, got {type(frame).__name__}"
        )
    return frame[None]


def _from_anywhere(encoder: str | os.PathLike[str]) -> str:
    """Return the name of an encoder that means the same in another working directory."""
    return os.path.abspath(encoder) if os.path.exists(encoder) else os.fspath(encoder)


class LazyEncoder:
    """An encoder known by its config, whose weights are loaded when they are first needed.

    Pickles and copies hold the folder's name, not the weights; an encoder that was given in memory
    travels whole.

    Attributes:
        num_slots: K.
        slot_dim: D.
        slot_fields: What the D numbers are, or None if they have no names.
        preprocess: The frames the encoder was trained on.
        trained_on: The environment they came from, None if that is not known.
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
        self.slot_fields: tuple[str, ...] | None
        self.preprocess: FramePreset
        self.trained_on: str | None
        self._module: SlotEncoder | None = None
        self._source: tuple[str, str, str] | None = None
        self._user = user
        device_name = str(parse_device(device))
        if isinstance(encoder, SlotEncoder):
            self._module = encoder
            self.num_slots, self.slot_dim = encoder.num_slots, encoder.slot_dim
            self.slot_fields = encoder.slot_fields
            self.preprocess = encoder.preprocess
            self.trained_on = encoder.provenance.get("env_id")
            return
        if not isinstance(encoder, str | os.PathLike):
            raise TypeError(
                f"{user} needs an encoder folder, a hub id or a SlotEncoder, got "
                f"{type(encoder).__name__}. Save an encoder with encoder.save_pretrained(folder)."
            )
        folder = checkpoint.find_folder(encoder).resolve()
        config = checkpoint.read_config(folder)
        kwargs = config["kwargs"]
        self.num_slots, self.slot_dim = kwargs["num_slots"], kwargs["slot_dim"]
        self.preprocess = FramePreset.from_dict(kwargs["preprocess"])
        self.slot_fields = _slot_fields(config["architecture"], folder)
        if self.slot_fields is not None and len(self.slot_fields) != self.slot_dim:
            raise ValueError(
                f"{folder} is no slot encoder's folder: it tells of slots of {self.slot_dim} "
                f"numbers, its architecture's have {len(self.slot_fields)}"
            )
        self.trained_on = config.get("provenance", {}).get("env_id")
        self._source = (str(folder), config["weights_sha256"], device_name)

    def get(self) -> SlotEncoder:
        """Return the encoder, loading it if this process has not done so yet."""
        if self._module is None:
            assert self._source is not None
            self._module = _load(*self._source)
        return self._module

    def encode(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Encode frames (B, H, W, 3) to slots (B, K, D), on one thread.

        Raises:
            TypeError: If frames are not uint8 arrays.
            ValueError: If they have another shape than the encoder's.
        """
        try:
            self.preprocess.check_frames(frames)
        except (TypeError, ValueError) as error:
            raise type(error)(
                f"{self._user}: the environment's frames are not as its observation space says: "
                f"{error}"
            ) from error
        # What PyTorch makes in inference mode cannot be used outside it, and weights are kept.
        with one_thread(), torch.inference_mode(mode=False):
            return self.get().encode(frames)

    def layout(self, *, flatten: bool, keep_pixels: bool, motion: bool, hold: bool) -> Layout:
        """Return the layout of observations of this encoder's slots.

        Raises:
            TypeError: If a switch is neither True nor False.
            ValueError: If slots are to be held that do not say when their object is hidden.
        """
        layout = Layout(
            num_slots=self.num_slots,
            slot_dim=self.slot_dim,
            slot_fields=self.slot_fields,
            flatten=flatten,
            keep_pixels=keep_pixels,
            motion=motion,
            hold=hold,
        )
        if hold and self.slot_fields is None:
            able = [name for name, encoder in ENCODERS.items() if encoder.slot_fields is not None]
            raise ValueError(
                "hold=True needs an encoder whose slots say whether their object is there and "
                f"where (slot_fields), of architecture {' or '.join(able)}: this one's "
                "numbers have no names. Leave hold out."
            )
        return layout

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ if self._source is None else {**self.__dict__, "_module": None}


def _slot_fields(architecture: str, folder: Path) -> tuple[str, ...] | None:
    """Return what an architecture's numbers are, known without the weights."""
    if architecture not in ENCODERS:
        raise ValueError(
            f"{folder} holds an encoder named {architecture!r}; this slotenv has "
            f"{', '.join(ENCODERS)}"
        )
    return ENCODERS[architecture].slot_fields


@lru_cache(maxsize=16)
def _load(folder: str, weights_sha256: str, device: str) -> SlotEncoder:
    """Load an encoder once per process; the checksum tells a replaced folder from the old one."""
    if checkpoint.read_config(folder)["weights_sha256"] != weights_sha256:
        raise ValueError(
            f"{folder} holds another encoder by now than when the environment was made: make the "
            "environment again"
        )
    return checkpoint.load(Path(folder)).to(device).requires_grad_(False)
