"""The C++ games against the emulator stepped by hand."""

from __future__ import annotations

import sys
from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.error import ClosedEnvironmentError
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import VecMonitor

from slotenv.environments import AtariStack, make_env
from slotenv.frames import SCN, V5, plain
from slotenv.sb3 import AtariVecEnv

pytestmark = pytest.mark.ale


def emulator(game, seed, **kwargs):
    """Return an environment whose emulator has this very seed."""
    env = gym.make(f"ALE/{game}-v5", disable_env_checker=True, **kwargs)
    env.reset(seed=0)
    atari = env.unwrapped
    atari.ale.setInt("random_seed", seed)
    atari.load_game()
    atari.ale.reset_game()
    return env


def assert_equal_play(venv, row, env, steps=40):
    rng = np.random.default_rng(0)
    for _ in range(steps):
        actions = rng.integers(0, venv.action_space.n, venv.num_envs)
        frames, rewards, dones, infos = venv.step(actions)
        frame, reward, terminated, truncated, info = env.step(int(actions[row]))
        assert not dones[row]
        assert not terminated
        assert not truncated
        assert rewards[row] == reward
        assert infos[row]["lives"] == info["lives"]
        np.testing.assert_array_equal(frames[row], frame)


@pytest.mark.parametrize("game", ["Pong", "Breakout", "MsPacman"])
def test_v5_frames_rewards_and_sticky_actions_are_those_of_gym_make(game):
    venv = AtariVecEnv(f"ALE/{game}-v5", 2, preset=V5, num_threads=1)
    venv.seed(11)
    frames, env = venv.reset(), emulator(game, 12)
    np.testing.assert_array_equal(frames[1], env.unwrapped.ale.getScreenRGB())
    assert venv.action_space == env.action_space
    assert_equal_play(venv, 1, env)


@pytest.mark.parametrize("game", ["Pong", "Seaquest", "MsPacman"])
def test_scn_frames_are_those_of_make_env_after_another_start(game):
    venv = AtariVecEnv(game, 1, preset=SCN, num_threads=1)
    venv.seed(11)
    frames = venv.reset()
    env = emulator(game, 11, frameskip=1, repeat_action_probability=0.0)
    fire = "FIRE" in env.unwrapped.get_action_meanings()
    for i in range(venv.reset_infos[0]["frame_number"]):
        frame, *_ = env.step(1 if fire and i == 0 else 0)
    np.testing.assert_array_equal(frames[0], frame)
    assert venv.action_space == make_env(game, SCN).action_space
    assert_equal_play(venv, 0, AtariStack(env))


def test_games_end_with_true_rewards_and_a_last_frame():
    venv = AtariVecEnv("Breakout", 2, preset=replace(V5, repeat_action_probability=0.0))
    venv.seed(0)
    frames, ends, rewards = venv.reset(), 0, []
    for i in range(400):
        before = frames
        frames, reward, dones, infos = venv.step(np.array([1 if i % 8 == 0 else 3, 1]))
        rewards += list(reward)
        assert reward.dtype == np.float32
        for row in np.flatnonzero(dones):
            ends += 1
            last = infos[row]["terminal_observation"]
            # What the docstring says: no frame is drawn where the game cuts a step short.
            np.testing.assert_array_equal(last, before[row])
            assert not np.array_equal(last, frames[row])
            assert infos[row]["TimeLimit.truncated"] is False
        assert all(("terminal_observation" in infos[row]) == dones[row] for row in range(2))
    assert ends >= 2
    assert sum(rewards) > 0


def test_games_are_cut_off():
    venv = AtariVecEnv("Pong", 2, preset=V5, max_frames=12)
    venv.seed(0)
    venv.reset()
    ends = [venv.step(np.array([0, 0]))[2:] for _ in range(7)]
    assert [dones.tolist() for dones, _ in ends] == [[i % 3 == 2] * 2 for i in range(7)]
    assert all(info["TimeLimit.truncated"] == dones[0] for dones, infos in ends for info in infos)


def test_the_same_seed_is_the_same_game_and_each_step_a_new_array():
    def play(seed):
        venv = AtariVecEnv("Pong", 2, preset=SCN)
        venv.seed(seed)
        return np.stack([venv.reset()] + [venv.step(np.array([2, 3]))[0] for _ in range(9)])

    np.testing.assert_array_equal(play(3), play(3))
    assert not np.array_equal(play(3), play(4))
    assert play(2**32 - 1).shape == (10, 2, 210, 160, 3)


