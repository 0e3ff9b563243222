"""What the wrappers make of slots: their layout, their change since the last step, the pixels.

One class for one environment, a Gymnasium vector of them and a Stable-Baselines3 one. It knows
arrays and spaces, and no environment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from gymnasium import Space
from gymnasium.spaces import Box, Dict
from numpy.typing import NDArray

Slots = NDArray[np.float32]
Encode = Callable[[NDArray[np.uint8]], Slots]


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Which numbers an observation holds, and in which shape.

    Attributes:
        num_slots: K.
        slot_dim: D.
        flatten: Whether an observation is one vector.
        keep_pixels: Whether it is a dict of ``slots`` and ``pixels``.
        motion: Whether each slot is followed by its change since the step before.
    """

    num_slots: int
    slot_dim: int
    flatten: bool = False
    keep_pixels: bool = False
    motion: bool = False

    def __post_init__(self) -> None:
        for name in ("flatten", "keep_pixels", "motion"):
            value = getattr(self, name)
            if not isinstance(value, bool | np.bool_):
                raise TypeError(f"{name} must be True or False, got {value!r}")

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one environment's slots: (K, D), twice as wide with motion, or flat."""
        width = self.slot_dim * (2 if self.motion else 1)
        return (self.num_slots * width,) if self.flatten else (self.num_slots, width)

    def space(self, pixels: Space[Any]) -> Box | Dict:
        """Return the space of one environment's observations; ``pixels`` is that of its frames."""
        slots = Box(-np.inf, np.inf, self.shape, np.float32)
        return Dict({"pixels": pixels, "slots": slots}) if self.keep_pixels else slots

    def arrange(self, slots: Slots, change: Slots | None) -> Slots:
        """Put slots (n, K, D) and their change into observations (n, *shape), a new array."""
        if change is not None:
            slots = np.concatenate([slots, change], axis=2)  # (n, K, 2D)
        return slots.reshape(len(slots), *self.shape)


class SlotObservations:
    """Encodes the frames of n environments and remembers the slots of the step before.

    Args:
        layout: What an observation holds.
        encode: From frames uint8 (B, H, W, 3) to slots float32 (B, K, D), a new array.
    """

    def __init__(self, layout: Layout, encode: Encode) -> None:
        self.layout = layout
        self._encode = encode
        self._slots: Slots | None = None  # (n, K, D) of the step before
        self._change: Slots | None = None  # (n, K, D) as it was returned with them

    def reset(self, frames: NDArray[np.uint8], mask: NDArray[np.bool_] | None = None) -> Slots:
        """Return the observations after a reset: nothing has moved yet.

        Args:
            frames: (n, H, W, 3).
            mask: (n,) environments that were reset, all by default. The others have not moved
                on: their observation is the one they had.
        """
        slots = self._encode(frames)
        if not self.layout.motion:
            return self.layout.arrange(slots, None)
        change = np.zeros_like(slots)
        if mask is not None and self._slots is not None and self._change is not None:
            slots = np.where(mask[:, None, None], slots, self._slots)
            change = np.where(mask[:, None, None], change, self._change)
        return self._remember(slots, change)

    def step(
        self,
        frames: NDArray[np.uint8],
        *,
        restarted: NDArray[np.bool_],
        rows: NDArray[np.intp] | None = None,
        final_frames: NDArray[np.uint8] | None = None,
    ) -> tuple[Slots, Slots | None]:
        """Return the observations after a step, all encoded in one batch.

        Args:
            frames: (n, H, W, 3).
            restarted: (n,) environments whose frame is the first of an episode.
            rows: (m,) environments that ended with this step and have started anew.
            final_frames: (m, H, W, 3) their last frames.

        Returns:
            Observations (n, *shape), and the last ones of those that ended, (m, *shape).
        """
        ended = rows is not None and final_frames is not None and len(rows) > 0
        slots = self._encode(np.concatenate([frames, final_frames]) if ended else frames)
        slots, final = slots[: len(frames)], slots[len(frames) :]
        final_change = change = None
        if self.layout.motion:
            before = slots if self._slots is None else self._slots  # a step without a reset
            change = np.where(restarted[:, None, None], np.float32(0), slots - before)
            final_change = final - before[rows] if ended else None
        last = self.layout.arrange(final, final_change) if ended else None
        if change is None:
            return self.layout.arrange(slots, None), last
        return self._remember(slots, change), last

    def _remember(self, slots: Slots, change: Slots) -> Slots:
        self._slots, self._change = slots, change
        return self.layout.arrange(slots, change)


@contextmanager
def one_thread() -> Iterator[None]:
    """Run PyTorch on one thread inside the block.

    Slots take little arithmetic (equal windows are computed once), and waiting for each other
    costs threads more: with other work on the cores, a batch of 8 Atari frames takes ten times as
    long on two threads, one of 128 five times. Needed as well in a process forked from one that
    has used PyTorch: it would wait forever for threads that were not copied.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
