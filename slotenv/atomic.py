"""Files that are there whole or not at all, whatever kills the process, and reads that end.

Temporary files carry the machine and the process in their names: two writers never share one, and
the next writer of a file removes those whose process has ended.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import platform
import re
import secrets
import stat
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows has no advisory locks: writers of one folder are not kept apart there
    fcntl = None  # type: ignore[assignment]

_HOST = hashlib.sha256(platform.node().encode(errors="replace")).hexdigest()[:8]
_ABANDONED = 24 * 3600.0  # seconds after which another machine's temporary file is left over
_counter = itertools.count()
_START = secrets.token_hex(4)  # another process may have had our number before us


def write_atomic(path: Path, content: bytes | str) -> None:
    """Write a file under a temporary name, flush it to disk and rename it into place.

    A file that has this content already is left alone, so that doing again what is done needs no
    right to write.

    Raises:
        OSError: If the disk is full or unwritable, with the file's name; an older file of that name
            is untouched.
    """
    remove_leftovers(path)
    data = content.encode() if isinstance(content, str) else content
    if _holds(path, data):
        return
    with _naming(path), _temporaries({path: data}) as written:
        os.replace(written[path], path)
        _sync_folder(path.parent)


def write_folder(folder: Path, files: Mapping[str, bytes | str], *, index: str) -> None:
    """Replace files of a folder so that a reader finds the old ones or the new ones, never a mix.

    The file ``index`` says, by digests, which others belong to it. The new one is first put beside
    the old one, as :func:`next_index`; then the others are replaced, and last the old index. So at
    every moment one of the two indexes fits the other files, also after a kill. Writers wait for
    each other; the last one wins. Nothing else in the folder is touched, and the folder itself is
    neither renamed nor deleted.

    Args:
        folder: Made if missing.
        files: Name to content.
        index: The name of one of them.

    Raises:
        OSError: As :func:`write_atomic`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = {folder / name: content for name, content in files.items()}
    with _naming(folder), _alone(folder):
        for path in paths:
            remove_leftovers(path)
        with _temporaries(paths) as written:
            os.replace(written.pop(folder / index), next_index(folder, index))
            _sync_folder(folder)
            for path, temporary in written.items():
                os.replace(temporary, path)
            _sync_folder(folder)
            os.replace(next_index(folder, index), folder / index)
            _sync_folder(folder)


def next_index(folder: Path, index: str) -> Path:
    """Return where :func:`write_folder` keeps the new index while it replaces the other files."""
    return folder / f".{index}.next"


def read_file(path: Path, *, limit: int) -> bytes:
    """Read a regular file.

    Args:
        path: The file, or a link to it.
        limit: Bytes that it may have.

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


def remove_leftovers(path: Path) -> None:
    """Delete what writers of this file left behind when they were killed; nothing else."""
    writer = r"(?:(?P<host>\w{8})-)?(?P<process>\d+)(?:-(?P<start>\w{8})-\d+)?"  # 0.1.0: process
    pattern = re.compile(re.escape(f".{path.name}.") + writer + r"\.tmp")
    for match in filter(None, map(pattern.fullmatch, _names(path.parent))):
        leftover = path.parent / match[0]
        process = int(match["process"])
        ours = process == os.getpid() and match["start"] == _START
        with contextlib.suppress(OSError):
            if match["host"] in (None, _HOST):
                ended = not ours and (process == os.getpid() or not _runs(process))
            else:
                ended = time.time() - leftover.stat().st_mtime > _ABANDONED
            if ended:
                leftover.unlink()


def _holds(path: Path, data: bytes) -> bool:
    try:
        return path.stat().st_size == len(data) and path.read_bytes() == data
    except OSError:
        return False


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


@contextlib.contextmanager
def _temporaries(contents: Mapping[Path, bytes | str]) -> Iterator[dict[Path, Path]]:
    """Write files beside their places and flush them to disk; yield where they are."""
    written: dict[Path, Path] = {}
    try:
        for path, content in contents.items():
            name = f".{path.name}.{_HOST}-{os.getpid()}-{_START}-{next(_counter)}.tmp"
            written[path] = path.with_name(name)
            with open(written[path], "wb") as file:
                file.write(content.encode() if isinstance(content, str) else content)
                file.flush()
                os.fsync(file.fileno())
        yield dict(written)
    finally:
        for temporary in written.values():
            temporary.unlink(missing_ok=True)


def _runs(process: int) -> bool:
    """Tell whether a process of this machine is running."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is someone else's
        return True
    return True


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Wait until no other writer holds the folder, where the system has such locks."""
    if fcntl is None:
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # some network file systems lock no folders
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@contextlib.contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Add the path to system errors that have none, as a full disk's."""
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno is not None:
            raise type(error)(error.errno, error.strerror, str(path)) from error
        raise


def _sync_folder(folder: Path) -> None:
    # Some file systems and systems cannot flush a folder; the rename itself is atomic there, too.
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