def test_other_vector_environments_keep_their_metadata():
    before = dict(gym.vector.VectorEnv.metadata)
    AtariVecEnv("Pong", 1, preset=V5)
    assert gym.vector.VectorEnv.metadata == before


def test_it_keeps_to_the_interface_of_stable_baselines():
    venv = AtariVecEnv("Pong", 3, preset=V5)
    assert venv.get_attr("render_mode", [0, 1]) == ["rgb_array"] * 2
    assert venv.get_attr("spec")[0].id == "ALE/Pong-v5"
    assert venv.env_is_wrapped(Monitor, 1) == [False]
    assert not venv.has_attr("ale")
    monitored = VecMonitor(venv)
    with pytest.raises(RuntimeError, match=r"call reset\(\) before render"):
        monitored.render()
    frames = monitored.reset()
    np.testing.assert_array_equal(monitored.render()[:210, :160], frames[0])
    assert all(frame in venv.observation_space for frame in frames)


def ready(**kwargs):
    venv = AtariVecEnv("Pong", 2, preset=V5, **kwargs)
    venv.reset()
    return venv


def closed():
    venv = ready()
    venv.close()
    venv.close()
    return venv


def with_options():
    venv = ready()
    venv.set_options({"mode": 1})
    return venv


@pytest.mark.parametrize(
    ("act", "error", "words"),
    [
        (lambda: AtariVecEnv("Pong", 0, preset=V5), ValueError, "n_envs must be at least 1, got 0"),
        (lambda: AtariVecEnv("Pong", 2.0, preset=V5), TypeError, r"whole number, got 2\.0"),
        (lambda: AtariVecEnv("Pong", True, preset=V5), TypeError, "whole number, got True"),
        (lambda: AtariVecEnv("Pong", 1, preset="v5"), TypeError, "FramePreset, .*got str"),
        (lambda: AtariVecEnv("Pong", 1, preset=plain(210, 160)), ValueError, "'scn' or 'v5'"),
        (lambda: AtariVecEnv("CarRacing-v3", 1, preset=V5), ValueError, "is for Atari games"),
        (lambda: AtariVecEnv("Pnog", 1, preset=V5), ValueError, "Closest: Pong"),
        (
            lambda: AtariVecEnv("Pong", 1, preset=replace(V5, height=84)),
            ValueError,
            r"frames \(210, 160, 3\), the preset \(84, 160, 3\)",
        ),
        (lambda: ready().step(np.array([0.0, 1.0])), ValueError, "one whole number per game"),
        (lambda: ready().step(np.array([0])), ValueError, r"each of 2 .*shape \(1,\)"),
        (lambda: closed().reset(), ClosedEnvironmentError, "was closed"),
        (lambda: closed().step(np.array([0, 0])), ClosedEnvironmentError, "was closed"),
        (lambda: ready().env_method("clone_state"), AttributeError, "games are in C"),
        (lambda: ready().get_attr("ale"), AttributeError, "no attribute 'ale'"),
        (lambda: ready().get_attr("_last"), AttributeError, "no attribute '_last'"),
        (lambda: ready().set_attr("ale", 1), AttributeError, "cannot set 'ale'"),
        (lambda: with_options().reset(), ValueError, "has no reset options"),
    ],
)
def test_misuse_is_told_in_words(act, error, words):
    with pytest.raises(error, match=words):
        act()


def test_a_step_under_way_is_not_taken_for_the_first_of_new_games():
    seen = []
    for under_way in (False, True):
        venv = ready()
        venv.seed(3)
        if under_way:
            venv.step_async(np.array([2, 3]))
        seen.append([venv.reset(), venv.step(np.array([3, 2]))[0]])
    np.testing.assert_array_equal(*seen)


def test_threads_end_with_it():
    if not sys.platform.startswith("linux"):
        pytest.skip("counts threads in /proc")

    def threads():
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("Threads:"))

    before = threads()
    venv = ready(num_threads=2)
    assert threads() == before + 2
    venv.close()
    assert threads() == before


@pytest.mark.ale
@pytest.mark.parametrize(("skip", "rate"), [(1, 60), (4, 15)])
def test_a_film_of_it_runs_as_fast_as_the_game(skip, rate):
    venv = AtariVecEnv("Pong", 1, preset=replace(V5, frame_skip=skip))
    assert venv.metadata["render_fps"] == rate
    venv.close()
