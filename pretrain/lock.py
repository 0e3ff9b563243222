"""One process at a time collects into a folder, or trains in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout


class FolderInUse(ValueError):
    """Another process is at work in the folder."""


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Keep other processes out of a folder; the lock of a process that was killed is gone with it.

    Two collections would delete each other's unfinished shards, two trainings would take turns in
    one log and one saved state.

    Args:
        folder: Made if missing.

    Raises:
        FolderInUse: If another process is at work in it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / ".lock", timeout=0):
            yield
    except Timeout as error:
        raise FolderInUse(
            f"another process is at work in {folder}: wait until it has ended, or choose another "
            "folder"
        ) from error
