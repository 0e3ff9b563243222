"""A small data set on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from toy_store import STEPS, describe, shard_of

from pretrain.data.writer import create, record_shard, write_shard


@pytest.fixture
def frames() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (STEPS, 12, 9, 3), np.uint8)


@pytest.fixture
def folder(tmp_path: Path, frames: np.ndarray) -> Path:
    create(tmp_path, describe())
    for shard in range(3):
        record_shard(tmp_path, shard, write_shard(tmp_path, shard, shard_of(frames, shard)))
    return tmp_path
