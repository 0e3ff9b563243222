"""Frames on disk: lossless, compact, randomly readable, and whole or absent.

A data set is a folder of shards, each one ``.npz`` file with the same number of consecutive steps
(the last may be shorter), and ``data.json``, which says what was collected. Within a shard, frames
are one blosc2 frame of independently compressed chunks, so any frame is read alone; RAM, actions
and episodes are plain arrays. Row t holds ``(frame_t, ram_t, action_t)``: the frame and the RAM at
one instant, and the action taken there. The last frame of an episode, on which no action is taken,
is not stored.

Shards are written to a temporary name and renamed, so a shard is there whole or not at all.
``checksums.json`` is written when the set is complete; every later opening compares with it.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import blosc2
import numpy as np
from numpy.typing import NDArray

from slotenv.atomic import write_atomic
from slotenv.frames import FramePreset

FORMAT = 1
SHARD_STEPS = 5_000
_DESCRIPTION, _CHECKSUMS = "data.json", "checksums.json"


class StoreError(ValueError):
    """A data set that is damaged, foreign or incomplete; the message names the file."""


@dataclass(frozen=True, kw_only=True)
class DataDescription:
    """What a data set holds; two runs with equal descriptions give equal bytes.

    Attributes:
        env_id: As given by the user.
        preset: Frame preset, as :meth:`slotenv.frames.FramePreset.to_dict` gives it.
        seed: Seed of the environment and of the player.
        num_steps: Rows in all.
        shard_steps: Rows in a shard.
        format: Version of this layout.
        player: Who chose the actions, one of :data:`pretrain.players.PLAYERS`.
    """

    env_id: str
    preset: dict[str, Any]
    seed: int
    num_steps: int
    shard_steps: int = SHARD_STEPS
    format: int = FORMAT
    player: str = "random"

    @property
    def num_shards(self) -> int:
        """Number of shards of the complete set."""
        return -(-self.num_steps // self.shard_steps)

    def shard_length(self, shard: int) -> int:
        """Rows of one shard."""
        return min(self.shard_steps, self.num_steps - shard * self.shard_steps)


@dataclass(frozen=True)
class Shard:
    """Consecutive steps of one stream.

    Attributes:
        frames: The n frames, each as :func:`compress_frame` gives it, end to end.
        sizes: (n,) int64, bytes of each of them.
        actions: (n, ...) as the action space has them.
        rewards: (n,) float32 reward for that action.
        episode: (n,) int32, counted from 0 within the shard.
        ram: (n, 128) uint8, or (n, 0) where there is no emulator.
    """

    frames: bytes
    sizes: NDArray[np.int64]
    actions: NDArray[Any]
    rewards: NDArray[np.float32]
    episode: NDArray[np.int32]
    ram: NDArray[np.uint8]


def compress_frame(frame: NDArray[np.uint8]) -> bytes:
    """Compress one frame, (H, W, 3) uint8, without loss; equal frames give equal bytes."""
    blosc2.set_nthreads(1)  # workers are processes, and bytes must not depend on threads
    compressed: bytes = blosc2.compress2(
        np.ascontiguousarray(frame),
        codec=blosc2.Codec.ZSTD,
        clevel=1,
        typesize=1,
        filters=[blosc2.Filter.NOFILTER],
        filters_meta=[0],
        blocksize=frame.nbytes,
        nthreads=1,
    )
    return compressed


def create(folder: Path, description: DataDescription) -> list[int]:
    """Make a data folder, or check that the one there is of the same data set.

    Returns:
        Numbers of the shards that are still missing.

    Raises:
        StoreError: If the folder holds another data set or a damaged shard.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / _DESCRIPTION
    if path.exists():
        there = read_description(folder)
        if there != description:
            old, new = _flat(there), _flat(description)
            differences = [
                f"{key} is {old[key]!r} there, {new[key]!r} asked"
                for key in old
                if old[key] != new.get(key)
            ]
            raise StoreError(
                f"{folder} holds another data set ({'; '.join(differences)}): "
                "choose another folder, or delete this one"
            )
    else:
        if any(folder.glob("shard-*.npz")):
            raise StoreError(
                f"{folder} has shards but no {_DESCRIPTION}: delete it and collect again"
            )
        write_atomic(path, json.dumps(_written(description), indent=2) + "\n")
    missing = []
    for shard in range(description.num_shards):
        if shard_path(folder, shard).exists():
            _read_shard(folder, shard, description)
        else:
            missing.append(shard)
    return missing


def remove_leftovers(folder: Path) -> None:
    """Delete the unfinished files of a collection that was killed."""
    for leftover in folder.glob(".shard-*.tmp"):
        leftover.unlink()


def _written(description: DataDescription) -> dict[str, Any]:
    """Return the fields as they are on disk: random play is written as before there were others."""
    fields = asdict(description)
    if description.player == "random":
        del fields["player"]
    return fields


def _flat(description: DataDescription) -> dict[str, Any]:
    """Return the fields, the preset's name in place of the preset unless only its parts differ."""
    fields = asdict(description)
    preset = fields.pop("preset")
    size = f"{preset['height']} x {preset['width']}"
    return fields | {"preset": preset["name"], "frame size": size}


