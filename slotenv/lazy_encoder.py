"""An encoder that is known by its config, and loaded when it is first needed."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from slotenv import checkpoint
from slotenv.encoders import SlotEncoder
from slotenv.encoders.devices import parse_device
from slotenv.encoders.saving import kind_of, load
from slotenv.frames import FramePreset
from slotenv.threads import one_thread


class LazyEncoder:
    """An encoder whose weights are loaded with the first frames, once per process.

    Pickles and copies hold the folder's name, not the weights; an encoder that was given in memory
    travels whole.

    Args:
        encoder: A ready-made encoder (``"pong"``), a folder, a hub id, or one in memory.
        device: Where the weights are put. An encoder in memory stays where it is.
        user: Name of the class that asks, for messages.

    Attributes:
        num_slots: K.
        slot_dim: D.
        slot_fields: What the D numbers are, or None if they have no names.
        preprocess: The frames the encoder was trained on.
        trained_on: The environment they came from, None if that is not known.

    Raises:
        TypeError: If ``encoder`` or ``device`` is of another kind.
        ValueError: If the folder is no encoder's, or there is no such device.
        FileNotFoundError: If there is no such encoder.
    """

    num_slots: int
    slot_dim: int
    slot_fields: tuple[str, ...] | None
    preprocess: FramePreset
    trained_on: str | None

    def __init__(
        self,
        encoder: str | os.PathLike[str] | SlotEncoder,
        *,
        device: str | torch.device,
        user: str,
    ) -> None:
        self._user = user
        self._module: SlotEncoder | None = None
        self._source: tuple[str, str, str] | None = None
        device_name = str(parse_device(device))
        if isinstance(encoder, SlotEncoder):
            self._module = encoder
            self.num_slots, self.slot_dim = encoder.num_slots, encoder.slot_dim
            self.slot_fields, self.preprocess = encoder.slot_fields, encoder.preprocess
            self.trained_on = encoder.provenance.get("env_id")
            return
        folder = checkpoint.find_folder(encoder).resolve()
        config = checkpoint.read_config(folder)
        kwargs = config["kwargs"]
        self.num_slots, self.slot_dim = kwargs["num_slots"], kwargs["slot_dim"]
        try:
            self.slot_fields = kind_of(config).slot_fields
        except ValueError as error:
            raise ValueError(f"{folder}: {error}") from error
        self.preprocess = FramePreset.from_dict(kwargs["preprocess"])
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

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ if self._source is None else {**self.__dict__, "_module": None}


def from_anywhere(encoder: str | os.PathLike[str]) -> str:
    """Return the name of an encoder that means the same in another working directory."""
    return os.path.abspath(encoder) if os.path.exists(encoder) else os.fspath(encoder)


@lru_cache(maxsize=16)
def _load(folder: str, weights_sha256: str, device: str) -> SlotEncoder:
    """Load an encoder once per process; the checksum tells a replaced folder from the old one."""
    if checkpoint.read_config(folder)["weights_sha256"] != weights_sha256:
        raise ValueError(f"{folder} holds another encoder by now: make the environment again")
    return load(folder).to(device).requires_grad_(False)
