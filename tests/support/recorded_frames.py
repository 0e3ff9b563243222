"""Frames in memory, read as those of a data set on disk."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from slotenv.frames import FramePreset, plain


class Recorded:
    """Frames (N, H, W, 3) with the RAM and the episode of each; by default one episode."""

    def __init__(
        self,
        frames: NDArray[np.uint8],
        *,
        ram: NDArray[np.uint8] | None = None,
        episode: NDArray[np.int64] | None = None,
    ) -> None:
        self._frames, count = frames, len(frames)
        self.preset: FramePreset = plain(*frames.shape[1:3])
        self.ram = np.zeros((count, 128), np.uint8) if ram is None else ram
        self.episode = np.zeros(count, np.int64) if episode is None else episode

    def __len__(self) -> int:
        return len(self._frames)

    def frames(self, indices: Any) -> NDArray[np.uint8]:
        return self._frames[np.asarray(indices)]
