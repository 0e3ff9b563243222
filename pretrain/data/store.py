"""Frames on disk: lossless, compact, randomly readable, and whole or absent.

A data set is a folder of shards, each with the same number of consecutive steps (the last may be
shorter), ``data.json``, which says what was collected, and ``manifest.json``, which has a digest of
each of them. Within a shard, frames are compressed independently, so any frame is read alone; RAM,
actions and episodes are plain arrays. Row t holds ``(frame_t, ram_t, action_t)``: the frame and the
RAM at one instant, and the action taken there. The last frame of an episode, on which no action is
taken, is not stored.

Reading, which is all that this file does, compares everything with the manifest and writes nothing;
:mod:`pretrain.data.writer` writes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field

from pretrain.data.shards import Shard, decompress_frame, from_bytes
from slotenv import records
from slotenv.atomic import read_file
from slotenv.frames import FramePreset
from slotenv.records import Count, Positive, Sha256, Text

FORMAT = 2
"""2 has ``manifest.json``; 1, of slotenv 0.1.0, had checksums of the shards when all were there."""
SHARD_STEPS = 5_000
DESCRIPTION, MANIFEST, CHECKSUMS = "data.json", "manifest.json", "checksums.json"
_MOST_SHARD = 1 << 34  # bytes of a file
_AGAIN = "delete the folder and collect again"
_T = TypeVar("_T")


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
        player: Who chose the actions, one of :data:`pretrain.data.players.PLAYERS`.
    """

    __pydantic_config__ = records.STRICT

    env_id: Text
    preset: Annotated[dict[str, Any], AfterValidator(FramePreset.checked_fields)]
    seed: Count
    num_steps: Annotated[int, Field(ge=1, le=10**9)]
    shard_steps: Annotated[int, Field(ge=1, le=10**7)] = SHARD_STEPS
    format: Positive = FORMAT
    player: Text = "random"

    @property
    def num_shards(self) -> int:
        """Number of shards of the complete set."""
        return -(-self.num_steps // self.shard_steps)

    def shard_length(self, shard: int) -> int:
        """Rows of one shard."""
        return min(self.shard_steps, self.num_steps - shard * self.shard_steps)


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """SHA-256 of each file of a data set, by name: what is in it was written here."""

    __pydantic_config__ = records.STRICT

    description: Sha256
    shards: dict[Text, Sha256]
    format: Positive = FORMAT


@dataclass(frozen=True, kw_only=True)
class _Checksums:
    """What version 0.1.0 wrote when a data set was complete."""

    __pydantic_config__ = records.STRICT

    total: Sha256
    shards: dict[Text, Sha256]


def shard_name(shard: int) -> str:
    """Name of a shard's file."""
    return f"shard-{shard:05d}.npz"


def shard_path(folder: Path, shard: int) -> Path:
    """Where a shard lies."""
    return folder / shard_name(shard)


def read_description(folder: Path) -> DataDescription:
    """Read what a data folder holds.

    Raises:
        StoreError: If it is no data folder, its description is damaged, or of a newer format.
    """
    path = folder / DESCRIPTION
    try:
        return records.read(path, DataDescription, remedy=_AGAIN, newest=FORMAT)
    except FileNotFoundError as error:
        raise StoreError(f"{folder} is no data set: it has no {DESCRIPTION}") from error
    except records.Damaged as error:
        raise StoreError(str(error)) from error


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
        recorded = recorded_shards(path)
        numbers = range(self.description.num_shards)
        for shard in numbers:
            if shard_name(shard) not in recorded or not shard_path(path, shard).exists():
                raise StoreError(
                    f"{shard_path(path, shard)} is missing: run the same collection again to "
                    "complete the set"
                )
        shards = [read_shard(path, shard, self.description, recorded) for shard in numbers]
        self.checksum = total_digest(path, recorded)
        for name in ("actions", "ram"):
            kinds = {(getattr(s, name).shape[1:], getattr(s, name).dtype) for s in shards}
            if len(kinds) > 1:
                raise StoreError(f"{path} has shards of different {name}: {_AGAIN}")
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

        Raises:
            IndexError: If a row lies outside.
            StoreError: If a frame is damaged.
        """
        rows = np.asarray(indices, dtype=np.int64)
        if rows.size and (rows.min() < 0 or rows.max() >= len(self)):
            raise IndexError(f"rows must lie in 0..{len(self) - 1}, got {rows.min()}..{rows.max()}")
        out = np.empty((len(rows), *self.preset.shape), np.uint8)
        shards, within = np.divmod(rows, self.description.shard_steps)
        for target, shard, row in zip(out, shards.tolist(), within.tolist(), strict=True):
            end = int(self._ends[shard][row])
            start = int(self._ends[shard][row - 1]) if row else 0
            try:
                decompress_frame(self._content[shard][start:end], target)
            except ValueError as error:
                raise StoreError(f"{shard_path(self.folder, shard)}: {error}: {_AGAIN}") from error
        return out


def recorded_shards(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each shard that counts, by name.

    Raises:
        StoreError: If the manifest is missing or damaged, or of another description.
    """
    if read_description(folder).format == 1:
        again = f"it was collected by slotenv 0.1.0 and is not complete: {_AGAIN}"
        return _read_manifest(folder / CHECKSUMS, _Checksums, again).shards
    again = "run the same collection again"
    manifest = _read_manifest(folder / MANIFEST, Manifest, again)
    if manifest.description != file_digest(folder / DESCRIPTION):
        raise StoreError(f"{folder / DESCRIPTION} was changed since collection began: {_AGAIN}")
    return manifest.shards


def _read_manifest(path: Path, kind: type[_T], again: str) -> _T:
    try:
        return records.read(path, kind, remedy=f"delete it and {again}", newest=FORMAT)
    except FileNotFoundError as error:
        raise StoreError(
            f"{path.parent} has no {path.name}, which says what its files must hold: {again}"
        ) from error
    except records.Damaged as error:
        raise StoreError(str(error)) from error


def total_digest(folder: Path, shards: dict[str, str]) -> str:
    """Return the SHA-256 over all shards, which tells data sets apart."""
    names = map(shard_name, range(read_description(folder).num_shards))
    return hashlib.sha256("".join(shards[name] for name in names).encode()).hexdigest()


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a small file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def shard_content(folder: Path, shard: int, recorded: dict[str, str]) -> bytes:
    """Return the file of a shard, compared with the manifest.

    Raises:
        StoreError: If it cannot be read or differs.
    """
    path = shard_path(folder, shard)
    again = "delete that file and run the same collection again"
    try:
        content = read_file(path, limit=_MOST_SHARD)
    except (OSError, ValueError) as error:
        raise StoreError(f"{path} cannot be read ({error}): {again}") from error
    if hashlib.sha256(content).hexdigest() != recorded[path.name]:
        raise StoreError(f"{path} is damaged (its checksum changed since collection): {again}")
    return content


def read_shard(
    folder: Path, shard: int, description: DataDescription, recorded: dict[str, str]
) -> Shard:
    """Read one shard, compared with the manifest.

    Raises:
        StoreError: If it cannot be read, differs, or is no shard.
    """
    height, width, channels = FramePreset.from_dict(description.preset).shape
    content = shard_content(folder, shard, recorded)
    try:
        length = description.shard_length(shard)
        return from_bytes(content, length=length, frame_bytes=height * width * channels)
    except ValueError as error:
        raise StoreError(f"{shard_path(folder, shard)} is no shard: {error}: {_AGAIN}") from error
