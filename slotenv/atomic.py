"""Atomic writes of files and folders, whatever kills the process, and reads of bounded size."""

import contextlib
import hashlib
import os
import platform
import re
import secrets
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows, where folders cannot be opened either
    fcntl = None  # type: ignore[assignment]

_HOST = hashlib.sha256(platform.node().encode(errors="replace")).hexdigest()[:8]
_ABANDONED = 24 * 3600.0  # age in seconds from which any temporary file is left over


def write_atomic(path: Path, content: bytes | str) -> None:
    """Write a file under a temporary name, flush it to disk and rename it into place.

    A file that has this content already is left alone, so that doing again what is done needs no
    right to write.

    Raises:
        OSError: If the disk is full or unwritable, with the file's name; an older file of that name
            is untouched.
    """
    data = content.encode() if isinstance(content, str) else content
    with contextlib.suppress(OSError):
        if path.stat().st_size == len(data) and path.read_bytes() == data:
            return
    with _temporaries(path.parent, {path.name: data}) as (written, sync):
        os.replace(written[path.name], path)
        sync()


def write_folder(folder: Path, files: Mapping[str, bytes | str], *, index: str) -> None:
    """Replace files of a folder so that a reader finds the old ones or the new ones, never a mix.

    The file ``index`` says, by digests, which others belong to it. The new one is first put beside
    the old one, as :func:`next_index`; then the others are replaced, and last the old index. So at
    every moment one of the two indexes fits the other files, also after a kill. The last of several
    writers wins. Nothing else in the folder is touched, and the folder itself is neither renamed
    nor deleted.

    Args:
        folder: Made if missing.
        files: Name to content.
        index: The name of one of them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _temporaries(folder, files) as (written, sync):
        os.replace(written.pop(index), next_index(folder, index))
        sync()
        for name, temporary in written.items():
            os.replace(temporary, folder / name)
        sync()
        os.replace(next_index(folder, index), folder / index)
        sync()


def next_index(folder: Path, index: str) -> Path:
    """Return where :func:`write_folder` keeps the new index while it replaces the other files."""
    return folder / f".{index}.next"


def read_file(path: Path, *, limit: int) -> bytes:
    """Read a regular file, or a link to one, of at most ``limit`` bytes.

    Raises:
        FileNotFoundError: If it is not there.
        ValueError: If it is a folder, a pipe or a device, which would not end, or larger.
        OSError: If it cannot be read, with its name.
    """
    with _naming(path):
        mode = path.stat()
        if not stat.S_ISREG(mode.st_mode):
            raise ValueError(f"{path} is not a regular file")
        if mode.st_size > limit:
            raise ValueError(f"{path} has {mode.st_size:,} bytes, at most {limit:,} are expected")
        return path.read_bytes()


@contextlib.contextmanager
def _temporaries(
    folder: Path, files: Mapping[str, bytes | str]
) -> Iterator[tuple[dict[str, Path], Callable[[], None]]]:
    """Write files under temporary names and flush them to disk, while other writers wait.

    Yields where they are, by name, and what flushes the folder to disk after renames.
    """
    handle, alone = None, False
    written: dict[str, Path] = {}

    def sync() -> None:
        # Some file systems and systems cannot flush a folder; the rename is atomic there, too.
        if handle is not None:
            with contextlib.suppress(OSError):
                os.fsync(handle)

    try:
        with contextlib.suppress(OSError):  # some network file systems lock no folders
            handle = os.open(folder, os.O_RDONLY)
            fcntl.flock(handle, fcntl.LOCK_EX)
            alone = True
        for name, content in files.items():
            remove_leftovers(folder / name, alone=alone)
            written[name] = folder / f".{name}.{_HOST}-{secrets.token_hex(8)}.tmp"
            with _naming(folder / name), open(written[name], "wb") as file:
                file.write(content.encode() if isinstance(content, str) else content)
                file.flush()
                os.fsync(file.fileno())
        yield written.copy(), sync
    finally:
        for temporary in written.values():
            temporary.unlink(missing_ok=True)
        if handle is not None:
            if alone:  # closing would not end a lock that a process forked meanwhile has open, too
                fcntl.flock(handle, fcntl.LOCK_UN)
            os.close(handle)


def remove_leftovers(path: Path, *, alone: bool) -> None:
    """Delete what writers of this file left behind when they were killed; nothing else.

    If no other process of this machine writes into the folder (``alone``), all files of this
    machine are left over. Those of others are after a day, as all are where that is not known.
    """
    # Version 0.1.0 wrote the number of the process alone.
    temporary = re.compile(rf"\.{re.escape(path.name)}\.(?:(\w{{8}})-)?[\da-f][\da-f-]*\.tmp")
    with contextlib.suppress(OSError):
        for match in filter(None, map(temporary.fullmatch, os.listdir(path.parent))):
            leftover = path.parent / match[0]
            ours = alone and match[1] in (None, _HOST)
            if ours or time.time() - leftover.stat().st_mtime > _ABANDONED:
                leftover.unlink()


@contextlib.contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Add the path to system errors that have none, as a full disk's."""
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno is not None:
            raise type(error)(error.errno, error.strerror, str(path)) from error
        raise
