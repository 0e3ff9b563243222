"""A metric is one function and one entry of the table below it, and is then everywhere."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import slotenv

ROOT = Path(slotenv.__file__).parents[1]
FUNCTION = '''

def used_slots(importance: Floats) -> float:
    """How many slots hold at least a tenth of an object."""
    return float((importance >= 0.1).any(axis=0).sum())
'''
ENTRY = """    used_slots: float | None = _entry(
        "slots in use",
        "how many slots hold something.",
        lambda scores: used_slots(scores.importance),
        digits=1,
        default=None,
    )


METRICS"""
USE = """
import json
from pathlib import Path

import numpy as np

from pretrain.bench.results.render import render
from pretrain.bench.results.rows import measured, read_rows
from pretrain.data.run_files import ProbeRow
from pretrain.report import render as render_page
from pretrain.report.run_folder import RunFolder
from slotenv.encoders import SlotMapEncoder
from slotenv.frames import plain
from slotenv.probe import Features, ProbeReport, probe_features

class Play:
    ram = np.random.default_rng(0).integers(30, 226, (1000, 128)).astype(np.uint8)
    episode = np.zeros(1000, int)

# Of Pong's four bytes, one in slot 0, two in slot 1, one in slot 2, and none in slot 3.
coordinates = Play.ram[:, [50, 49, 54, 51, 0, 0]].astype(np.float32)
coordinates[:, 4:] = np.random.default_rng(1).normal(size=(1000, 2))
slots = coordinates[:, [0, 4, 1, 2, 3, 4, 5, 5]].reshape(1000, 4, 2)
features = Features(slots, [bytes(frame) for frame in Play.ram])
report = probe_features(features, Play, game="pong")
assert report.used_slots == 3
assert report.to_dict()["used_slots"] == 3
assert ProbeReport.from_dict(json.loads(json.dumps(report.to_dict()))) == report
old = {name: value for name, value in report.to_dict().items() if name != "used_slots"}
assert ProbeReport.from_dict(old).used_slots is None  # a file of before
assert "slots in use 3.0" in report.summary()

facts = {"method": "pixels", "title": "Pixels", "settings": {}, "seed": 0, "frames": 0,
         "frames_preset": "scn", "updates": 0, "batch_size": None, "run_length": None,
         "probe_frames": 1000, "snapshot": False}
new_row = {**facts, **measured(report), "game": "pong", "identity": "new"}
old_row = {**facts, **measured(report), "game": "boxing", "identity": "old"}
del old_row["used_slots"]
Path("rows.jsonl").write_text(json.dumps(new_row) + chr(10) + json.dumps(old_row) + chr(10))
rows = read_rows([Path("rows.jsonl")])
assert [row.get("used_slots") for row in rows] == [None, 3.0]
tables = render(rows, Path("tables")).read_text()
heading = next(line for line in tables.splitlines() if "used slots" in line)
assert heading.startswith("| method | modularity | weighted modularity | compactness | ")
assert "variance compactness: 2, used slots: 1 games" in tables

encoder = SlotMapEncoder(num_slots=4, slot_dim=2, preprocess=plain(80, 80))
probed = [ProbeRow(name="SCN", seed=0, updates=1, train_seconds=None, report=report)]
run = RunFolder(config={}, metrics=[], encoder=encoder, store=None, rows=probed, curve=[])
page = render_page(run)
assert "<th>slots in use</th>" in page
assert "<td>3.0</td>" in page
assert "<dt>slots in use</dt><dd>how many slots hold something.</dd>" in page
"""


def test_a_metric_is_a_function_and_an_entry(tmp_path: Path) -> None:
    for package in ("slotenv", "pretrain"):
        shutil.copytree(
            ROOT / package,
            tmp_path / package,
            ignore=shutil.ignore_patterns("__pycache__", "*.safetensors"),
        )
    metrics = tmp_path / "slotenv" / "probe" / "metrics.py"
    before = metrics.read_text(encoding="utf-8")
    after = before.replace("\n\nMETRICS", ENTRY, 1) + FUNCTION
    assert after.count("used_slots") == 3
    metrics.write_text(after, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", USE],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
