"""What each slot looks at, by occlusion: hide a piece of the frame and see which slots move.

This needs nothing from an encoder but its output, so it is the same measure for every architecture.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slotenv.frames import ATARI_HEIGHT, ATARI_WIDTH

Encode = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""From frames uint8 (B, H, W, 3) to slots (B, K, D)."""

_BLOCK = (10, 8)  # pixels hidden at a time, in an Atari frame
_MOST_BLOCKS = 150  # hidden in a typical frame; where more of it moves, blocks are made larger
_BATCH = 512
_CONSTANT = 1e-3  # spread of a slot, as a share of its size, below which it says nothing


@dataclass(frozen=True)
class Occlusion:
    """Measures how far hiding one block of a frame moves each slot.

    Attributes:
        encode: From frames to slots.
        background: (H, W, 3) uint8, what a block is hidden by.
        spread: (K,) how far a slot lies from its mean over frames, root mean square; 0 for a slot
            that is the same in all frames.
        block: Height and width of a block in pixels; blocks at the right and lower edge are cut.
    """

    encode: Encode
    background: NDArray[np.uint8]
    spread: NDArray[np.float64]
    block: tuple[int, int]

    @classmethod
    def fit(
        cls,
        encode: Encode,
        frames: NDArray[np.uint8],
        block: tuple[int, int] | None = None,
    ) -> Occlusion:
        """Take background and spread from a sample of frames.

        Args:
            encode: From frames to slots.
            frames: (n, H, W, 3) spread over the data; what is the same in most of them is the
                background.
            block: By default 10 x 8 pixels of an Atari frame, in proportion for other sizes, and
                doubled while there are very many blocks to hide.
        """
        slots = encode(frames).astype(np.float64)  # (n, K, D)
        spread = np.sqrt(np.square(slots - slots.mean(axis=0)).sum(-1).mean(0))
        size = np.sqrt(np.square(slots).sum(-1).mean(0))
        occlusion = cls(
            encode,
            np.median(frames, axis=0).astype(np.uint8),
            np.where(spread > _CONSTANT * size + 1e-12, spread, 0.0),
            block or _block_for(frames.shape[1], frames.shape[2]),
        )
        while not block and _typical_blocks(occlusion, frames) > _MOST_BLOCKS:
            occlusion = replace(occlusion, block=(2 * occlusion.block[0], 2 * occlusion.block[1]))
        return occlusion

    def __call__(self, frame: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return (K, gh, gw) effects of a frame (H, W, 3).

        1 means: as far as this slot typically lies from its mean. Blocks that look like the
        background have effect 0, and so has every block for a slot that never changes.
        """
        differs = self.foreground(frame)
        effects = np.zeros((len(self.spread), *differs.shape))
        places = np.argwhere(differs)
        if not len(places):
            return effects
        original = self.encode(frame[None])[0].astype(np.float64)  # (K, D)
        for start in range(0, len(places), _BATCH):
            part = places[start : start + _BATCH]
            slots = self.encode(self._hidden(frame, part)).astype(np.float64)  # (b, K, D)
            moved = np.linalg.norm(slots - original, axis=-1).T  # (K, b)
            scaled = np.zeros_like(moved)
            np.divide(moved, self.spread[:, None], out=scaled, where=self.spread[:, None] > 0)
            effects[:, part[:, 0], part[:, 1]] = scaled
        return effects

    def foreground(self, frame: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Return (gh, gw): which blocks of a frame differ from the background."""
        channels = frame != self.background
        differs = channels[..., 0] | channels[..., 1] | channels[..., 2]  # any(-1) is 10x slower
        height, width = self.block
        rows = np.arange(0, differs.shape[0], height)
        cols = np.arange(0, differs.shape[1], width)
        found: NDArray[np.bool_] = np.logical_or.reduceat(
            np.logical_or.reduceat(differs, rows, axis=0), cols, axis=1
        )
        return found

    def _hidden(self, frame: NDArray[np.uint8], places: NDArray[Any]) -> NDArray[np.uint8]:
        """Return (b, H, W, 3): the frame with one block each replaced by the background."""
        height, width = self.block
        hidden = np.repeat(frame[None], len(places), axis=0)
        for image, (row, col) in zip(hidden, places.tolist(), strict=True):
            window = np.s_[row * height : (row + 1) * height, col * width : (col + 1) * width]
            image[window] = self.background[window]
        return hidden


def _block_for(height: int, width: int) -> tuple[int, int]:
    return (
        max(1, round(_BLOCK[0] * height / ATARI_HEIGHT)),
        max(1, round(_BLOCK[1] * width / ATARI_WIDTH)),
    )


def _typical_blocks(occlusion: Occlusion, frames: NDArray[np.uint8]) -> float:
    return float(np.mean([occlusion.foreground(frame).sum() for frame in frames]))
