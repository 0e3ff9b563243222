"""The study of learning curves: it goes on after a kill, and its arms see what they should."""

from __future__ import annotations

import importlib
import importlib.util
import json
import runpy
import sys

import gymnasium as gym
import numpy as np
import pytest
from run_example import STUDIES
from stable_baselines3.common.vec_env import DummyVecEnv

import slotenv
from slotenv.frames import SCN

SCRIPT = str(STUDIES / "learning_curves.py")


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


def test_learning_curves_are_drawn(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(STUDIES))
    rows = [
        {"game": game, "arm": arm, "seed": 0, "steps": steps, "seconds": steps / 500}
        | {"pretraining_seconds": 60.0, "return": steps / 1e5 - 21, "games": 50}
        | {"planned": 200_000, "evaluated": steps == 200_000}
        for game in ("Pong", "Boxing")
        for arm in ("slots", "pixels")
        for steps in (100_000, 200_000)
    ]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    monkeypatch.setattr(sys, "argv", ["x", "plot", "--rows", "rows.jsonl", "--out", "curves.png"])
    runpy.run_path(SCRIPT, run_name="__main__")
    assert capsys.readouterr().out.strip() == "curves.png"
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
    (tmp_path / "rows.jsonl").write_text(json.dumps(rows[0]) + "\n" + json.dumps(rows[1])[:40])
    with pytest.raises(SystemExit, match=r"rows\.jsonl, line 2 .*: mend or delete that line"):
        runpy.run_path(SCRIPT, run_name="__main__")


def test_learning_curves_of_what_is_no_atari_game(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(STUDIES))
    monkeypatch.setattr(sys, "argv", ["x", "run", "--games", "Pong", "CartPole-v1"])
    with pytest.raises(SystemExit, match="no Atari games: CartPole-v1"):
        runpy.run_path(SCRIPT, run_name="__main__")


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
