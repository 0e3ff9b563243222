"""What each slot looks at: hide a piece of the frame and see which slots move.

This needs nothing from an encoder but its output, so it is the same measure for every architecture.
"""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from pretrain.drawing.marks import Mark, trail_of
from slotenv.frames import ATARI_HEIGHT, ATARI_WIDTH

Encode = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""From frames uint8 (B, H, W, 3) to slots (B, K, D)."""

_BLOCK = (10, 8)  # pixels hidden at a time, in an Atari frame
_MOST_BLOCKS = 150  # hidden in a typical frame; where more of it moves, blocks are made larger
_BATCH = 512
_CONSTANT = 1e-3  # spread of a slot, as a share of its size, below which it says nothing
_SHARPNESS = 4  # power of the effects in their middle: what matters little must not pull it away
_FAINTEST = 0.15  # strength below which a slot looks at nothing in particular
_MOST_AREAS = 4  # marked of a slot; more would hide the game


class Occlusion:
    """Measures how far hiding one block of a frame moves each slot.

    Blocks are 10 x 8 pixels of an Atari frame, in proportion for other sizes, and doubled while
    there are very many to hide.

    Attributes:
        background: (H, W, 3) uint8, what a block is hidden by: what is the same in most frames.
        spread: (K,) root mean square distance of a slot from its mean over frames; 0 for a slot
            that is the same in all frames.
        block: Height and width of a block in pixels; blocks at the right and lower edge are cut.
    """

    def __init__(self, encode: Encode, frames: NDArray[np.uint8]) -> None:
        """Take background and spread from frames (n, H, W, 3) spread over the data."""
        slots = encode(frames).astype(np.float64)  # (n, K, D)
        spread = np.sqrt(np.square(slots - slots.mean(axis=0)).sum(-1).mean(0))
        size = np.sqrt(np.square(slots).sum(-1).mean(0))
        height = max(1, round(_BLOCK[0] * frames.shape[1] / ATARI_HEIGHT))
        width = max(1, round(_BLOCK[1] * frames.shape[2] / ATARI_WIDTH))
        self.encode = encode
        self.background = np.median(frames, axis=0).astype(np.uint8)
        self.spread = np.where(spread > _CONSTANT * size + 1e-12, spread, 0.0)
        self.block = (height, width)
        while np.mean([self.foreground(frame).sum() for frame in frames]) > _MOST_BLOCKS:
            self.block = (2 * self.block[0], 2 * self.block[1])

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
            hidden = np.repeat(frame[None], len(part), axis=0)
            for image, (row, col) in zip(hidden, part * self.block, strict=True):
                window = np.s_[row : row + self.block[0], col : col + self.block[1]]
                image[window] = self.background[window]
            slots = self.encode(hidden).astype(np.float64)  # (b, K, D)
            moved = np.linalg.norm(slots - original, axis=-1)  # (b, K)
            scaled = moved / np.where(self.spread > 0, self.spread, np.inf)
            effects[:, part[:, 0], part[:, 1]] = scaled.T
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


def attention_marks(
    effects: NDArray[np.float64],
    starts: NDArray[np.bool_],
    block: tuple[int, int],
    shape: tuple[int, ...],
) -> tuple[list[list[Mark]], NDArray[np.float64]]:
    """Turn the attention of a play's frames into marks.

    A slot has a mark for each area whose hiding moves it at least half as much as any does, up to
    four. The first is the strongest; it has the slot's number and a trail of where the middle of
    its attention was.

    Args:
        effects: (n, K, gh, gw) effect of hiding each block, on each slot.
        starts: (n,) whether a frame is the first of an episode.
        block: Height and width of a block in pixels.
        shape: Height and width of the frame, and whatever follows.

    Returns:
        The marks in each frame, none of a slot that looks at nothing in particular; and (n, K) how
        strongly each slot looks, in 0..1, against what is usual for its strongest frames.
    """
    peaks = effects.max(axis=(2, 3))  # (n, K)
    usual = np.percentile(peaks, 95, axis=0)
    strengths = peaks / np.where(usual > 0, usual, np.inf)
    marks: list[list[Mark]] = [[] for _ in effects]
    places = np.full((*strengths.shape, 2), np.nan)
    episode = np.maximum.accumulate(np.where(starts, np.arange(len(starts)), 0))
    for t, slot in np.argwhere(strengths >= _FAINTEST).tolist():
        effect, peak = effects[t, slot], peaks[t, slot]
        sums = cv2.moments((effect / peak) ** _SHARPNESS)
        column, row = sums["m10"] / sums["m00"], sums["m01"] / sums["m00"]
        places[t, slot] = (column + 0.5) * block[1] - 0.5, (row + 0.5) * block[0] - 0.5
        name, trail = str(slot), trail_of(places[episode[t] : t + 1, slot])
        inside = (effect >= peak / 2).astype(np.uint8)
        count, areas, bounds, _ = cv2.connectedComponentsWithStats(inside, connectivity=4)
        heights = [effect[areas == number].max() for number in range(1, count)]
        for number in np.argsort(heights)[::-1][:_MOST_AREAS]:
            column, row, columns, rows, _ = bounds[number + 1].tolist()
            left, right = column * block[1], min((column + columns) * block[1], shape[1])
            top, bottom = row * block[0], min((row + rows) * block[0], shape[0])
            marks[t].append(Mark(name, left, top, right, bottom, trail, slot))
            name, trail = "", ()
    return marks, strengths.clip(0, 1)
