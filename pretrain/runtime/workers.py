"""Processes that others start: what they are handed, and that they end with their parent."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
from collections.abc import Callable
from typing import Any

import ale_py

_CANNOT = "a method cannot be handed to the process that trains it"
_REMEDY = "define its objective and encoder at the top of a module, not inside a function"


def begin_worker(
    when_orphaned: Callable[[], object] | None = None, *, own_session: bool = False
) -> None:
    """Prepare a process that another one has just started.

    Ctrl-C reaches all processes of a terminal; the parent alone decides what to do about it.

    Args:
        when_orphaned: Called in a thread when the parent has ended, also by a kill; default: end
            this process, which would otherwise wait for work for ever.
        own_session: Whether to leave the parent's session, which keeps Ctrl-C from the processes
            that this one starts as well; else it ignores the signal.
    """
    if own_session:
        os.setsid()
    else:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    action = when_orphaned or (lambda: os._exit(1))
    threading.Thread(target=_watch_parent, args=(action,), daemon=True).start()
    ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)


def pack(*arguments: Any) -> bytes:
    """Return what a process is to be handed, classes by where they are defined.

    Raises:
        ValueError: If a method's class is defined where no other process can find it.
    """
    try:
        return pickle.dumps(arguments)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise ValueError(f"{_CANNOT} ({error}): {_REMEDY}") from error


def unpack(content: bytes) -> tuple[Any, ...]:
    """Return what another process packed for this one.

    Raises:
        ValueError: If a method's class is defined where this process cannot find it.
    """
    try:
        arguments: tuple[Any, ...] = pickle.loads(content)
    except (pickle.UnpicklingError, AttributeError, ImportError) as error:
        raise ValueError(f"{_CANNOT} ({error}): {_REMEDY}") from error
    return arguments


def _watch_parent(when_orphaned: Callable[[], object]) -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        when_orphaned()
