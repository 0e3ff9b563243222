"""A new verb and a new game, added as docs/adding.md says to a copy of the packages."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import slotenv

ROOT = Path(slotenv.__file__).parents[1]

VERB = '''"""The verb ``count``: how many frames a data folder holds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pretrain.config import Amount, Flags


@dataclass(frozen=True, kw_only=True)
class CountConfig(Flags):
    """Count the frames of a data folder."""

    data: Path
    """Data folder, as collect makes it."""
    times: Amount = 1
    """How often to say it."""

    def __call__(self, command: list[str]) -> None:
        """Print the number of frames."""
        from pretrain.data.store import FrameStore

        for _ in range(self.times):
            print(f"{len(FrameStore(self.data))} frames")
'''

GAME = '''"""Tutankham."""

from __future__ import annotations

from slotenv.labels.base import Affine, At, ByteWithin, ScreenObject

OBJECTS = (
    ScreenObject("player", x=At(10, Affine(offset=3)), y=At(11)),
    ScreenObject("shot", x=At(12, evidence="poke; left edge"), presence=ByteWithin(12, 1, 159)),
)
'''

READ = """
import numpy as np
from slotenv.labels import labelled_games, labels_for
from slotenv.probe import Features, probe_features

assert "tutankham" in labelled_games("pixel") and "tutankham" not in labelled_games("scn")
labels = labels_for("ALE/Tutankham-v5", view="pixel")
assert labels.names == ("player_x", "player_y", "shot_x")
ram = np.random.default_rng(0).integers(1, 100, (600, 128)).astype(np.uint8)
ram[:300, 12] = 0
assert labels.num_objects == 2
values, presence = labels.read(ram)
np.testing.assert_array_equal(values[:, 0], ram[:, 10] + 3.0)
np.testing.assert_array_equal(presence[:, 2], ram[:, 12] > 0)

class Play:
    ram = ram
    episode = np.zeros(600, int)

slots = ram[:, [10, 11, 12, 20]].astype(np.float32).reshape(600, 2, 2)
report = probe_features(
    Features(slots, [bytes(row) for row in ram]), Play, game="tutankham", view="pixel"
)
assert report.accuracy_by_label["player_x"] > 0.99
"""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of both packages."""
    for package in ("slotenv", "pretrain"):
        shutil.copytree(
            ROOT / package,
            tmp_path / package,
            ignore=shutil.ignore_patterns("__pycache__", "*.safetensors"),
        )
    return tmp_path


def run(copy: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(copy), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=copy,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


def add(path: Path, before: str, line: str) -> None:
    """Write a line before another one, which is there once."""
    text = path.read_text()
    assert text.count(before) == 1
    path.write_text(text.replace(before, f"{line}\n{before}"))


def test_a_verb_is_one_file_and_its_line_in_the_table(copy, tmp_path):
    (copy / "pretrain/verbs/count.py").write_text(VERB)
    table = copy / "pretrain/verbs/table.py"
    add(table, '    "run": "RunVerb",', '    "count": "CountConfig",')
    listed = run(copy, "-m", "pretrain", "--help")
    assert listed.returncode == 0
    assert "count" in listed.stdout
    assert "Count the frames of a data folder." in listed.stdout
    own = run(copy, "-m", "pretrain", "count", "--help")
    assert "How often to say it." in own.stdout
    wrong = run(copy, "-m", "pretrain", "count", "--data", "x", "--times", "0")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr == "pretrain: times must be at least 1, got 0\n"
    absent = run(copy, "-m", "pretrain", "count", "--data", str(tmp_path / "none"))
    assert absent.returncode == 2
    assert absent.stderr.startswith("pretrain: ")
    assert absent.stderr.count("\n") == 1


def test_a_game_with_labels_of_the_screen_is_one_file(copy):
    (copy / "slotenv/labels/pixel/tutankham.py").write_text(GAME)
    done = run(copy, "-W", "error", "-c", READ)
    assert done.returncode == 0, done.stderr
