"""Frames that a study looks at: random play that it collects, and parts of a data set."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pretrain.data.collect import collect_data
from pretrain.data.store import FrameStore

Frames = NDArray[np.uint8]


def collected(
    folder: Path, game: str, frames: int, *, seed: int, preset: str = "scn"
) -> FrameStore:
    """Collect what is missing of a game's random play, and open it."""
    collect_data(folder, env=game, preset=preset, frames=frames, seed=seed, workers=1)
    return FrameStore(folder)


class SomeFrames:
    """Some frames of a data set, as a probe reads them.

    Args:
        store: The data set.
        rows: (N,) which of its frames.
        look: What they are seen through, from and to frames (B, H, W, 3).
    """

    def __init__(
        self,
        store: FrameStore,
        rows: NDArray[np.integer[Any]],
        look: Callable[[Frames], Frames] = lambda frames: frames,
    ) -> None:
        self._store, self._rows, self._look = store, rows, look
        self.ram, self.episode = store.ram[rows], store.episode[rows]

    def __len__(self) -> int:
        return len(self._rows)

    def frames(self, indices: NDArray[np.integer[Any]]) -> Frames:
        """Return frames by index."""
        return self._look(self._store.frames(self._rows[indices]))
