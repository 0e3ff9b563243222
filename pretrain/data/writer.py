"""Writing a data set: its description, its shards, and the manifest that makes a shard count.

A shard is written to a temporary name, renamed, and then recorded in the manifest. One that is not
recorded counts as missing and is collected again, to the same bytes. So nothing is trusted that a
kill left behind or somebody else put there.
"""

import hashlib
import re
import warnings
from dataclasses import asdict, replace
from pathlib import Path

from pretrain.data.shards import Shard, to_bytes
from pretrain.data.store import (
    DESCRIPTION,
    MANIFEST,
    DataDescription,
    DataFolder,
    Manifest,
    read_description,
    shard_path,
)
from slotenv import records
from slotenv.atomic import remove_leftovers, write_atomic
from slotenv.records import Damaged

_WRITTEN = re.compile(r"\.(data\.json|manifest\.json|shard-\d+\.npz)\.")  # of a temporary name


def create(folder: Path, description: DataDescription) -> list[int]:
    """Make a data folder, or take up the one that is there. For the one process that writes.

    What a killed process left unfinished is deleted.

    Returns:
        Numbers of the shards that are still missing: those that are not there, and those that are
        not in the manifest.

    Raises:
        Damaged: If the folder holds another data set or a damaged shard.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for leftover in folder.glob(".*.tmp"):
        if found := _WRITTEN.match(leftover.name):
            remove_leftovers(folder / found[1], alone=True)
    count = len(list(folder.glob("shard-*.npz")))
    if not (folder / DESCRIPTION).exists():
        if count:
            raise Damaged(
                f"{folder} has shards but no {DESCRIPTION}: delete the folder and collect again"
            )
        records.write(folder / DESCRIPTION, description)
    if _lacks_manifest(folder, description):
        if count:
            warnings.warn(
                f"{folder} has {count} shards but no {MANIFEST}, which says what they must hold: "
                "they are collected again",
                UserWarning,
                stacklevel=2,
            )
        _record(folder, {})
    return _missing(DataFolder(folder))


def completed(folder: Path, description: DataDescription) -> str | None:
    """Return the checksum of a data set that is complete, None if it is not. Writes nothing.

    Raises:
        Damaged: If the folder holds another data set or a damaged shard.
    """
    if not (folder / DESCRIPTION).exists() or _lacks_manifest(folder, description):
        return None
    there = DataFolder(folder)
    return None if _missing(there) else there.checksum


def write_shard(folder: Path, shard: int, content: Shard) -> str:
    """Write one shard, atomically, and return its SHA-256; equal content gives equal bytes."""
    data = to_bytes(content)
    write_atomic(shard_path(folder, shard), data)
    return hashlib.sha256(data).hexdigest()


def record_shard(folder: Path, shard: int, digest: str) -> None:
    """Note in the manifest what :func:`write_shard` returned; the shard counts from now on."""
    _record(folder, {**DataFolder(folder).recorded, shard_path(folder, shard).name: digest})


def _record(folder: Path, shards: dict[str, str]) -> None:
    description = hashlib.sha256((folder / DESCRIPTION).read_bytes()).hexdigest()
    manifest = Manifest(description=description, shards=dict(sorted(shards.items())))
    records.write(folder / MANIFEST, manifest)


def _missing(there: DataFolder) -> list[int]:
    """Return the shards that are still to be collected; raise if one of the others is damaged."""
    missing = [shard for shard in there.description.shards if not there.has(shard)]
    for shard in set(there.description.shards) - set(missing):
        there.content(shard)
    return missing


def _lacks_manifest(folder: Path, asked: DataDescription) -> bool:
    """Tell whether a folder has no manifest yet; raise unless it holds the data set asked for."""
    there = read_description(folder)
    if there != replace(asked, format=there.format):
        old, new = (
            asdict(description)
            | {
                "preset": description.preset["name"],
                "frame size": "{height} x {width}".format(**description.preset),
            }
            for description in (there, asked)
        )
        differences = [
            f"{key} is {old[key]!r} there, {new[key]!r} asked"
            for key in old
            if old[key] != new[key] and key != "format"
        ]
        raise Damaged(
            f"{folder} holds another data set ({'; '.join(differences)}): choose another folder, "
            "or delete this one"
        )
    return there.format > 1 and not (folder / MANIFEST).exists()
