"""Every example ends well with --quick, from a fresh checkout without data."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
from moving_blocks import HEIGHT, WIDTH, scene
from stable_baselines3.common.vec_env import DummyVecEnv

import slotenv
from slotenv.encoders import ObjectMixtureEncoder
from slotenv.frames import SCN, plain

EXAMPLES = Path(__file__).parents[1] / "examples"
STUDIES = EXAMPLES / "studies"
SPRITES = "fake_envs:slotenv_tests/Sprites-v0"


def run(script: str, folder: Path, *more: str, ignore: str | None = None) -> str:
    """Run an example in a folder and return what it printed; ``ignore`` allows a warning."""
    support = str(Path(__file__).parent / "support")
    warnings = ["-W", "error", *(["-W", f"ignore:{ignore}"] if ignore else [])]
    done = subprocess.run(
        [sys.executable, *warnings, str(EXAMPLES / script), *more],
        cwd=folder,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": support},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.ale
def test_ppo_on_slots(tmp_path):
    assert "agent: ppo_on_slots.zip" in run("ppo_on_slots.py", tmp_path, "--quick")
    assert (tmp_path / "ppo_on_slots.zip").is_file()
    film = ["watch", "--encoder", "pong", "--agent", "ppo_on_slots.zip", "--steps", "3"]
    more = ["--hold", "--out", "ppo.gif"]
    subprocess.run(
        [sys.executable, "-m", "pretrain", *film, *more], cwd=tmp_path, check=True, timeout=120
    )
    assert (tmp_path / "ppo.gif").is_file()


def test_ppo_on_slots_with_attention_in_another_environment(tmp_path):
    run("ppo_on_slots.py", tmp_path, "--quick", "--env", SPRITES, "--attention")
    assert (tmp_path / "ppo_on_slots.zip").is_file()


@pytest.mark.ale
def test_ppo_with_slot_extractor(tmp_path):
    run("ppo_with_slot_extractor.py", tmp_path, "--quick")
    assert (tmp_path / "ppo_with_slot_extractor.zip").is_file()


def test_fine_tuning_a_given_encoder_in_another_environment(tmp_path, tiny_encoder_folder):
    more = ("--env", SPRITES, "--encoder", str(tiny_encoder_folder), "--finetune")
    run("ppo_with_slot_extractor.py", tmp_path, "--quick", *more)
    assert (tmp_path / "ppo_with_slot_extractor.zip").is_file()


@pytest.mark.ale
def test_add_an_objective(tmp_path):
    more = ["--quick", "--out", "run", "--jobs", "2"]  # in processes that do not run the script
    assert "tables: " in run("add_an_objective.py", tmp_path, *more)
    table = (tmp_path / "run" / "tables.md").read_text()
    assert "Predictive" in table
    assert "Random-CNN" in table
    (folder,) = (tmp_path / "run" / "pong").glob("predictive*")
    assert (folder / "encoder" / "config.json").is_file()


@pytest.mark.ale
def test_probe_your_encoder(tmp_path):
    out = run("probe_your_encoder.py", tmp_path, "--quick")
    rows = [line.split("|") for line in out.splitlines() if "|" in line]
    assert all(float(row[3]) > 0.9 for row in rows if row[1].strip() in ("ball_x", "player_y"))
    assert "accuracy" in out


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
    assert [row["method"] for row in rows[:3]] == ["objects", "pixels 21 x 16", "SCN, untrained"]
    assert rows[3]["env"] == "Acrobot-v1"
    table = (tmp_path / "rows.md").read_text()
    assert f"| objects | {rows[3]['num_slots']} | {rows[3]['ridge']:.3f} |" in table
    assert rows[3]["ridge"] > 0.7


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
    encoder = ObjectMixtureEncoder.from_frames(
        frames[:-1], next_frames=frames[1:], preprocess=preset, seed=2
    )
    np.testing.assert_array_equal(
        fits.several_starts(sample)(frames), encoder.eval().encode(frames)
    )


def test_an_example_without_encoder_asks_for_one(tmp_path):
    with pytest.raises(AssertionError, match="give --encoder"):
        run("ppo_on_slots.py", tmp_path, "--env", SPRITES)


@pytest.mark.ale
def test_learning_curves_go_on_after_a_kill(tmp_path, monkeypatch, capsys):
    monkeypatch.syspath_prepend(str(STUDIES))
    curves = importlib.import_module("learning_curves")
    monkeypatch.setattr(curves, "_LOG_STEPS", 1_000)
    monkeypatch.setattr(curves, "_SAVE_SECONDS", -1)
    monkeypatch.setattr(curves, "_EVALUATED", 4)
    out = tmp_path / "runs" / "rows.jsonl"
    study = curves.Study(games=("pong",), arms=("coordinates",), steps=20_480, out=out)
    save = curves.Checkpoint.save

    def save_once(checkpoint, model):
        if list(out.parent.glob("rows/*.zip")):  # the third row is lost with the process
            if len(out.read_text().splitlines()) == 3:
                raise KeyboardInterrupt
        else:
            save(checkpoint, model)

    monkeypatch.setattr(curves.Checkpoint, "save", save_once)
    with pytest.raises(KeyboardInterrupt):
        curves.study_all(study)
    monkeypatch.setattr(curves.Checkpoint, "save", save)
    before = curves.read_rows(out)
    assert len(before) == 3
    curves.study_all(study)
    rows = curves.read_rows(out)
    assert rows[0] == before[0]
    assert before[1] not in rows  # played again
    assert [row["evaluated"] for row in rows] == [False] * (len(rows) - 1) + [True]
    for field in ("steps", "seconds"):
        values = [row[field] for row in rows]
        assert values == sorted(values)
        assert len(set(values[:-1])) == len(values) - 1
    end = rows[-1]
    assert (end["game"], end["steps"], end["games"]) == ("Pong", 20_480, 4)
    assert -21 <= end["return"] < -10  # it has hardly learned, and a game is to 21
    assert end["length"] > 400
    assert list(out.parent.iterdir()) == [out]
    curves.study_all(study)
    assert "Pong coordinates 0 20480: done before" in capsys.readouterr().out
    assert curves.read_rows(out) == rows


def test_a_checkpoint_keeps_what_normalises(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(STUDIES))
    curves = importlib.import_module("learning_curves")
    study = curves.Study(out=tmp_path / "rows.jsonl")
    checkpoint = curves.Checkpoint(study, curves.Run("Pong", "untrained", 0, 9))
    seen = curves.Seen(DummyVecEnv([lambda: gym.make("CartPole-v1")]), normalised=True)
    model = checkpoint.load_or_make(seen, "untrained", 0)
    model.learn(512)
    checkpoint.save(model)
    again = checkpoint.load_or_make(seen, "untrained", 0)
    assert again.num_timesteps == model.num_timesteps == 512
    means = [m.get_vec_normalize_env().obs_rms.mean for m in (model, again)]
    np.testing.assert_array_equal(*means)
    assert means[0].any()
    checkpoint.remove()
    assert list(tmp_path.iterdir()) == []


def test_learning_curves_are_drawn(tmp_path):
    rows = [
        {"game": game, "arm": arm, "seed": 0, "steps": steps, "seconds": steps / 500}
        | {"pretraining_seconds": 60.0, "return": steps / 1e5 - 21, "games": 50}
        | {"planned": 200_000, "evaluated": steps == 200_000}
        for game in ("Pong", "Boxing")
        for arm in ("slots", "pixels")
        for steps in (100_000, 200_000)
    ]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    plot = ["plot", "--rows", "rows.jsonl", "--out", "curves.png"]
    assert run("studies/learning_curves.py", tmp_path, *plot).strip() == "curves.png"
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
    (tmp_path / "rows.jsonl").write_text(json.dumps(rows[0]) + "\n" + json.dumps(rows[1])[:40])
    with pytest.raises(AssertionError, match=r"rows\.jsonl, line 2 .*: mend or delete that line"):
        run("studies/learning_curves.py", tmp_path, *plot)


def test_learning_curves_of_what_is_no_atari_game(tmp_path):
    with pytest.raises(AssertionError, match="no Atari games: CartPole-v1"):
        run("studies/learning_curves.py", tmp_path, "run", "--games", "Pong", "CartPole-v1")


@pytest.mark.ale
def test_true_coordinates_come_in_the_units_of_slots(monkeypatch):
    """In the same game, places differ by a constant, velocities not at all but for a pixel."""
    monkeypatch.syspath_prepend(str(STUDIES))
    arms = importlib.import_module("learning_curve_arms")
    game = slotenv.make_env("Pong", SCN)
    truth = arms.Coordinates(slotenv.make_env("Pong", SCN), "Pong")
    env = slotenv.ObjectSlotObservation(game, "pong", motion=True)
    slots, coordinates = [env.reset(seed=1)[0]], [truth.reset(seed=1)[0]]
    for action in np.random.default_rng(0).integers(6, size=300):
        slots.append(env.step(int(action))[0])
        coordinates.append(truth.step(int(action))[0])
    seen, true = np.stack(slots), np.stack(coordinates)
    names = arms.labels_for("Pong", "pixel").names
    for name, axis in (("ball_x", 1), ("ball_y", 2)):
        j, velocity = names.index(name), names.index(name) + 2 * len(names)
        there = (seen[..., 0] > 0.99) & (true[:, [j + len(names)]] > 0)  # (T, K)
        ball = min(
            (k for k in range(seen.shape[1]) if there[:, k].sum() > 100),
            key=lambda k: np.std(seen[there[:, k], k, axis] - true[there[:, k], j]),
        )
        t = there[:, ball]
        assert np.polyfit(true[t, j], seen[t, ball, axis], 1)[0] == pytest.approx(1, abs=0.05)
        moved = t & (true[:, velocity] != 0) & (seen[:, ball, 5 + axis] != 0)
        apart = seen[moved, ball, 5 + axis] - true[moved, velocity]
        assert moved.sum() > 50
        assert np.median(np.abs(apart)) < 0.3


@pytest.mark.ale
@pytest.mark.parametrize("arm", ["slots", "coordinates"])
def test_arms_learn_from_clipped_rewards_and_count_whole_games_in_full(arm, monkeypatch):
    monkeypatch.syspath_prepend(str(STUDIES))
    arms = importlib.import_module("learning_curve_arms")
    venv = arms.ARMS[arm].see("Seaquest", 0, None).venv
    venv.reset()
    rng, clipped, ended, games = np.random.default_rng(0), set(), 0, []
    while max(games, default=0) < 20:  # what a shark is worth
        _, rewards, dones, infos = venv.step(rng.integers(venv.action_space.n, size=venv.num_envs))
        clipped |= set(rewards.tolist())
        ended += int(dones.sum())
        games += [info["episode"]["r"] for info in infos if "episode" in info]
    venv.close()
    assert clipped == {0.0, 1.0}
    assert ended > len(games)  # lives


@pytest.mark.ale
def test_the_figure_of_the_steps_is_drawn(tmp_path):
    run("studies/draw_fit_steps.py", tmp_path, "--game", "Pong", "--out", "steps.png")
    assert (tmp_path / "steps.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "steps.png").stat().st_size < 60_000


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
