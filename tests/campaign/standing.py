"""What a strange place needs: mounts that are taken away again, commands, comparisons."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from attempt import Reference, act, furnish, judged, outcome, refer
from contents import differences, leftovers
from verbs import VERBS


class Skipped(Exception):
    """A place that cannot be made on this machine."""


class Wrong(AssertionError):
    """What should not be."""


@dataclass
class Standing:
    """Where a place is tried.

    Attributes:
        work: An empty folder, the working directory.
        inputs: What verbs read.
    """

    work: Path
    inputs: Path
    _mounts: list[Path] = field(default_factory=list)

    def mount(self, folder: Path, *, size: str | None = None, source: Path | None = None) -> None:
        """Mount memory of some size, or another folder, there.

        Raises:
            Skipped: If this user may not.
        """
        folder.mkdir(exist_ok=True)
        what = ["--bind", str(source)] if source else ["-t", "tmpfs", "-o", f"size={size}", "tmpfs"]
        try:
            subprocess.run(["mount", *what, str(folder)], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise Skipped("mounts need root") from error
        self._mounts.append(folder)

    def remount(self, folder: Path, options: str) -> None:
        """Change options of a mount."""
        subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], check=True)

    def leave(self) -> None:
        """Take the mounts away."""
        os.chdir("/")
        for folder in reversed(self._mounts):
            subprocess.run(["umount", "-l", str(folder)], check=False)

    def reference(self, verb: str) -> Reference:
        """Return what a verb leaves in an ordinary place."""
        return refer(VERBS[verb], self.work / "reference", self.inputs)

    def furnish(self, folder: Path, verb: str) -> None:
        """Put what a verb reads into a folder."""
        furnish(folder, VERBS[verb], self.inputs)

    def succeeds(self, verb: str, folder: Path, reference: Reference) -> None:
        """Run a verb; it must end well, with the same result and nothing left over.

        Raises:
            Wrong: If not.
        """
        ended = act(VERBS[verb], folder)
        if failed := judged(ended, {0}):
            raise Wrong(f"{verb} {failed}")
        if different := differences(reference.contents, outcome(folder)):
            raise Wrong(f"{verb}: another result: {'; '.join(different[:3])}")
        if left := leftovers(folder):
            raise Wrong(f"{verb}: left over: {left[:3]}")

    def refuses(self, verb: str, folder: Path, *, needs: str = "") -> None:
        """Run a verb; it must end in one line.

        Args:
            verb: Its name.
            folder: Where.
            needs: What the line must hold.

        Raises:
            Wrong: If it does not.
        """
        said = one_line(verb, folder, needs=needs)
        if said is None:
            raise Wrong(f"{verb} ended as if all were well")


def one_line(verb: str, folder: Path, *, needs: str = "") -> str | None:
    """Run a verb; return the line it failed with, None if it did not.

    Raises:
        Wrong: If it failed in another way.
    """
    ended = act(VERBS[verb], folder)
    if ended.code == 0:
        return None
    if failed := judged(ended, {1, 2}):
        raise Wrong(f"{verb} {failed}")
    last = ended.text.strip().rpartition("\n")[2]
    if not last.startswith("pretrain: ") or needs not in last:
        raise Wrong(f"{verb}: no line that says {needs!r}: {last}")
    return last


Place = Callable[[Standing], None]
