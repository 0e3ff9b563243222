"""One command in a folder of its own, in a child: how it ended and what it left."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import Any, NamedTuple

from aim import Aim
from children import RAISED, Child, End, Send
from contents import contents
from verbs import Verb

HANG = 60.0
"""Seconds after which a command that takes a few at most is taken to hang."""
INTERRUPTED, TERMINATED = 130, 143
"""Exit codes after Ctrl-C and SIGTERM."""


class Reference(NamedTuple):
    """A run that was left alone: what it leaves, how many calls and seconds it takes."""

    contents: dict[str, Any]
    calls: int
    seconds: float


def refer(verb: Verb, folder: Path, inputs: Path) -> Reference:
    """Run a verb to its end.

    Raises:
        RuntimeError: If it fails even so.
    """
    fresh(folder, verb, inputs)
    began = time.monotonic()
    ended = act(verb, folder, Aim(folder))
    if ended.code != 0:
        raise RuntimeError(f"{verb.name} fails when left alone:\n{ended.text}")
    reference = Reference(outcome(folder), ended.answers[0], time.monotonic() - began)
    shutil.rmtree(folder)
    return reference


def fresh(folder: Path, verb: Verb, inputs: Path) -> Path:
    """Make the folder that a verb runs in."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    furnish(folder, verb, inputs)
    return folder


def furnish(folder: Path, verb: Verb, inputs: Path) -> None:
    """Put what a verb reads into an empty folder."""
    os.symlink(inputs, folder / "in")
    if verb.copied is not None:
        shutil.copytree(inputs / verb.copied, folder / "out")


def start(verb: Verb, folder: Path, aim: Aim | None = None, *, log: Path | None = None) -> Child:
    """Start a verb; it sends the number of calls that ``aim`` has counted."""

    def live(send: Send) -> None:
        os.chdir(folder)
        if aim is not None:
            aim.install()
        verb.act()
        send(0 if aim is None else aim.count)

    log = log or folder.with_name(f"{folder.name}.printed.txt")
    log.unlink(missing_ok=True)
    return Child(live, log=log)


def act(verb: Verb, folder: Path, aim: Aim | None = None) -> End:
    """Run a verb to its end, whatever that is."""
    return start(verb, folder, aim).finish(HANG)


def judged(ended: End, well: set[int]) -> str | None:
    """Return what was wrong with how a command ended, None if nothing.

    Args:
        ended: How it ended.
        well: Exit codes that are well; with :data:`INTERRUPTED`, a function may also raise
            ``KeyboardInterrupt``, which the command line turns into that code.
    """
    last = ended.text.strip().rpartition("\n")[2][-300:]
    if ended.code is None:
        return f"hung, last words: {last}"
    raised = ended.code == RAISED and "KeyboardInterrupt" in last and INTERRUPTED in well
    if ended.traceback and not raised:
        return f"printed a traceback: {last}"
    return None if raised or ended.code in well else f"ended with {ended.code}: {last}"


def outcome(folder: Path) -> dict[str, Any]:
    """Return all that a verb left in its folder."""
    outs = sorted(path for path in folder.iterdir() if path.name.startswith((".out", "out")))
    return {path.name: contents(path) for path in outs}
