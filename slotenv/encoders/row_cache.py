"""Rows that a frozen encoder has computed before, kept for the next frames.

From one step of a game to the next, almost every window of the frame has been seen before. While
weights do not change, neither do the outputs for those windows.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable

import numpy as np
import torch
from torch import Tensor

from slotenv.encoders.unique_patches import DistinctWindows, PatchIndex

_MOST_ROWS = 200_000  # some 50 MB; then it starts anew


class RowCache:
    """Outputs of the last layer for windows seen so far, by the windows' hashes.

    A copy or a pickle of it is empty.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._version: Hashable = None
        self._numbers: dict[int, int] = {}
        self._table = torch.zeros(0, 0)

    def __reduce__(self) -> tuple[type[RowCache], tuple[()]]:
        return RowCache, ()

    def rows(
        self, windows: DistinctWindows, compute: Callable[[PatchIndex], Tensor], version: Hashable
    ) -> Tensor:
        """Return the rows of all windows, computing those that were not seen before.

        Args:
            windows: The windows.
            compute: Returns the rows (n, C) of an index.
            version: Of the weights; rows of another version are forgotten.

        Returns:
            (n, C), in the order of the windows' keys.
        """
        with self._lock:
            if version != self._version or len(self._numbers) > _MOST_ROWS:
                self._version, self._numbers = version, {}
            known = self._numbers
            keys = windows.keys.tolist()
            missing = [i for i, key in enumerate(keys) if key not in known]
            if missing:
                self._append(compute(windows.index(np.array(missing))))
                for i in missing:
                    known[keys[i]] = len(known)
            return self._table[torch.tensor([known[key] for key in keys])]

    def _append(self, rows: Tensor) -> None:
        used, needed = len(self._numbers), len(self._numbers) + len(rows)
        if needed > len(self._table) or self._table.shape[1:] != rows.shape[1:]:
            table = rows.new_zeros(max(2 * needed, 1024), rows.shape[1])
            if used:
                table[:used] = self._table[:used]
            self._table = table
        self._table[used:needed] = rows
