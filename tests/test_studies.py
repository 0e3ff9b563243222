"""Every study ends well with --quick, and says what it needs."""

from __future__ import annotations

import importlib
import importlib.util
import json
import runpy
import sys

import numpy as np
import pytest
from moving_blocks import HEIGHT, WIDTH, scene
from run_example import STUDIES, run

from slotenv.encoders import ObjectMixtureEncoder
from slotenv.frames import plain


@pytest.mark.skipif(
    not all(map(importlib.util.find_spec, ("Box2D", "pygame"))), reason="needs slotenv[outside]"
)
def test_slots_outside_atari(tmp_path):
    # Importing Box2D warns, and where that is an error it crashes the interpreter.
    swig = "builtin type:DeprecationWarning"
    out = run(
        "studies/slots_outside_atari.py", tmp_path, "--quick", "--out", "rows.jsonl", ignore=swig
    )
    assert "| LunarLander-v3 (R2) | K | ridge |" in out
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    methods = ["objects", "object mixture", "pixels 21 x 16", "SCN, untrained"]
    assert [row["method"] for row in rows] == 2 * methods
    assert rows[4]["env"] == rows[5]["env"] == "Acrobot-v1"
    table = (tmp_path / "rows.md").read_text()
    assert f"| objects | {rows[4]['num_slots']} | {rows[4]['ridge']:.3f} |" in table
    assert rows[5]["ridge"] > 0.7


def test_slots_outside_atari_says_what_to_install(monkeypatch):
    monkeypatch.syspath_prepend(STUDIES)  # as if it were run from there
    monkeypatch.setitem(sys.modules, "Box2D", None)  # as if it were not installed
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")  # the script sets it for good
    monkeypatch.setattr(sys, "argv", ["slots_outside_atari.py", "--quick"])
    with pytest.raises(SystemExit, match=r"LunarLander.*pip install -e '.\[outside\]'"):
        runpy.run_path(str(STUDIES / "slots_outside_atari.py"), run_name="__main__")


@pytest.mark.ale
def test_grey_frames(tmp_path):
    out = run("studies/grey_frames.py", tmp_path, "--quick", "--out", "rows.jsonl")
    assert "| pong |" in out
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    looks = [(row["look"], row["view"]) for row in rows]
    assert looks == [(look, view) for look in ("colour", "grey") for view in ("scn", "pixel")]
    assert (tmp_path / "rows.md").read_text().startswith(out)
    assert rows[2]["num_colours"] <= rows[0]["num_colours"]
    assert rows[1]["accuracy"] > 0.3  # a tiny sample: far above chance is enough


@pytest.mark.ale
def test_variants(tmp_path, monkeypatch, capsys):
    some = ["centroids", "fixed", "eight", "tuned_likelihood"]
    monkeypatch.syspath_prepend(STUDIES)  # as if it were run from there
    arguments = ["variants.py", "--quick", "--out", str(tmp_path / "rows.jsonl"), "--variants"]
    for these in (some[:2], some):  # the second time goes on
        monkeypatch.setattr(sys, "argv", [*arguments, *these])
        runpy.run_path(str(STUDIES / "variants.py"), run_name="__main__")
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    assert [row["variant"] for row in rows] == some
    assert [row["slot_dim"] for row in rows] == [3, 3, 8, 6]
    table = (tmp_path / "rows.md").read_text()
    assert table in capsys.readouterr().out
    assert "| fine-tuned: saliency, diversity, likelihood | 1 |" in table


def test_every_variant_but_the_final_form_changes_something(monkeypatch):
    monkeypatch.syspath_prepend(STUDIES)
    variants = importlib.import_module("variants_of_objects").VARIANTS
    final = variants["final"]
    for name, variant in variants.items():
        same = (variant.fit, variant.steps, variant.looks) == (final.fit, final.steps, final.looks)
        assert same == (name == "final"), name


def test_the_final_variant_is_the_encoder(monkeypatch):
    monkeypatch.syspath_prepend(STUDIES)
    fits = importlib.import_module("variant_fits")
    frames, preset = scene(120).frames, plain(HEIGHT, WIDTH)
    sample = fits.Sample(frames[:-1], frames[1:], preset, seed=2)
    after = frames[1:][: ObjectMixtureEncoder.fit_pairs]
    encoder = ObjectMixtureEncoder.from_frames(
        frames[:-1], next_frames=after, preprocess=preset, seed=2
    )
    np.testing.assert_array_equal(
        fits.several_starts(sample)(frames), encoder.eval().encode(frames)
    )


@pytest.mark.ale
@pytest.mark.parametrize("script", ["draw_fit_steps", "draw_slot_numbers"])
def test_figures_of_the_pages_are_drawn(script, tmp_path):
    run(f"studies/{script}.py", tmp_path, "--game", "Pong", "--out", "figure.png")
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")
    assert 5_000 < (tmp_path / "figure.png").stat().st_size < 60_000


@pytest.mark.ale
def test_single_frames(tmp_path):
    out = run("studies/single_frames.py", tmp_path, "--quick", "--out", "rows.jsonl")
    text = (tmp_path / "rows.jsonl").read_text()
    rows = [json.loads(line) for line in text.splitlines()]
    kinds = [(row["kind"], row["hold"]) for row in rows]
    assert kinds == [("pooled", False), ("pooled", True), ("single", False), ("single", True)]
    assert all(row["ridge_accuracy"] > 0.8 for row in rows)  # in Pong nothing flickers
    cells = " | ".join(f"{row['ridge_accuracy']:.3f}" for row in rows)
    assert f"| pong | {cells} |" in out
    assert f"| **mean** | {cells} |" in out  # of one game
    assert (tmp_path / "rows.md").read_text().startswith(out)
    # What is done is not done again, and the table stays.
    assert run("studies/single_frames.py", tmp_path, "--quick", "--out", "rows.jsonl") == out
    assert (tmp_path / "rows.jsonl").read_text() == text


def test_single_frames_keeps_rows_of_another_number_of_frames(tmp_path, monkeypatch, capsys):
    monkeypatch.syspath_prepend(STUDIES)
    row = {"game": "pong", "kind": "pooled", "hold": False, "probe_frames": 50_000}
    row |= {"ridge_accuracy": 0.9, "ridge_by_label": {"ball_x": 0.9}}
    (tmp_path / "rows.jsonl").write_text(json.dumps(row) + "\n")
    arguments = ["single_frames.py", "--quick", "--out", str(tmp_path / "rows.jsonl")]
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit):
        runpy.run_path(str(STUDIES / "single_frames.py"), run_name="__main__")
    assert "has rows of 50,000 frames, these would be of 400" in capsys.readouterr().err
    assert "50000" in (tmp_path / "rows.jsonl").read_text()
