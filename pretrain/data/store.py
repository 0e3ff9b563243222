"""Data sets of frames on disk: lossless, compact, and readable in any order.

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
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field

from pretrain.data.shards import Shard, decompress_frame, from_bytes
from slotenv import records
from slotenv.atomic import read_file
from slotenv.frames import FramePreset
from slotenv.records import Count, Damaged, Positive, Sha256, Text

FORMAT = 2
"""2 has ``manifest.json``; 1, of slotenv 0.1.0, had checksums of the shards when all were there."""
DESCRIPTION, MANIFEST = "data.json", "manifest.json"
_MOST_SHARD = 1 << 34  # bytes of a file
_AGAIN = "delete the folder and collect again"


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
    shard_steps: Annotated[int, Field(ge=1, le=10**7)] = 5_000
    format: Positive = FORMAT
    player: Text = "random"

    @property
    def shards(self) -> range:
        """Numbers of the shards of the complete set."""
        return range(-(-self.num_steps // self.shard_steps))

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


def shard_path(folder: Path, shard: int) -> Path:
    """Where a shard lies."""
    return folder / f"shard-{shard:05d}.npz"


def read_description(folder: Path) -> DataDescription:
    """Read what a data folder holds; raise Damaged if it does not say so, or not in our format."""
    try:
        return records.read(folder / DESCRIPTION, DataDescription, remedy=_AGAIN, newest=FORMAT)
    except FileNotFoundError as error:
        raise Damaged(
            f"{folder} is no data set: it has no {DESCRIPTION}. Make one with: "
            f"python -m pretrain collect --env ALE/Pong-v5 --out {folder}"
        ) from error


class DataFolder:
    """A data set that may be incomplete; every file is compared with the manifest.

    Attributes:
        folder: Where it lies.
        description: What it holds.
        recorded: SHA-256 of each shard that counts, by name.

    Raises:
        Damaged: If the description or the manifest is missing or damaged, or they do not fit.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.description = folder, read_description(folder)
        path, again = folder / MANIFEST, "run the same collection again"
        if old := self.description.format == 1:
            path = folder / "checksums.json"
            again = f"it was collected by slotenv 0.1.0 and is not complete: {_AGAIN}"
        kind, remedy = _Checksums if old else Manifest, f"delete it and {again}"
        try:
            manifest: Any = records.read(path, kind, remedy=remedy, newest=FORMAT)
        except FileNotFoundError as error:
            raise Damaged(
                f"{folder} has no {path.name}, which says what its files must hold: {again}"
            ) from error
        digest = hashlib.sha256((folder / DESCRIPTION).read_bytes()).hexdigest()
        if not old and manifest.description != digest:
            raise Damaged(f"{folder / DESCRIPTION} was changed since collection began: {_AGAIN}")
        self.recorded: dict[str, str] = manifest.shards

    @property
    def checksum(self) -> str:
        """SHA-256 over all shards of a complete set."""
        digests = [
            self.recorded[shard_path(self.folder, shard).name] for shard in self.description.shards
        ]
        return hashlib.sha256("".join(digests).encode()).hexdigest()

    def has(self, shard: int) -> bool:
        """Tell whether a shard is there and counts."""
        path = shard_path(self.folder, shard)
        return path.name in self.recorded and path.exists()

    def content(self, shard: int) -> bytes:
        """Return the file of a shard; raise Damaged if it is not the one that was collected."""
        path = shard_path(self.folder, shard)
        again = "delete that file and run the same collection again"
        try:
            content = read_file(path, limit=_MOST_SHARD)
        except (OSError, ValueError) as error:
            raise Damaged(f"{path} cannot be read ({error}): {again}") from error
        if hashlib.sha256(content).hexdigest() != self.recorded[path.name]:
            raise Damaged(f"{path} is damaged (its checksum changed since collection): {again}")
        return content

    def read(self, shard: int) -> Shard:
        """Return a shard that was collected, checked so that reading its frames is safe."""
        height, width, channels = FramePreset.from_dict(self.description.preset).shape
        length = self.description.shard_length(shard)
        content = self.content(shard)
        try:
            return from_bytes(content, length=length, frame_bytes=height * width * channels)
        except ValueError as error:
            path = shard_path(self.folder, shard)
            raise Damaged(f"{path} is no shard: {error}: {_AGAIN}") from error


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
        checksum: SHA-256 over all shards, which tells data sets apart.

    Raises:
        Damaged: If the set is incomplete, damaged or foreign.
    """

    def __init__(self, folder: str | Path) -> None:
        there = DataFolder(Path(folder))
        self.folder, self.description = there.folder, there.description
        self.preset = FramePreset.from_dict(self.description.preset)
        for shard in self.description.shards:
            if not there.has(shard):
                raise Damaged(
                    f"{shard_path(self.folder, shard)} is missing: run the same collection again "
                    "to complete the set"
                )
        shards = [there.read(shard) for shard in self.description.shards]
        self.checksum = there.checksum
        for name in ("actions", "ram"):
            kinds = {(getattr(s, name).shape[1:], getattr(s, name).dtype) for s in shards}
            if len(kinds) > 1:
                raise Damaged(f"{self.folder} has shards of different {name}: {_AGAIN}")
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

    def __reduce__(self) -> tuple[type[FrameStore], tuple[Path]]:
        return FrameStore, (self.folder,)  # another process opens it anew

    def frames(self, indices: Sequence[int] | NDArray[np.integer[Any]]) -> NDArray[np.uint8]:
        """Read frames in the order asked for: n rows of 0 to N - 1 give (n, H, W, 3) uint8.

        Raises:
            IndexError: If a row lies outside.
            Damaged: If a frame is damaged.
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
                raise Damaged(f"{shard_path(self.folder, shard)}: {error}: {_AGAIN}") from error
        return out
