"""TorchRL: a transform that turns the frames of an environment into object slots."""

import math
import os
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from slotenv.encoders import SlotEncoder
from slotenv.lazy_encoder import LazyEncoder
from slotenv.observations import SlotObservations

try:
    from tensordict import NestedKey, TensorDictBase
    from torchrl.data import Composite, Unbounded
    from torchrl.envs import Transform
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f'slotenv.torchrl needs TorchRL ({error}): pip install "slotenv[torchrl]"'
    ) from error

_USER = "SlotTransform"


class SlotTransform(Transform):
    """Writes the slots of an environment's frames, uint8 (*batch, H, W, 3), under a key.

    Slots are float32 (*batch, K, D), on the device of the frames: what
    :class:`slotenv.ObjectSlotObservation` shows, whose arguments mean the same here. The frames of
    a batched environment, such as ``ParallelEnv``, are encoded in one batch, so put this outside of
    it. With ``motion`` or ``hold`` each environment of the batch has a memory, which starts anew
    where the environment is reset; a clone of the transform has a memory of its own.

    Outside of an environment, as in a replay buffer, each frame is encoded for itself. There is no
    time, so ``motion`` and ``hold`` are errors.

    Not supported: environments that reset themselves within a step, with ``motion`` or ``hold``.
    The frames' game and frame skip are not checked.

    Args:
        encoder: A ready-made encoder (``"pong"``), a folder, a hub id, or one in memory.
        in_keys: The key of the frames.
        out_keys: The key of the slots.
        del_keys: Whether the frames are left out of what the environment returns.
        flatten: Whether slots are one vector, (*batch, K * D).
        motion: Whether slots say how they move.
        hold: Whether hidden objects that flicker stay where they were last seen.
        device: Where the encoder's weights are put.

    Raises:
        ValueError: If there is not one key each, slots cannot be held, or frames are of another
            size than those the encoder was trained on.
        TypeError: If frames are not uint8.
        FileNotFoundError: If there is no such encoder.
        RuntimeError: If it is called outside of an environment with ``motion`` or ``hold``.

    Example:
        >>> env = TransformedEnv(GymEnv("ALE/Pong-v5"), SlotTransform("pong"))  # doctest: +SKIP
        >>> env.rollout(10)["slots"].shape  # doctest: +SKIP
        torch.Size([10, 6, 6])
    """

    def __init__(
        self,
        encoder: str | os.PathLike[str] | SlotEncoder,
        *,
        in_keys: Sequence[NestedKey] = ("pixels",),
        out_keys: Sequence[NestedKey] = ("slots",),
        del_keys: bool = True,
        flatten: bool = False,
        motion: bool = False,
        hold: bool = False,
        device: str | torch.device = "cpu",
    ) -> None:
        if len(in_keys) != 1 or len(out_keys) != 1:
            raise ValueError(
                f"{_USER} needs one key of frames and one of slots, got in_keys={list(in_keys)} "
                f"and out_keys={list(out_keys)}"
            )
        super().__init__(in_keys=list(in_keys), out_keys=list(out_keys))
        self._lazy = LazyEncoder(encoder, device=device, user=_USER)
        self._shown = {"flatten": flatten, "motion": motion, "hold": hold}
        self._observations = self._without_memory()
        self._del_keys = del_keys

    def clone(self) -> Self:
        """Return the same transform for another environment."""
        clone: Self = super().clone()
        clone._observations = self._without_memory()
        return clone

    def forward(self, tensordict: TensorDictBase) -> TensorDictBase:
        """Encode frames outside of an environment, each for itself."""
        if self._shown["motion"] or self._shown["hold"]:
            raise RuntimeError(
                f"{_USER} with motion or hold follows an environment step by step: put it into a "
                "TransformedEnv and store its slots, or leave out motion and hold here"
            )
        return self._write(tensordict, lambda frames: self._without_memory().reset(frames))

    def transform_observation_spec(self, observation_spec: Composite) -> Composite:
        """Return the spec with slots.

        Raises:
            KeyError: If the environment has no such frames.
            ValueError: If they are of another size than the encoder's.
            TypeError: If they are not uint8.
        """
        key = self.in_keys[0]
        if key not in observation_spec.keys(True, True):
            raise KeyError(
                f"{_USER} needs frames under {key!r}, and the environment has "
                f"{list(observation_spec.keys(True, True))}: name their key, in_keys=[...]"
            )
        frames = observation_spec[key]
        shape = tuple(frames.shape[-3:])
        if frames.dtype != torch.uint8:
            raise TypeError(f"{_USER} needs uint8 frames (H, W, 3), {key!r} is {frames.dtype}")
        if shape != self._lazy.preprocess.shape:
            raise ValueError(
                f"{_USER}: the encoder was trained on frames {self._lazy.preprocess.shape}, "
                f"{key!r} is {shape}: give the frames as the environment draws them, without "
                "Resize, ToTensorImage or GrayScale before"
            )
        spec = observation_spec.clone()
        batch = frames.shape[:-3]
        spec[self.out_keys[0]] = Unbounded(
            (*batch, *self._observations.shape), device=frames.device, dtype=torch.float32
        )
        if self._del_keys:
            del spec[key]
        return spec

    def _call(self, next_tensordict: TensorDictBase) -> TensorDictBase:
        def step(frames: NDArray[np.uint8]) -> NDArray[np.float32]:
            return self._observations.step(frames, restarted=np.zeros(len(frames), np.bool_))[0]

        return self._write(next_tensordict, step)

    def _reset(
        self, tensordict: TensorDictBase, tensordict_reset: TensorDictBase
    ) -> TensorDictBase:
        chosen = tensordict.get("_reset", None)  # (*batch, 1), of the environments that are reset

        def reset(frames: NDArray[np.uint8]) -> NDArray[np.float32]:
            mask = None
            if chosen is not None:
                mask = chosen.reshape(len(frames), -1).any(dim=-1).cpu().numpy()
            return self._observations.reset(frames, mask)

        return self._write(tensordict_reset, reset)

    def _reset_on_native_autoreset(
        self, tensordict: TensorDictBase, tensordict_reset: TensorDictBase
    ) -> TensorDictBase:
        if self._shown["motion"] or self._shown["hold"]:
            raise NotImplementedError(
                f"{_USER} with motion or hold needs an environment that does not reset itself: "
                "leave out auto_reset=True, or leave out motion and hold"
            )
        return tensordict_reset

    def _write(self, tensordict: TensorDictBase, encode: Any) -> TensorDictBase:
        """Write what ``encode`` makes of all frames (n, H, W, 3) of a tensordict."""
        frames: Tensor = tensordict.get(self.in_keys[0])
        batch = frames.shape[:-3]
        flat = frames.reshape(math.prod(batch), *frames.shape[-3:])
        slots = torch.from_numpy(encode(flat.cpu().numpy())).to(frames.device)
        tensordict.set(self.out_keys[0], slots.reshape(*batch, *slots.shape[1:]))
        return tensordict.exclude(self.in_keys[0]) if self._del_keys else tensordict

    def _without_memory(self) -> SlotObservations:
        return SlotObservations(self._lazy, **self._shown)
