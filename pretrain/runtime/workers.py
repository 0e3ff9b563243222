"""Worker processes: how many, what they are given, and that they end with their parent."""

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


def usable_cores() -> int:
    """Return the number of cores that this process may run on, at least 1.

    A job scheduler or ``taskset`` may allow fewer than the machine has; more workers than that
    only wait for each other.
    """
    if hasattr(os, "sched_getaffinity"):  # Linux
        return len(os.sched_getaffinity(0)) or 1
    return os.cpu_count() or 1


def begin_worker(
    when_orphaned: Callable[[], object] | None = None, *, own_session: bool = False
) -> None:
    """Prepare a process that another one has just started.

    Ctrl-C reaches all processes of a terminal; the parent alone decides what to do about it. So
    this one ignores it, or, with ``own_session``, leaves the parent's session, which keeps Ctrl-C
    from the processes that this one starts as well.

    When the parent has ended, also by a kill, ``when_orphaned`` is called in a thread; by default
    this process ends, which would otherwise wait for work for ever.
    """
    if own_session:
        os.setsid()
    else:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def watch_parent() -> None:
        if parent is not None:
            parent.join()
            (when_orphaned or (lambda: os._exit(1)))()

    threading.Thread(target=watch_parent, daemon=True).start()
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
    """Return what another process packed; ValueError if a method's class cannot be found here."""
    try:
        return tuple(pickle.loads(content))
    except (pickle.UnpicklingError, AttributeError, ImportError) as error:
        raise ValueError(f"{_CANNOT} ({error}): {_REMEDY}") from error
