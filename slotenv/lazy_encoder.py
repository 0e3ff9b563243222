"""An encoder that is known by its config, loaded when it is first needed, run on one thread."""

import ctypes
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from slotenv import checkpoint
from slotenv.encoders import SlotEncoder
from slotenv.encoders.encoding import SlotOutput, boxes_of, no_boxes, run
from slotenv.encoders.saving import kind_of, load, parse_device
from slotenv.frames import FramePreset


class LazyEncoder:
    """An encoder whose weights are loaded with the first frames, once per process.

    Pickles and copies hold the folder's name, not the weights; an encoder that was given in memory
    travels whole. ``encoder`` and ``device`` are those of :class:`slotenv.ObjectSlotObservation`,
    ``user`` is the name of the class that asks, for messages.

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
        self._user = user
        self._module: SlotEncoder | None = None
        self._source: tuple[str, str, str] | None = None
        device_name = str(parse_device(device))
        if isinstance(encoder, SlotEncoder):
            self._module = encoder
            self.num_slots, self.slot_dim = encoder.num_slots, encoder.slot_dim
            self.preprocess = encoder.preprocess
            kind: type[SlotEncoder] = type(encoder)
            provenance = encoder.provenance
        else:
            folder = checkpoint.find_folder(encoder).resolve()
            config = checkpoint.read_config(folder)
            kwargs, provenance = config["kwargs"], config.get("provenance", {})
            self.num_slots, self.slot_dim = kwargs["num_slots"], kwargs["slot_dim"]
            try:
                kind = kind_of(config)
            except ValueError as error:
                raise ValueError(f"{folder}: {error}") from error
            self.preprocess = FramePreset.from_dict(kwargs["preprocess"])
            self._source = (str(folder), config["weights_sha256"], device_name)
        self._kind, self.slot_fields = kind, kind.slot_fields
        self.trained_on: str | None = provenance.get("env_id")

    def get(self) -> SlotEncoder:
        """Return the encoder, loading it if this process has not done so yet."""
        if self._module is None:
            assert self._source is not None
            self._module = _load(*self._source)
        return self._module

    def encode(self, frames: NDArray[np.uint8]) -> SlotOutput:
        """Encode frames (B, H, W, 3) on one thread, to slots (B, K, D) on the CPU and boxes."""
        try:
            self.preprocess.check_frames(frames)
        except (TypeError, ValueError) as error:
            raise type(error)(
                f"{self._user}: the environment's frames are not as its observation space says: "
                f"{error}"
            ) from error
        with one_thread():
            return run(self.get(), frames)

    def boxes(self, output: SlotOutput) -> NDArray[np.float32]:
        """Return the boxes (B, K, 5) of what :meth:`encode` returned."""
        with one_thread():
            return boxes_of(output).numpy()

    @property
    def alike_slots(self) -> tuple[tuple[int, ...], ...]:
        """As :attr:`slotenv.SlotEncoder.alike_slots`; loads the encoder."""
        return self.get().alike_slots

    @property
    def held_slots(self) -> tuple[int, ...]:
        """As :attr:`slotenv.SlotEncoder.held_slots`; loads the encoder."""
        return self.get().held_slots

    def check_has_boxes(self) -> None:
        """Raise a TypeError if the encoder does not say where its slots are."""
        if not self._kind.has_boxes:
            raise no_boxes(self._kind)

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
    encoder: SlotEncoder = load(folder, device)
    return encoder.requires_grad_(False)


@contextmanager
def one_thread() -> Iterator[None]:
    """Run PyTorch on one thread inside the block, in this Python thread only.

    Slots take little arithmetic, and waiting for each other costs threads more: with other work on
    the cores, a batch of 8 Atari frames takes ten times as long on two threads, one of 128 five
    times. A process forked from one that has used PyTorch would even wait forever, for threads that
    were not copied.
    """
    # A new Python thread takes over PyTorch's number here, and not inside the block.
    before = torch.get_num_threads()
    if before == 1:
        yield
        return
    set_threads, set_mkl = _setters_of_this_thread()
    set_threads(1)
    mkl_before = set_mkl(1)
    try:
        yield
    finally:
        set_threads(before)
        set_mkl(mkl_before)


@cache
def _setters_of_this_thread() -> tuple[Callable[[int], Any], Callable[[int], Any]]:
    """Return what sets the number of threads of OpenMP and MKL for the calling thread alone.

    :func:`torch.set_num_threads`, taken if PyTorch was built in another way, sets it for threads
    that start later as well: one that starts meanwhile would stay with a single thread for good.
    """
    library = ctypes.CDLL(torch._C.__file__)  # finds what it was linked with as well
    try:
        set_openmp = library.omp_set_num_threads
        # MKL has a number of its own, and returns the one before; 0 stands for OpenMP's.
        has_mkl = torch.backends.mkl.is_available()  # type: ignore[no-untyped-call]
        return set_openmp, library.MKL_Set_Num_Threads_Local if has_mkl else int
    except AttributeError:
        return torch.set_num_threads, int
