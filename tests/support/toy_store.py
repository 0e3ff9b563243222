"""A data set of 25 frames in shards of 10."""

from __future__ import annotations

import numpy as np

from pretrain.data.shards import Shard, compress_frame
from pretrain.data.store import (
    DataDescription,
)
from slotenv.frames import plain

STEPS, SHARD = 25, 10


def describe(**changes: object) -> DataDescription:
    fields = {
        "env_id": "Toy-v0",
        "preset": plain(12, 9).to_dict(),
        "seed": 0,
        "num_steps": STEPS,
        "shard_steps": SHARD,
    }
    return DataDescription(**(fields | changes))


def shard_of(frames: np.ndarray, shard: int) -> Shard:
    part = frames[shard * SHARD : (shard + 1) * SHARD]
    compressed = [compress_frame(frame) for frame in part]
    rows = np.arange(len(part))
    return Shard(
        frames=b"".join(compressed),
        sizes=np.array([len(c) for c in compressed], np.int64),
        actions=rows + shard * SHARD,
        rewards=rows.astype(np.float32),
        episode=(rows // 4).astype(np.int32),
        ram=np.repeat(part[:, 0, 0, :1], 128, axis=1),
    )
