"""Ctrl-C that waits for a safe point."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Self


class Interrupt:
    """While entered, the first Ctrl-C or SIGTERM only sets ``requested``; the second acts at once.

    In a thread other than the main one, where Python takes no signals, nothing is changed.

    Args:
        then: Called on the first, too.
    """

    def __init__(self, then: Callable[[], object] = lambda: None) -> None:
        self.requested = False
        self._then = then
        self._old: dict[signal.Signals, signal._HANDLER] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._old[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._old.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
        self._then()
