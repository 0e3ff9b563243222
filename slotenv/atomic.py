"""Files that are there whole or not at all, whatever kills the process."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def write_atomic(path: Path, content: bytes | str) -> None:
    """Write a file under a temporary name, flush it to disk and rename it into place.

    Raises:
        OSError: If the disk is full or unwritable; an older file of that name is untouched.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    data = content.encode() if isinstance(content, str) else content
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    _sync_folder(path.parent)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder that takes the place of ``path`` when the block ends well.

    The old folder is moved aside for the instant between two renames; what is left there by a kill
    at that instant is put back by :func:`recover_folder`.
    """
    path = Path(os.path.abspath(path))  # "." has no name of its own
    path.parent.mkdir(parents=True, exist_ok=True)
    recover_folder(path)
    temporary = path.with_name(f".{path.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    try:
        yield temporary
        for file in temporary.iterdir():
            with open(file, "rb") as handle:
                os.fsync(handle.fileno())
        if path.exists():
            os.rename(path, _aside(path))
        os.rename(temporary, path)
        _sync_folder(path.parent)
        shutil.rmtree(_aside(path), ignore_errors=True)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def recover_folder(path: Path) -> None:
    """Put back a folder that :func:`atomic_folder` had moved aside when it was killed."""
    aside = _aside(path)
    if aside.exists() and not path.exists():
        os.rename(aside, path)
    shutil.rmtree(aside, ignore_errors=True)


def _aside(path: Path) -> Path:
    path = Path(os.path.abspath(path))
    return path.with_name(f".{path.name}.old")


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
