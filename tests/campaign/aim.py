"""Ends the process at a chosen call of the system: before it, after it, or in the middle of one.

Counted are, below one folder: opening, renaming, linking, deleting, making and removing folders;
and, wherever they are, flushing to disk, locking and writing.
"""

from __future__ import annotations

import builtins
import io
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

_AUDITED = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.truncate"}
_WRITES = set("wax+")


class Aim:
    """Counts the calls, and sends itself a signal at one of them.

    An audit hook runs before a call, so "before the next one" is "after this one".

    Args:
        folder: Where calls are counted, but for what lies in its ``in/``.
        at: Number of the call, from 1; 0: only count.
        number: The signal.
        torn: In a write, whether half of the content is written first.
    """

    def __init__(self, folder: Path, *, at: int = 0, number: int = 0, torn: bool = False) -> None:
        self.count = 0
        self._prefix, self._inputs = f"{folder}{os.sep}", f"{folder}{os.sep}in{os.sep}"
        self._at, self._number, self._torn = at, number, torn

    def install(self) -> None:
        """Count from now on; there is no way back, a hook stays."""
        sys.addaudithook(self._hear)
        os.fsync = self._counted(os.fsync)
        plain = builtins.open

        def open_(file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
            opened = plain(file, mode, *args, **kwargs)
            ours = isinstance(file, str | os.PathLike) and self._below(os.fspath(file))
            return _Watched(opened, self) if ours and _WRITES & set(mode) else opened

        builtins.open = io.open = open_  # type: ignore[assignment]

    def tick(self, *, write: Callable[[], object] = lambda: None) -> None:
        """Count one call; ``write`` does the half of it."""
        self.count += 1
        if self.count == self._at:
            if self._torn:
                write()
            os.kill(os.getpid(), self._number)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in _AUDITED and arguments and isinstance(arguments[0], str | os.PathLike):
            if self._below(os.fspath(arguments[0])):
                self.tick()
        elif event == "fcntl.flock":
            self.tick()

    def _below(self, path: str | bytes) -> bool:
        whole = os.path.abspath(os.fsdecode(path))
        return whole.startswith(self._prefix) and not whole.startswith(self._inputs)

    def _counted(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any) -> Any:
            self.tick()
            return function(*args)

        return counted


class _Watched:
    """A file whose writes are counted."""

    def __init__(self, file: Any, aim: Aim) -> None:
        self._file, self._aim = file, aim

    def write(self, content: Any) -> Any:
        def half() -> None:
            self._file.write(content[: len(content) // 2])
            self._file.flush()

        self._aim.tick(write=half)
        return self._file.write(content)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __iter__(self) -> Any:
        return iter(self._file)

    def __enter__(self) -> _Watched:
        self._file.__enter__()
        return self

    def __exit__(self, *error: Any) -> Any:
        return self._file.__exit__(*error)
