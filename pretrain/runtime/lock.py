"""One process at a time collects into a folder, or trains in it."""

import errno
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout


class FolderInUse(ValueError):
    """Another process is at work in the folder."""


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Keep other processes out of a folder; the lock of a process that was killed is gone with it.

    Two collections would delete each other's unfinished shards, two trainings would take turns in
    one log and one saved state. The folder is made if missing. One that cannot be written to is not
    locked: nobody can be at work in it, and what has to be written there will say so itself.

    Raises:
        FolderInUse: If another process is at work in it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as held:
        try:
            held.enter_context(FileLock(folder / ".lock", timeout=0))
        except Timeout as error:
            raise FolderInUse(
                f"another process is at work in {folder}: wait until it has ended, or choose "
                "another folder"
            ) from error
        except OSError as error:
            if error.errno not in (errno.EROFS, errno.EACCES, errno.EPERM):
                raise
        yield
