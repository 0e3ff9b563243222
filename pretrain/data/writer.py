"""Writing a data set: its description, its shards, and the manifest that makes a shard count.

A shard is written to a temporary name, renamed, and then recorded in the manifest. One that is not
recorded counts as missing and is collected again, to the same bytes: so what a kill left behind, or
somebody else put there, is never taken on trust.
"""

from __future__ import annotations

import hashlib
import re
import warnings
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from pretrain.data.shards import Shard, to_bytes
from pretrain.data.store import (
    DESCRIPTION,
    MANIFEST,
    DataDescription,
    Manifest,
    StoreError,
    file_digest,
    read_description,
    read_shard,
    recorded_shards,
    shard_content,
    shard_name,
    shard_path,
    total_digest,
)
from slotenv import records
from slotenv.atomic import remove_leftovers, write_atomic

_WRITTEN = re.compile(r"\.(data\.json|manifest\.json|shard-\d+\.npz)\.")  # of a temporary name


def create(folder: Path, description: DataDescription) -> list[int]:
    """Make a data folder, or take up the one that is there. For the one process that writes.

    What a killed process left unfinished is deleted.

    Returns:
        Numbers of the shards that are still missing: those that are not there, and those that are
        not in the manifest.

    Raises:
        StoreError: If the folder holds another data set or a damaged shard.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / DESCRIPTION
    for leftover in folder.glob(".*.tmp"):
        if found := _WRITTEN.match(leftover.name):
            remove_leftovers(folder / found[1])
    if not path.exists():
        if any(folder.glob("shard-*.npz")):
            raise StoreError(
                f"{folder} has shards but no {DESCRIPTION}: delete the folder and collect again"
            )
        records.write(path, description)
    _check_same(folder, description)
    if read_description(folder).format > 1 and not (folder / MANIFEST).exists():
        if count := len(list(folder.glob("shard-*.npz"))):
            warnings.warn(
                f"{folder} has {count} shards but no {MANIFEST}, which says what they must hold: "
                "they are collected again",
                UserWarning,
                stacklevel=2,
            )
        _record(folder, {})
    shards = recorded_shards(folder)
    missing = []
    for shard in range(description.num_shards):
        if shard_name(shard) in shards and shard_path(folder, shard).exists():
            read_shard(folder, shard, description, shards)
        else:
            missing.append(shard)
    return missing


def completed(folder: Path, description: DataDescription) -> str | None:
    """Return the checksum of a data set that is complete, None if it is not. Writes nothing.

    Raises:
        StoreError: If the folder holds another data set or a damaged shard.
    """
    if not (folder / DESCRIPTION).exists():
        return None
    _check_same(folder, description)
    try:
        shards = recorded_shards(folder)
    except StoreError:
        if not (folder / MANIFEST).exists():  # it is written anew by create
            return None
        raise
    names = [shard_name(shard) for shard in range(description.num_shards)]
    if not all(name in shards and (folder / name).exists() for name in names):
        return None
    for shard in range(description.num_shards):
        shard_content(folder, shard, shards)
    return total_digest(folder, shards)


def write_shard(folder: Path, shard: int, content: Shard) -> str:
    """Write one shard, atomically, and return its SHA-256; equal content gives equal bytes."""
    data = to_bytes(content)
    write_atomic(shard_path(folder, shard), data)
    return hashlib.sha256(data).hexdigest()


def record_shard(folder: Path, shard: int, digest: str) -> None:
    """Note in the manifest what :func:`write_shard` returned; the shard counts from now on."""
    _record(folder, {**recorded_shards(folder), shard_name(shard): digest})


def _check_same(folder: Path, description: DataDescription) -> None:
    """Raise unless a folder's description is the one that is asked for."""
    there = read_description(folder)
    if there == replace(description, format=there.format):
        return
    old, new = _flat(there), _flat(description)
    differences = [
        f"{key} is {old[key]!r} there, {new[key]!r} asked"
        for key in old
        if old[key] != new.get(key) and key != "format"
    ]
    raise StoreError(
        f"{folder} holds another data set ({'; '.join(differences)}): choose another folder, or "
        "delete this one"
    )


def _flat(description: DataDescription) -> dict[str, Any]:
    """Return the fields, the preset's name in place of the preset unless only its parts differ."""
    fields = asdict(description)
    preset = fields.pop("preset")
    size = f"{preset['height']} x {preset['width']}"
    return fields | {"preset": preset["name"], "frame size": size}


def _record(folder: Path, shards: dict[str, str]) -> None:
    description = file_digest(folder / DESCRIPTION)
    manifest = Manifest(description=description, shards=dict(sorted(shards.items())))
    records.write(folder / MANIFEST, manifest)
