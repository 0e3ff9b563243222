"""What the wrappers make of slots: their layout, what is added over time, the pixels.

One class for one environment, a Gymnasium vector of them and a Stable-Baselines3 one. It knows
arrays and spaces, and no environment.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from gymnasium import Space
from gymnasium.spaces import Box, Dict
from numpy.typing import NDArray

from slotenv.checks import switch
from slotenv.tracking import Memory, Slots, Tracking


class Encodes(Protocol):
    """What makes slots of frames, such as :class:`slotenv.lazy_encoder.LazyEncoder`.

    Attributes:
        num_slots: K.
        slot_dim: D.
        slot_fields: What the D numbers are, or None if they have no names.
    """

    num_slots: int
    slot_dim: int
    slot_fields: tuple[str, ...] | None

    def encode(self, frames: NDArray[np.uint8], /) -> Slots:
        """Encode frames (B, H, W, 3) to slots (B, K, D), a new array."""


class SlotObservations:
    """Encodes the frames of n environments and remembers what was seen in the steps before.

    Args:
        encoder: Encodes the frames.
        flatten: Whether an observation is one vector.
        keep_pixels: Whether it is a dict of ``slots`` and ``pixels``.
        motion: Whether each slot is followed by its change since the step before.
        hold: Whether a hidden object's numbers stay as they were last seen.

    Attributes:
        shape: Shape of one environment's slots: (K, D), wider with motion, or flat.

    Raises:
        TypeError: If a switch is neither True nor False.
        ValueError: If slots are to be held that do not say when their object is hidden.
    """

    def __init__(
        self,
        encoder: Encodes,
        *,
        flatten: bool = False,
        keep_pixels: bool = False,
        motion: bool = False,
        hold: bool = False,
    ) -> None:
        self._encode, self._num_slots = encoder.encode, encoder.num_slots
        self._tracking = Tracking(
            slot_dim=encoder.slot_dim,
            fields=encoder.slot_fields,
            hold=switch("hold", hold),
            motion=switch("motion", motion),
        )
        width = self._tracking.width
        flat = switch("flatten", flatten)
        self.shape = (self._num_slots * width,) if flat else (self._num_slots, width)
        self._keep_pixels = switch("keep_pixels", keep_pixels)
        self._memory: Memory | None = None  # after the step before
        self._shown: Slots | None = None  # (n, K, width) as it was returned with it

    def space(self, pixels: Space[Any]) -> Box | Dict:
        """Return the space of one environment's observations; ``pixels`` is that of its frames."""
        slots = Box(-np.inf, np.inf, self.shape, np.float32)
        return Dict({"pixels": pixels, "slots": slots}) if self._keep_pixels else slots

    def with_pixels(self, slots: Slots, pixels: NDArray[np.uint8]) -> Any:
        """Return slots, of one environment or of several, in the form of observations."""
        return {"pixels": pixels, "slots": slots} if self._keep_pixels else slots

    def reset(self, frames: NDArray[np.uint8], mask: NDArray[np.bool_] | None = None) -> Slots:
        """Return the slots after a reset: nothing has moved or been seen before.

        Args:
            frames: (n, H, W, 3).
            mask: (n,) environments that were reset, all by default. The others have not moved
                on: their slots are the ones they had.

        Returns:
            (n, *shape).
        """
        slots = self._encode(frames)
        if self._tracking.stateless:
            return self._arrange(slots)
        shown, memory = self._tracking.follow(slots, self._nothing(len(slots)))
        if mask is not None and self._memory is not None and self._shown is not None:
            shown = np.where(mask[:, None, None], shown, self._shown)
            memory = Memory(
                np.where(mask[:, None, None], memory.numbers, self._memory.numbers),
                np.where(mask[:, None], memory.seen, self._memory.seen),
            )
        return self._arrange(self._remember(shown, memory))

    def step(
        self,
        frames: NDArray[np.uint8],
        *,
        restarted: NDArray[np.bool_],
        final_frames: Mapping[int, NDArray[np.uint8]] | None = None,
    ) -> tuple[Slots, dict[int, Slots]]:
        """Return the slots after a step, all encoded in one batch.

        Args:
            frames: (n, H, W, 3).
            restarted: (n,) environments whose frame is the first of an episode.
            final_frames: Last frames, (H, W, 3), of the environments that ended with this step and
                have started anew, by their number.

        Returns:
            (n, *shape), and the slots of the last frames, *shape each.
        """
        finals = final_frames or {}
        for final in finals.values():
            if final.shape != frames.shape[1:] or final.dtype != frames.dtype:
                self._encode(final[None])  # says what is wrong, which joining them would hide
        encoded = self._encode(np.stack([*frames, *finals.values()]) if finals else frames)
        slots, ends = encoded[: len(frames)], encoded[len(frames) :]
        if not self._tracking.stateless:
            before = self._memory
            if before is None:  # a step without a reset
                before = self._nothing(len(slots))
            if finals:
                ends = self._tracking.follow(ends, before.of(list(finals)))[0]
            slots = self._remember(*self._tracking.follow(slots, before.forget(restarted)))
        last = self._arrange(ends) if finals else ()
        return self._arrange(slots), dict(zip(finals, last, strict=True))

    def _nothing(self, count: int) -> Memory:
        return self._tracking.nothing(count, self._num_slots)

    def _remember(self, shown: Slots, memory: Memory) -> Slots:
        self._shown, self._memory = shown, memory
        return shown.copy()

    def _arrange(self, slots: Slots) -> Slots:
        return slots.reshape(len(slots), *self.shape)
