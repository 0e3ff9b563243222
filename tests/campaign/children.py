"""Forked children: a warm parent has imported everything, so that a try costs no start."""

from __future__ import annotations

import contextlib
import os
import pickle
import select
import signal
import struct
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Send = Callable[[Any], None]
RAISED = 70  # exit code of a child whose work ended in an exception


@dataclass(frozen=True)
class End:
    """How a child ended.

    Attributes:
        code: Exit code, or minus the signal that ended it; None if it hung and was killed.
        text: All that it printed.
        answers: What it sent.
    """

    code: int | None
    text: str
    answers: list[Any]

    @property
    def traceback(self) -> bool:
        """Whether a raw traceback was printed; Python's notes on ignored exceptions are none."""
        before, found, _ = self.text.partition("Traceback (most recent call last)")
        return bool(found) and not before.rstrip().rpartition("\n")[2].startswith("Exception ign")


class Child:
    """One forked process with a session of its own, so that a signal can reach all it starts.

    Args:
        work: Runs in the child; what it passes to its argument is sent to the parent.
        log: Gets what the child prints.
    """

    def __init__(self, work: Callable[[Send], object], *, log: Path) -> None:
        self.log = log
        log.touch()  # a child that is killed at once has made none
        read, write = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(read)
            _live(work, write, log)
        os.close(write)
        self._read, self._code = read, os.pidfd_open(self.pid)
        self.ended: int | None = None
        self._end: End | None = None

    def signal(self, number: int, *, group: bool = False) -> None:
        """Send a signal, as Ctrl-C does to the whole group."""
        with contextlib.suppress(ProcessLookupError):
            (os.killpg if group else os.kill)(self.pid, number)

    def receive(self, seconds: float) -> Any:
        """Return the next answer.

        Raises:
            TimeoutError: If none comes in time.
            EOFError: If the child ended before.
        """
        if not select.select([self._read], [], [], seconds)[0]:
            raise TimeoutError
        head = self._bytes(4)
        return pickle.loads(self._bytes(struct.unpack("I", head)[0]))  # from our own child

    def fileno(self) -> int:
        """The pipe of the answers, for select."""
        return self._read

    def wait(self, seconds: float) -> bool:
        """Return whether it ended in time."""
        if self.ended is not None:
            return True
        if not select.select([self._code], [], [], max(seconds, 0))[0]:
            return False
        self.ended = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return True

    def finish(self, seconds: float) -> End:
        """Collect its answers until it ends; kill it and its group after that time.

        May be called again, for the same end.
        """
        if self._end is not None:
            return self._end
        deadline, answers, open_ = time.monotonic() + seconds, [], True
        while open_:
            try:
                answers.append(self.receive(deadline - time.monotonic()))
            except (EOFError, TimeoutError, ValueError):
                open_ = False
        in_time = self.wait(max(deadline - time.monotonic(), 0.2))
        self.signal(signal.SIGKILL, group=True)
        self.wait(10)
        os.close(self._read)
        os.close(self._code)
        text = self.log.read_text(errors="replace")
        self._end = End(self.ended if in_time else None, text, answers)
        return self._end

    def _bytes(self, count: int) -> bytes:
        parts = b""
        while len(parts) < count:
            part = os.read(self._read, count - len(parts))
            if not part:
                raise EOFError
            parts += part
        return parts


def _live(work: Callable[[Send], object], pipe: int, log: Path) -> None:
    """The child's life; does not return."""
    code = RAISED
    try:
        os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(file, 1)
        os.dup2(file, 2)

        def send(answer: Any) -> None:
            content = pickle.dumps(answer)
            view = memoryview(struct.pack("I", len(content)) + content)
            while view:
                view = view[os.write(pipe, view) :]

        work(send)
        code = 0
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except BaseException:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second one would cut off what is printed
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def in_lanes(
    jobs: Sequence[Any], work: Callable[[Any], Any], *, lanes: int, log: Path, seconds: float
) -> Iterator[tuple[Any, Any]]:
    """Do jobs in several processes at a time; yield each with its result.

    Args:
        jobs: Passed to ``work`` one by one.
        work: Runs in a lane.
        lanes: How many at a time.
        log: Gets what the lanes themselves print.
        seconds: After this time no more jobs are begun.
    """
    deadline = time.monotonic() + seconds

    def lane(first: int) -> Callable[[Send], None]:
        def live(send: Send) -> None:
            for number in range(first, len(jobs), lanes):
                if time.monotonic() > deadline:
                    return
                send((number, work(jobs[number])))

        return live

    running = [Child(lane(i), log=log) for i in range(lanes)]
    while running:
        for child in select.select(running, [], [])[0]:
            try:
                number, result = child.receive(60)
            except EOFError:
                running.remove(child)
                end = child.finish(5)
                if end.code != 0:
                    raise RuntimeError(f"a lane ended with {end.code}:\n{end.text}") from None
            else:
                yield jobs[number], result
