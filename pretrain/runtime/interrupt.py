"""Ctrl-C and SIGTERM: as exceptions, or noted until there is a safe point."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Self

_SAME_REQUEST = 2.0  # seconds


class Terminated(KeyboardInterrupt):
    """SIGTERM: everything is put in order as on Ctrl-C, only the exit code differs."""


def _raise(number: int, frame: FrameType | None) -> None:
    raise Terminated if number == signal.SIGTERM else KeyboardInterrupt


def raise_once(then: Callable[[int], object]) -> None:
    """Have the first Ctrl-C or SIGTERM of a program raise, for good; a later one calls ``then``.

    What comes within two seconds of the first is taken for the same request: an exception in the
    middle of putting things in order would leave them half done. Ctrl-C stays ignored where it was,
    as in what a shell has started in the background. ``then`` must not return.
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
    """Start processes that ignore Ctrl-C, and hold signals back until all have started.

    A terminal sends Ctrl-C to the whole process group, but the parent alone decides what to do.
    Ctrl-C and SIGTERM reach the parent when this is left; a process that was only half started
    would die with a traceback. The processes can still be ended by SIGTERM.

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

    The first also calls ``then``. A KeyboardInterrupt that leaves it is :class:`Terminated` if
    SIGTERM was what came. In a thread other than the main one, where Python takes no signals,
    nothing is changed.
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

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
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
