"""Ctrl-C and SIGTERM: as exceptions, or noted until there is a safe point."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Self

_SAME_REQUEST = 2.0  # seconds


class Terminated(KeyboardInterrupt):
    """SIGTERM: everything is put in order as on Ctrl-C, only the exit code differs."""


@contextmanager
def sigterm_raises() -> Iterator[None]:
    """While entered, SIGTERM raises :class:`Terminated`, as Ctrl-C raises KeyboardInterrupt.

    In a thread other than the main one, where Python takes no signals, nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    old = signal.signal(signal.SIGTERM, _raise)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, old)


def raise_once(then: Callable[[int], object]) -> None:
    """Have the first Ctrl-C or SIGTERM of a program raise, and a later one end it.

    For good. What comes within two seconds of the first is taken for the same request: an exception
    in the middle of putting things in order would leave them half done. Ctrl-C stays ignored where
    it was, as in what a shell has started in the background.

    Args:
        then: Called with the number of a signal that comes later; must not return.
    """
    first: list[float] = []

    def handle(number: int, frame: FrameType | None) -> None:
        if not first:
            first.append(time.monotonic())
            _raise(number, frame)
        elif time.monotonic() - first[0] > _SAME_REQUEST:
            then(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handle)


@contextmanager
def starting_processes() -> Iterator[None]:
    """While entered, processes are started whole, and are deaf to Ctrl-C from their first moment.

    A terminal sends Ctrl-C to the whole process group; the parent alone decides what to do about
    it. Ctrl-C and SIGTERM reach the parent when this is left: a process that it had half started
    would die of that with a traceback. The processes can still be ended by SIGTERM.

    In a thread other than the main one, where Python takes no signals, nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    numbers = (signal.SIGINT, signal.SIGTERM)
    old = {number: signal.signal(number, lambda n, _: came.append(n)) for number in numbers}
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # what is started inherits it
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for number, handler in old.items():
            signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])


class Interrupt:
    """While entered, the first Ctrl-C or SIGTERM only sets ``requested``; the second acts at once.

    A KeyboardInterrupt that leaves it is :class:`Terminated` if SIGTERM was what came. In a thread
    other than the main one, where Python takes no signals, nothing is changed.

    Args:
        then: Called on the first, too.
    """

    def __init__(self, then: Callable[[], object] = lambda: None) -> None:
        self.requested = False
        self._then = then
        self._number = int(signal.SIGINT)
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
        if isinstance(error, KeyboardInterrupt) and self._number == signal.SIGTERM:
            raise Terminated from error

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self._number = number
        if self.requested:
            _raise(number, frame)
        self.requested = True
        self._then()


def _raise(number: int, frame: FrameType | None) -> None:
    raise Terminated if number == signal.SIGTERM else KeyboardInterrupt