def shard_path(folder: Path, shard: int) -> Path:
    """Where a shard lies."""
    return folder / f"shard-{shard:05d}.npz"


def write_shard(folder: Path, shard: int, content: Shard) -> None:
    """Write one shard, atomically; equal content gives equal bytes."""
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        frames=np.frombuffer(content.frames, np.uint8),
        sizes=content.sizes,
        actions=content.actions,
        rewards=content.rewards,
        episode=content.episode,
        ram=content.ram,
    )
    write_atomic(shard_path(folder, shard), buffer.getvalue())


def finish(folder: Path) -> str:
    """Record the checksums of a complete data set and return the one of the whole.

    Raises:
        StoreError: If a shard is missing, or differs from what an earlier call recorded.
    """
    description = read_description(folder)
    sums = {}
    for shard in range(description.num_shards):
        path = shard_path(folder, shard)
        if not path.exists():
            raise StoreError(
                f"{path} is missing: run the same collection again to complete the set"
            )
        sums[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
    total = hashlib.sha256("".join(sums.values()).encode()).hexdigest()
    path = folder / _CHECKSUMS
    if path.exists():
        recorded = json.loads(path.read_text())
        for name, value in sums.items():
            if recorded["shards"].get(name) != value:
                raise StoreError(
                    f"{folder / name} is damaged (its checksum changed since collection): "
                    "delete that file and run the same collection again"
                )
    else:
        write_atomic(path, json.dumps({"total": total, "shards": sums}, indent=2) + "\n")
    return total


def read_description(folder: Path) -> DataDescription:
    """Read what a data folder holds.

    Raises:
        StoreError: If it is no data folder or of another format.
    """
    path = folder / _DESCRIPTION
    if not path.is_file():
        raise StoreError(f"{folder} is no data set: it has no {_DESCRIPTION}")
    try:
        fields = json.loads(path.read_text())
        if fields.get("format") != FORMAT:
            raise StoreError(
                f"{folder} has format {fields.get('format')}, this version reads {FORMAT}: "
                "collect again"
            )
        return DataDescription(**fields)
    except (TypeError, AttributeError, json.JSONDecodeError) as error:
        raise StoreError(f"{path} is damaged: {error}") from error


class FrameStore:
    """A complete data set, opened for reading.

    Attributes:
        folder: Where it lies.
        description: What it holds.
        preset: The frames' preset.
        actions: (N, ...) action taken at each frame.
        rewards: (N,) float32.
        episode: (N,) int64, numbered through; rows of one episode are consecutive.
        ram: (N, 128) uint8, or (N, 0) where there is no emulator.
        checksum: SHA-256 over all shards.

    Raises:
        StoreError: If the set is incomplete, damaged or foreign.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = path = Path(folder)
        self.description = read_description(path)
        self.preset = FramePreset.from_dict(self.description.preset)
        self.checksum = finish(path)
        shards = [
            _read_shard(path, shard, self.description)
            for shard in range(self.description.num_shards)
        ]
        blosc2.set_nthreads(1)
        self._content = [memoryview(s.frames) for s in shards]
        self._ends = [np.cumsum(s.sizes) for s in shards]
        self.actions = np.concatenate([s.actions for s in shards])
        self.rewards = np.concatenate([s.rewards for s in shards])
        self.ram = np.concatenate([s.ram for s in shards])
        starts = np.cumsum([0] + [int(s.episode[-1]) + 1 for s in shards[:-1]])
        self.episode = np.concatenate(
            [s.episode.astype(np.int64) + start for s, start in zip(shards, starts, strict=True)]
        )

    def __len__(self) -> int:
        return self.description.num_steps

    def frames(self, indices: Sequence[int] | NDArray[np.integer[Any]]) -> NDArray[np.uint8]:
        """Read frames in the order asked for.

        Args:
            indices: Rows, 0 to N - 1; repeats are allowed.

        Returns:
            (n, H, W, 3) uint8, a new array.
        """
        rows = np.asarray(indices, dtype=np.int64)
        if rows.size and (rows.min() < 0 or rows.max() >= len(self)):
            raise IndexError(f"rows must lie in 0..{len(self) - 1}, got {rows.min()}..{rows.max()}")
        out = np.empty((len(rows), *self.preset.shape), np.uint8)
        shards, within = np.divmod(rows, self.description.shard_steps)
        for target, shard, row in zip(out, shards.tolist(), within.tolist(), strict=True):
            end = int(self._ends[shard][row])
            start = int(self._ends[shard][row - 1]) if row else 0
            blosc2.decompress2(self._content[shard][start:end], dst=target)
        return out


def _read_shard(folder: Path, shard: int, description: DataDescription) -> Shard:
    """Read one shard; every member's CRC is checked on the way."""
    path = shard_path(folder, shard)
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as arrays:
            content = {name: arrays[name] for name in arrays.files}
        length = len(content["episode"])
        if length != description.shard_length(shard):
            raise StoreError(f"{path} has {length} rows, not {description.shard_length(shard)}")
        return Shard(**(content | {"frames": content["frames"].tobytes()}))
    except (OSError, EOFError, KeyError, TypeError, zipfile.BadZipFile, ValueError) as error:
        if isinstance(error, StoreError):
            raise
        raise StoreError(
            f"{path} is damaged ({error}): delete that file and run the same collection again"
        ) from error
