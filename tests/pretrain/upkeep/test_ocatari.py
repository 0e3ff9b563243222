"""OCAtari's environment: made once, begun anew after a stop, and what its script reads."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pretrain.upkeep import ocatari
from pretrain.upkeep.ocatari import CannotRead, install, ocatari_games, read_ocatari

# Stands for the Python of a user: makes an "environment" that holds itself, and has a pip.
PYTHON = """\
#!/bin/sh
echo "$@" "$PYTHONPATH" >> {log}
case "$1 $2" in
  "-m venv") mkdir -p "$4/bin" && cp "$0" "$4/bin/python";;
  "-m pip") {pip};;
  *) PYTHONPATH={packages} exec {python} "$@";;
esac
"""
EXTRACT = """\
class Thing:
    def __init__(self, place, hud):
        self.place, self.hud, self.xywh = place, hud, (0, 0, 0, 0)
        self.category = "Score" if hud else "Ball"

    def __bool__(self):
        return bool(self.xywh[2] > 0)

def init_objects(game, hud):
    if game not in ("pong", "enduro"):
        raise KeyError(f"Game module does not exist: {game}")
    return [Thing(i, False) for i in range(2)] + [Thing(2, True)] * hud

def detect_objects_ram(objects, ram, game, hud):
    if game == "enduro" and hud:
        raise TypeError("no scores here")
    for thing in objects:
        x, y, width, height = thing.xywh
        thing.xywh = int(ram[thing.place]) - 5, y + 1, 4 * (ram[thing.place] > 0), 2
"""


READS = "def _detect_objects_ram(objects, ram, hud): pass"


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Gives this user a Python with a working pip, or another; returns what it was called with."""
    packages = tmp_path / "packages"
    (packages / "ocatari" / "ram").mkdir(parents=True)
    for name in ("__init__.py", "core.py", "ram/__init__.py"):
        (packages / "ocatari" / name).write_text("")
    (packages / "ocatari" / "ram" / "extract_ram_info.py").write_text(EXTRACT)
    (packages / "ocatari" / "core.py").write_text("from ocatari.ram import enduro, pong, utils")
    for name, text in {"enduro": READS, "pong": READS, "utils": ""}.items():
        (packages / "ocatari" / "ram" / f"{name}.py").write_text(text)
    monkeypatch.setattr(ocatari, "_NEWEST", sys.version_info[:2])
    log = tmp_path / "log"

    def give(pip: str = "exit 0") -> list[str]:
        python = tmp_path / "python"
        python.write_text(PYTHON.format(log=log, pip=pip, packages=packages, python=sys.executable))
        python.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(python))
        lines = log.read_text().splitlines() if log.exists() else []
        log.write_text("")
        return lines

    give()
    return give


def ram(*rows: tuple[int, ...]) -> np.ndarray:
    moments = np.zeros((len(rows), 128), np.uint8)
    moments[:, :3] = rows
    return moments


def test_boxes_are_read_in_the_environment(
    user: Callable[..., list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    moments = ram((9, 0, 3), (10, 4, 3), (0, 2, 3))
    found = read_ocatari("pong", moments, np.array([0, 0, 1]), tmp_path / "env")
    assert found.kinds == ("Ball", "Score")
    np.testing.assert_array_equal(found.hud, [False, True])
    np.testing.assert_array_equal(
        found.rows,
        [
            # frame, place, kind, left, top, width, height; top counts the steps of an episode
            (0, 0, 0, 4, 1, 4, 2),
            (0, 2, 1, -2, 1, 4, 2),
            (1, 0, 0, 5, 2, 4, 2),
            (1, 1, 0, -1, 2, 4, 2),
            (1, 2, 1, -2, 2, 4, 2),
            (2, 1, 0, -3, 1, 4, 2),
            (2, 2, 1, -2, 1, 4, 2),
        ],
    )
    lines = user()
    assert not any("/nowhere" in line for line in lines)
    installed, *_ = (line for line in lines if " pip " in line)
    assert all(package in installed for package in ocatari.PINNED)
    read_ocatari("pong", moments, np.array([0, 0, 1]), tmp_path / "env")
    assert len(user()) == 1  # the script alone: nothing is installed twice


def test_where_scores_cannot_be_read_the_rest_is(
    user: Callable[..., list[str]], tmp_path: Path
) -> None:
    found = read_ocatari("enduro", ram((9, 0, 3)), np.array([0]), tmp_path / "env")
    assert found.kinds == ("Ball",)
    assert len(found.rows) == 1
    none = read_ocatari("enduro", ram((0, 0, 3)), np.array([0]), tmp_path / "env")
    assert none.rows.shape == (0, 7)


def test_a_game_that_ocatari_has_not_is_an_error_of_one_line(
    user: Callable[..., list[str]], tmp_path: Path
) -> None:
    with pytest.raises(
        CannotRead, match=r"cannot read qbert \(KeyError.*qbert.*leave it out"
    ) as it:
        read_ocatari("qbert", ram((1, 1, 1)), np.array([0]), tmp_path / "env")
    assert "\n" not in str(it.value)


def test_it_knows_which_games_it_has(user: Callable[..., list[str]], tmp_path: Path) -> None:
    assert ocatari_games(tmp_path / "env") == {"enduro", "pong"}


def test_without_a_network_the_message_says_what_to_do_and_the_next_try_begins_anew(
    user: Callable[..., list[str]], tmp_path: Path
) -> None:
    folder = tmp_path / "env"
    user("echo 'no route to host\n' >&2; exit 1")
    with pytest.raises(
        RuntimeError, match=r"not be installed in .*no route.*when the network"
    ) as it:
        install(folder)
    assert "\n" not in str(it.value)
    assert not isinstance(it.value, CannotRead)  # which would leave out all games one by one
    (folder / "venv" / "half").touch()
    user()
    python = install(folder)
    assert python == folder / "venv" / "bin" / "python"
    assert [line.split()[1] for line in user()] == ["venv", "pip"]
    (folder / "installed.txt").write_text("ocatari==1.0")  # of an earlier version of this program
    install(folder)
    assert [line.split()[1] for line in user()] == ["venv", "pip"]
    install(folder)
    assert user() == []


def test_a_python_without_venv_is_told(user: Callable[..., list[str]], tmp_path: Path) -> None:
    Path(sys.executable).write_text("#!/bin/sh\nexit 1\n")
    with pytest.raises(RuntimeError, match=r"could not be installed in .*no reason given"):
        install(tmp_path / "env")


def test_a_python_that_is_too_new_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ocatari, "_NEWEST", (3, 8))
    with pytest.raises(RuntimeError, match=r"use 3.8 or older; --truth labels does without"):
        install(tmp_path / "env")
    assert not (tmp_path / "env").exists()


def test_the_environment_is_in_the_users_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert ocatari.default_folder() == Path("/somewhere/slotenv/ocatari")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert ocatari.default_folder() == Path.home() / ".cache/slotenv/ocatari"
