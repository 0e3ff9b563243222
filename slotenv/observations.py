"""What all wrappers make of frames: slots, their layout, what is added over time, the pixels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium import Space
from gymnasium.spaces import Box, Dict
from numpy.typing import NDArray

from slotenv.checks import switch
from slotenv.tracking import Memory, Slots, Tracking

if TYPE_CHECKING:
    from slotenv.encoders import SlotOutput
    from slotenv.lazy_encoder import LazyEncoder

PIXELS, SLOTS = "pixels", "slots"
"""Entries of observations that are dicts, with ``keep_pixels=True``."""


class SlotObservations:
    """Encodes the frames of n environments and remembers what was seen in the steps before.

    The arguments are those of :class:`slotenv.ObjectSlotObservation`.

    Attributes:
        shape: Shape of one environment's slots: (K, D), wider with motion, or flat.
    """

    def __init__(
        self,
        encoder: LazyEncoder,
        *,
        flatten: bool = False,
        keep_pixels: bool = False,
        motion: bool = False,
        hold: bool = False,
    ) -> None:
        self._encoder = encoder
        self._tracking = Tracking(
            slot_dim=encoder.slot_dim,
            fields=encoder.slot_fields,
            hold=switch("hold", hold),
            motion=switch("motion", motion),
        )
        count, width = encoder.num_slots, self._tracking.width
        self.shape = (count * width,) if switch("flatten", flatten) else (count, width)
        self._keep_pixels = switch("keep_pixels", keep_pixels)
        self._memory: Memory | None = None  # after the step before
        self._shown: Any = None  # (n, K, width) as it was returned with it
        self._output: SlotOutput | None = None  # of the last frames, until boxes are asked for
        self._count = 0  # of those frames that were observations; the others ended episodes
        self._boxes: NDArray[np.float32] | None = None  # (n, K, 5) once they have been

    def space(self, pixels: Space[Any]) -> Box | Dict:
        """Return the space of one environment's observations; ``pixels`` is that of its frames."""
        slots = Box(-np.inf, np.inf, self.shape, np.float32)
        return Dict({PIXELS: pixels, SLOTS: slots}) if self._keep_pixels else slots

    def with_pixels(self, slots: Slots, pixels: NDArray[np.uint8]) -> Any:
        """Return slots, of one environment or of several, in the form of observations."""
        return {PIXELS: pixels, SLOTS: slots} if self._keep_pixels else slots

    def reset(self, frames: NDArray[np.uint8], mask: NDArray[np.bool_] | None = None) -> Slots:
        """Return slots (n, *shape) after a reset: nothing has moved or been seen before.

        ``mask`` (n,) says which environments were reset, all by default; others keep their slots.
        """
        everywhere = np.ones(len(frames), np.bool_)
        encoded = self._encode(frames, len(frames))
        shown, memory = self._follow(encoded, None, everywhere)
        if mask is not None and memory is not None and self._memory is not None:
            shown[~mask] = self._shown[~mask]
            memory = memory.where(mask, self._memory)
        self._shown, self._memory = shown, memory
        return self._arrange(shown)

    def step(
        self,
        frames: NDArray[np.uint8],
        *,
        restarted: NDArray[np.bool_],
        final_frames: Mapping[int, NDArray[np.uint8]] | None = None,
    ) -> tuple[Slots, dict[int, Slots]]:
        """Return slots (n, *shape) of frames (n, H, W, 3) after a step, and those of last frames.

        ``restarted`` (n,) are the environments whose frame is the first of an episode;
        ``final_frames`` the last frames, (H, W, 3), of those that ended with this step and have
        started anew, by their number. All are encoded in one batch.
        """
        finals = final_frames or {}
        for final in finals.values():
            if final.shape != frames.shape[1:] or final.dtype != frames.dtype:
                # It says what is wrong, which joining them would hide.
                self._encoder.encode(final[None])
        count = len(frames)
        encoded = self._encode(np.stack([*frames, *finals.values()]) if finals else frames, count)
        before = self._memory
        if before is not None and finals:
            before = before.of([*range(count), *finals])
        first = np.concatenate([restarted, np.zeros(len(finals), np.bool_)])
        shown, memory = self._follow(encoded, before, first)
        self._shown, self._memory = shown[:count], memory and memory.of(slice(count))
        slots = self._arrange(shown)
        return slots[:count], dict(zip(finals, slots[count:], strict=True))

    @property
    def boxes(self) -> NDArray[np.float32]:
        """(n, K, 5) where slots are in the frames of the last observation, a new array.

        They are worked out when they are asked for, from what that observation was made of.

        Raises:
            TypeError: If the encoder does not say where its slots are.
            RuntimeError: If there has been no observation yet.
        """
        self._encoder.check_has_boxes()
        boxes = self._found_boxes()
        if boxes is None:
            raise RuntimeError("boxes are those of the last observation: call reset() first")
        return boxes.copy()

    def _found_boxes(self) -> NDArray[np.float32] | None:
        if self._output is not None and self._output.boxes is not None:
            boxes = self._encoder.boxes(self._output)[: self._count]
            if self._memory is not None:
                boxes = np.take_along_axis(boxes, self._memory.order[..., None], axis=1)
            self._boxes = boxes
        self._output = None
        return self._boxes

    def __getstate__(self) -> dict[str, Any]:
        # Before the rest is read: boxes then are an array, whatever device the encoder is on.
        self._found_boxes()
        return self.__dict__

    def _follow(
        self, slots: Slots, before: Memory | None, first: NDArray[np.bool_]
    ) -> tuple[Slots, Memory | None]:
        encoder = self._encoder
        return self._tracking.follow(
            slots, before, first, alike=encoder.alike_slots, held=encoder.held_slots
        )

    def _encode(self, frames: NDArray[np.uint8], count: int) -> Slots:
        """Return slots of frames (B, H, W, 3); the first ``count`` are those of the observation."""
        self._output, self._count = self._encoder.encode(frames), count
        slots: Slots = self._output.slots.numpy()
        return slots

    def _arrange(self, slots: Slots) -> Slots:
        """Return a copy, for the caller may write into it."""
        return slots.reshape(len(slots), *self.shape).copy()
