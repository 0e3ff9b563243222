"""The commands of a block of shell code, found by running it in a shell where they do nothing."""

from __future__ import annotations

import subprocess
from pathlib import Path

from doc_pages import Block

_RECORDED = ("python", "make", "pip", "slotenv-pretrain", "git")
_IGNORED = ("source", "cd", "ray")  # nothing of theirs can be checked here
_WRAPPERS = {"nice": 2, "taskset": 2}  # by how many words they have of their own
_LANGUAGES = ("bash", "sh", "shell", "console")


def is_shell(block: Block) -> bool:
    """Tell whether a block is shell code; without a language it is if its first word is known."""
    if block.language:
        return block.language in _LANGUAGES
    first = block.source.split(maxsplit=1)[0] if block.source.strip() else ""
    return first in _RECORDED or first in _WRAPPERS or "=" in first


def commands_of(block: Block, folder: Path) -> list[list[str]]:
    """Return the words of every command, as the shell expands them, in an empty folder.

    Raises:
        ValueError: If a command is none that is known here, or the shell cannot read the block.
    """
    record = folder / "commands"
    lines = ["exec 3>commands", "PATH=/nonexistent", *(f"{name}() {{ :; }}" for name in _IGNORED)]
    lines += [f"{name}() {{ printf '%s\\0' {name} \"$@\" $'\\n' >&3; }}" for name in _RECORDED]
    lines += [f'{name}() {{ shift {words}; "$@"; }}' for name, words in _WRAPPERS.items()]
    done = subprocess.run(
        ["/bin/bash", "-e", "-u", "-c", "\n".join([*lines, block.source])],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=20,
    )
    if done.returncode:
        raise ValueError(f"{block.place}: {done.stderr.strip()}")
    words = record.read_text().split("\0")
    commands: list[list[str]] = [[]]
    for word in words[:-1]:
        if word == "\n":
            commands.append([])
        else:
            commands[-1].append(word)
    return commands[:-1]
