"""What the wrappers make of slots: their layout, what is added over time, the pixels.

One class for one environment, a Gymnasium vector of them and a Stable-Baselines3 one. It knows
arrays and spaces, and no environment.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from gymnasium import Space
from gymnasium.spaces import Box, Dict
from numpy.typing import NDArray

from slotenv.tracking import Memory, Slots, Tracking

Encode = Callable[[NDArray[np.uint8]], Slots]


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Which numbers an observation holds, and in which shape.

    Attributes:
        num_slots: K.
        slot_dim: D.
        slot_fields: What the D numbers are, or None if they have no names.
        flatten: Whether an observation is one vector.
        keep_pixels: Whether it is a dict of ``slots`` and ``pixels``.
        motion: Whether each slot is followed by its change since the step before.
        hold: Whether a hidden object's numbers stay as they were last seen.
    """

    num_slots: int
    slot_dim: int
    slot_fields: tuple[str, ...] | None = None
    flatten: bool = False
    keep_pixels: bool = False
    motion: bool = False
    hold: bool = False

    def __post_init__(self) -> None:
        for name in ("flatten", "keep_pixels", "motion", "hold"):
            value = getattr(self, name)
            if not isinstance(value, bool | np.bool_):
                raise TypeError(f"{name} must be True or False, got {value!r}")

    @property
    def tracking(self) -> Tracking:
        """What is made of slots and of those before them."""
        return Tracking(
            slot_dim=self.slot_dim, fields=self.slot_fields, hold=self.hold, motion=self.motion
        )

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one environment's slots: (K, D), wider with motion, or flat."""
        width = self.tracking.width
        return (self.num_slots * width,) if self.flatten else (self.num_slots, width)

    def space(self, pixels: Space[Any]) -> Box | Dict:
        """Return the space of one environment's observations; ``pixels`` is that of its frames."""
        slots = Box(-np.inf, np.inf, self.shape, np.float32)
        return Dict({"pixels": pixels, "slots": slots}) if self.keep_pixels else slots

    def arrange(self, slots: Slots) -> Slots:
        """Put slots (n, K, width) into observations (n, *shape)."""
        return slots.reshape(len(slots), *self.shape)


class SlotObservations:
    """Encodes the frames of n environments and remembers what was seen in the steps before.

    Args:
        layout: What an observation holds.
        encode: From frames uint8 (B, H, W, 3) to slots float32 (B, K, D), a new array.
    """

    def __init__(self, layout: Layout, encode: Encode) -> None:
        self.layout = layout
        self._encode = encode
        self._tracking = layout.tracking
        self._memory: Memory | None = None  # after the step before
        self._shown: Slots | None = None  # (n, K, width) as it was returned with it

    def reset(self, frames: NDArray[np.uint8], mask: NDArray[np.bool_] | None = None) -> Slots:
        """Return the observations after a reset: nothing has moved or been seen before.

        Args:
            frames: (n, H, W, 3).
            mask: (n,) environments that were reset, all by default. The others have not moved
                on: their observation is the one they had.
        """
        slots = self._encode(frames)
        if self._tracking.stateless:
            return self.layout.arrange(slots)
        shown, memory = self._tracking.follow(slots, self._nothing(len(slots)))
        if mask is not None and self._memory is not None and self._shown is not None:
            shown = np.where(mask[:, None, None], shown, self._shown)
            memory = Memory(
                np.where(mask[:, None, None], memory.numbers, self._memory.numbers),
                np.where(mask[:, None], memory.seen, self._memory.seen),
            )
        return self._remember(shown, memory)

    def step(
        self,
        frames: NDArray[np.uint8],
        *,
        restarted: NDArray[np.bool_],
        rows: NDArray[np.intp] | None = None,
        final_frames: Sequence[NDArray[np.uint8]] = (),
    ) -> tuple[Slots, Slots | None]:
        """Return the observations after a step, all encoded in one batch.

        Args:
            frames: (n, H, W, 3).
            restarted: (n,) environments whose frame is the first of an episode.
            rows: (m,) environments that ended with this step and have started anew.
            final_frames: Their m last frames, (H, W, 3) each.

        Returns:
            Observations (n, *shape), and the last ones of those that ended, (m, *shape).
        """
        ended = len(final_frames) > 0
        for final in final_frames:
            if final.shape != frames.shape[1:] or final.dtype != frames.dtype:
                self._encode(final[None])  # says what is wrong, which joining them would hide
        slots = self._encode(np.stack([*frames, *final_frames]) if ended else frames)
        slots, ends = slots[: len(frames)], slots[len(frames) :]
        if self._tracking.stateless:
            return self.layout.arrange(slots), self.layout.arrange(ends) if ended else None
        before = self._memory
        if before is None:  # a step without a reset
            before = self._nothing(len(slots))
        last = None
        if rows is not None and ended:
            last = self.layout.arrange(self._tracking.follow(ends, before.of(rows))[0])
        return self._remember(*self._tracking.follow(slots, before.forget(restarted))), last

    def _nothing(self, count: int) -> Memory:
        return self._tracking.nothing(count, self.layout.num_slots)

    def _remember(self, shown: Slots, memory: Memory) -> Slots:
        self._shown, self._memory = shown, memory
        return self.layout.arrange(shown.copy())


@contextmanager
def one_thread() -> Iterator[None]:
    """Run PyTorch on one thread inside the block, in this Python thread only.

    Slots take little arithmetic (equal windows are computed once), and waiting for each other
    costs threads more: with other work on the cores, a batch of 8 Atari frames takes ten times as
    long on two threads, one of 128 five times. Needed as well in a process forked from one that
    has used PyTorch: it would wait forever for threads that were not copied.
    """
    # A new Python thread takes over PyTorch's number here, and not inside the block.
    before = torch.get_num_threads()
    if before == 1:
        yield
        return
    setters = _setters_of_this_thread()
    if setters is None:
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(before)
        return
    set_openmp, set_mkl = setters
    set_openmp(1)
    mkl_before = set_mkl(1)
    try:
        yield
    finally:
        set_openmp(before)
        set_mkl(mkl_before)


@cache
def _setters_of_this_thread() -> tuple[Callable[[int], Any], Callable[[int], Any]] | None:
    """Return what sets the number of threads of OpenMP and MKL for the calling thread alone.

    :func:`torch.set_num_threads` sets it for threads that start later as well: one that started
    while another encodes would stay with a single thread for good. None if PyTorch was built in
    another way.
    """
    library = ctypes.CDLL(torch._C.__file__)  # finds what it was linked with as well
    try:
        set_openmp = library.omp_set_num_threads
        # MKL has a number of its own, and returns the one before; 0 stands for OpenMP's.
        has_mkl = torch.backends.mkl.is_available()  # type: ignore[no-untyped-call]
        return set_openmp, library.MKL_Set_Num_Threads_Local if has_mkl else int
    except AttributeError:
        return None
