"""Frames of rectangles that move over two flat colours, with where each of them is."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

HEIGHT, WIDTH = 48, 40
SKY, GROUND = (30, 30, 90), (90, 60, 20)


class Block(NamedTuple):
    """A rectangle: rows and columns are the lowest and highest place of its upper left corner."""

    colour: tuple[int, int, int]
    height: int
    width: int
    rows: tuple[int, int]
    columns: tuple[int, int] = (0, WIDTH)
    chance: float = 1.0


UPPER = Block((40, 200, 40), 4, 5, (2, 2))
LOWER = Block((40, 200, 40), 4, 5, (42, 42))
BIG = Block((200, 40, 40), 5, 8, (7, 15))
BALL = Block((236, 236, 236), 2, 2, (21, 27))
GUEST = Block((220, 220, 40), 5, 3, (30, 36), chance=0.5)
BLOCKS = (UPPER, LOWER, BIG, BALL, GUEST)


class Scene(NamedTuple):
    """Frames and what is in them.

    Attributes:
        frames: (N, H, W, 3) uint8.
        centres: (N, objects, 2) row and column in pixels.
        there: (N, objects) bool.
    """

    frames: NDArray[np.uint8]
    centres: NDArray[np.float64]
    there: NDArray[np.bool_]


def background(count: int) -> NDArray[np.uint8]:
    """Frames without any block."""
    frames = np.empty((count, HEIGHT, WIDTH, 3), np.uint8)
    frames[:, : HEIGHT // 2], frames[:, HEIGHT // 2 :] = SKY, GROUND
    return frames


def scene(count: int, blocks: tuple[Block, ...] = BLOCKS, *, seed: int = 0) -> Scene:
    """Draw blocks at places drawn anew for each frame."""
    rng = np.random.default_rng(seed)
    frames = background(count)
    centres = np.zeros((count, len(blocks), 2))
    there = np.zeros((count, len(blocks)), np.bool_)
    for k, block in enumerate(blocks):
        last = min(block.columns[1], WIDTH - block.width)
        rows = rng.integers(block.rows[0], block.rows[1] + 1, count)
        columns = rng.integers(block.columns[0], last + 1, count)
        there[:, k] = rng.random(count) < block.chance
        centres[:, k, 0] = rows + (block.height - 1) / 2
        centres[:, k, 1] = columns + (block.width - 1) / 2
        for i in np.flatnonzero(there[:, k]):
            paint(frames[i], block.colour, rows[i], columns[i], block.height, block.width)
    return Scene(frames, centres, there)


def paint(
    frame: NDArray[np.uint8],
    colour: tuple[int, int, int],
    row: int,
    column: int,
    height: int,
    width: int,
) -> None:
    """Fill a rectangle of a frame."""
    frame[row : row + height, column : column + width] = colour


def to_half_screens(pixels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn (..., 2) rows and columns in pixels into places from -1 to 1."""
    return (2 * pixels + 1) / (HEIGHT, WIDTH) - 1
