"""OCAtari in an environment of its own: it needs an older NumPy, and one version of ALE.

OCAtari (https://arxiv.org/abs/2306.08649) knows where games keep their objects in the console's
RAM. It reads RAM that was recorded, so no second emulator runs.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pretrain.runtime.lock import alone_in
from pretrain.runtime.progress import say
from slotenv.atomic import write_atomic

PINNED = ("ocatari==2.2.1", "ale-py==0.12.1", "gymnasium==1.4.0", "numpy==1.26.4")
"""What is installed; the rest is what these need."""

_NEWEST = (3, 12)  # Python that this NumPy is made for
_SCRIPT = Path(__file__).with_name("ocatari_boxes.py")
_DONE = "installed.txt"  # what is installed; missing while it is not all there
_WITHOUT = "--truth labels does without OCAtari"


class CannotRead(RuntimeError):
    """OCAtari fails on a game, or does not have it; the message is one line."""


class OcatariBoxes(NamedTuple):
    """What OCAtari says of N moments.

    Attributes:
        rows: (M, 7) int: frame, place in OCAtari's list of objects, kind, left, top, width, height.
        kinds: Names of the kinds.
        hud: (kinds,) bool: kinds that are no part of the play, such as scores.
    """

    rows: NDArray[np.int64]
    kinds: tuple[str, ...]
    hud: NDArray[np.bool_]


def default_folder() -> Path:
    """Return where the environment is unless the user says otherwise: in the user's cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "slotenv" / "ocatari"


def install(folder: Path) -> Path:
    """Make the environment if it is not there; one that is not complete is begun anew.

    Args:
        folder: Gets the environment, in ``venv/``.

    Returns:
        Its Python.

    Raises:
        RuntimeError: If it cannot be made; the message says what to do.
        FolderInUse: If another process is making it.
    """
    python, done, wanted = folder / "venv" / "bin" / "python", folder / _DONE, "\n".join(PINNED)
    if done.is_file() and done.read_text() == wanted:
        return python
    if sys.version_info[:2] > _NEWEST:
        raise RuntimeError(
            f"{PINNED[0]} cannot be installed for Python {sys.version_info[0]}."
            f"{sys.version_info[1]}: use {_NEWEST[0]}.{_NEWEST[1]} or older; {_WITHOUT}"
        )
    with alone_in(folder):
        say("detection", f"installing {PINNED[0]} in {folder}, about 800 MB, once")
        cannot = f"{PINNED[0]} could not be installed in {folder}"
        remedy = f"run the same command again when the network is there; {_WITHOUT}"
        _run([sys.executable, "-m", "venv", "--clear", str(folder / "venv")], cannot, remedy)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        _run([*pip, *PINNED], cannot, remedy)
        write_atomic(done, wanted)
    return python


def ocatari_games(folder: Path) -> frozenset[str]:
    """Return the keys of the games whose RAM OCAtari reads.

    Args:
        folder: Of the environment, as for :func:`install`.

    Raises:
        RuntimeError: If there is no environment.
    """
    python = install(folder)
    with tempfile.TemporaryDirectory() as exchange:
        target = Path(exchange, "games.npz")
        _run([*_script(python), str(target)], f"{PINNED[0]} cannot be loaded", _WITHOUT)
        with np.load(target) as found:
            return frozenset(map(str, found["games"]))


def read_ocatari(
    game: str, ram: NDArray[np.uint8], episode: NDArray[np.int64], folder: Path
) -> OcatariBoxes:
    """Read where OCAtari says that objects are.

    Args:
        game: Its key, such as ``"mspacman"``.
        ram: (N, 128) in the order of play.
        episode: (N,) the episode of each.
        folder: Of the environment, as for :func:`install`.

    Raises:
        RuntimeError: If there is no environment.
        CannotRead: If OCAtari fails: it may not have the game.
    """
    python = install(folder)
    with tempfile.TemporaryDirectory() as exchange:
        source, target = Path(exchange, "ram.npz"), Path(exchange, "boxes.npz")
        np.savez(source, ram=ram, episode=episode)
        command = [*_script(python), str(target), game, str(source)]
        try:
            _run(command, f"{PINNED[0]} cannot read {game}", f"leave it out; {_WITHOUT}")
        except RuntimeError as error:
            raise CannotRead(str(error)) from None
        with np.load(target) as found:
            return OcatariBoxes(found["rows"], tuple(map(str, found["kinds"])), found["hud"])


def _script(python: Path) -> list[str]:
    # -P: the folder of the script is not searched, where this very file is called ocatari.
    return [str(python), "-P", str(_SCRIPT)]


def _run(command: list[str], cannot: str, remedy: str) -> None:
    own = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", env=own)
    if done.returncode:
        said = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        raise RuntimeError(
            f"{cannot} ({said[-1].strip() if said else 'no reason given'}): {remedy}"
        )
