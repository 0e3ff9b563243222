"""The command line: exit codes and one-line errors around the verbs.

Exit codes: 0 done; 1 could not be done (diverged, disk full, a worker killed); 2 a wrong argument,
a damaged file or a missing package; 130 interrupted and 143 told to end, the same command goes on
from there; 141 whoever read the output is gone.
"""

import contextlib
import io
import os
import select
import signal
import sys
from collections.abc import Sequence
from typing import TextIO

from pretrain.runtime.interrupt import Terminated, raise_once

EXTRAS = {
    "pretrain": (
        *("tyro", "rich", "blosc2", "tensorboard", "matplotlib", "jinja2", "PIL", "filelock"),
        *("imageio", "imageio_ffmpeg"),
    ),
    "distributed": ("lightning_fabric", "ray"),
}
"""Extra of the package by the modules that it installs."""

_INTERRUPTED = "interrupted. Nothing that was done is lost: the same command goes on from here."
_WRONG_INPUT = (
    *(FileNotFoundError, FileExistsError, NotADirectoryError, IsADirectoryError),
    *(ValueError, TypeError, OverflowError),
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one verb; always ends in SystemExit unless the exit code is 0.

    Args:
        arguments: By default those of this program. A program that gives its own keeps its way with
            signals.
    """
    is_program = arguments is None
    try:
        _prepare()
        if is_program:
            raise_once(_end_at_once)
        _run(list(sys.argv[1:] if arguments is None else arguments))
    except KeyboardInterrupt as error:
        if is_program:  # Python gives up its handlers when it ends: a signal then would kill
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        number = signal.SIGTERM if isinstance(error, Terminated) else signal.SIGINT
        _fail(_INTERRUPTED, 128 + number)
    except ModuleNotFoundError as error:
        top = (error.name or "").partition(".")[0]
        extras = [extra for extra, modules in EXTRAS.items() if top in modules]
        _fail("".join([str(error), *(f': pip install "slotenv[{e}]"' for e in extras)]), 2)
    except MemoryError as error:
        _fail(f"out of memory {error}".strip(), 1)
    except RuntimeError as error:
        _fail(str(error) or type(error).__name__, 1)
    except _WRONG_INPUT as error:
        _fail(str(error) or type(error).__name__, 2)
    except OSError as error:
        if isinstance(error, BrokenPipeError) and _is_unread(sys.stdout, sys.stderr):
            raise SystemExit(128 + signal.SIGPIPE) from None
        _fail(f"{error}. The same command goes on from here once that is mended.", 1)


def _end_at_once(number: int) -> None:
    os.write(2, f"pretrain: {_INTERRUPTED}\n".encode())
    os._exit(128 + number)


def _run(command: list[str]) -> None:
    """Run a verb and write out what it printed."""
    try:
        from pretrain.verbs.table import run_verb  # what this loads may be missing

        run_verb(command)
    finally:
        try:
            sys.stdout.flush()
        except OSError:
            # Python would try again when it ends, and complain: the rest goes nowhere.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise


def _prepare() -> None:
    """Let no unusual letter stop the output, and find modules as ``python -m`` does."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by whoever started this
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 (for good)
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    # For environments in the working folder. Last: nothing there hides a module that is installed.
    if not sys.flags.safe_path and not {"", os.getcwd()} & set(sys.path):
        sys.path.append(os.getcwd())


def _is_unread(*streams: TextIO) -> bool:
    """Tell whether nobody reads one of the streams any more."""
    poll = select.poll()
    for stream in streams:
        with contextlib.suppress(OSError, ValueError):  # no file behind it
            poll.register(stream.fileno(), 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))


def _fail(message: str, code: int) -> None:
    if os.environ.get("SLOTENV_TRACEBACK"):
        raise
    with contextlib.suppress(OSError):  # nobody may be there to read it
        print(f"pretrain: {' '.join(message.split())}", file=sys.stderr)
    raise SystemExit(code) from None
