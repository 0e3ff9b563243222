"""What training adds to a stack: lost lives end episodes, rewards are signs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from atari_games import atari_encoder
from gymnasium.wrappers import TimeLimit
from scripted_games import Scripted
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import VecMonitor

from slotenv.frames import SCN
from slotenv.sb3 import (
    VecClipReward,
    VecEpisodicLives,
    make_slot_vec_env,
)

SCRIPT = [  # rewards, dones, lives
    ([7, 0], [0, 0], [3, 1]),
    ([0, -9], [0, 0], [2, 1]),  # the first loses a life
    ([5, 0], [0, 1], [2, 0]),  # the second's game is over
    ([0, 2], [0, 0], [3, 3]),  # a life won, a new game
    ([1, 0], [0, 0], [2, 3]),
    ([1, 0], [0, 0], [0, 2]),  # no lives left, but the game goes on
    ([4, 0], [1, 0], [5, 2]),  # over; the lives are the next game's already
    ([0, 0], [0, 0], [3, 2]),
]


@pytest.mark.parametrize("as_dict", [False, True])
def test_a_lost_life_is_an_episode_and_a_game_a_record(as_dict):
    venv = VecEpisodicLives(VecMonitor(Scripted(SCRIPT, as_dict)))
    venv.reset()
    steps = [venv.step(np.zeros(2)) for _ in SCRIPT]
    ends = [(t, i) for t, (_, _, dones, _) in enumerate(steps) for i in np.flatnonzero(dones)]
    assert ends == [(1, 0), (2, 1), (4, 0), (5, 1), (6, 0)]
    for t, i in [(1, 0), (4, 0), (5, 1)]:
        last = steps[t][3][i]["terminal_observation"]
        assert (last["a"] if as_dict else last) == t + 1 + 0.5 * i
        assert steps[t][3][i]["TimeLimit.truncated"] is False
    games = [info["episode"] for *_, infos in steps for info in infos if "episode" in info]
    assert [(game["r"], game["l"]) for game in games] == [(-9, 3), (18, 7)]


def test_lives_are_forgotten_with_a_reset():
    venv = VecEpisodicLives(Scripted(SCRIPT))
    venv.reset()
    venv.step(np.zeros(2))
    venv.reset()
    assert not venv.step(np.zeros(2))[2].any()


def test_environments_without_lives_are_told_so():
    venv = VecEpisodicLives(Scripted(SCRIPT, with_lives=False))
    venv.reset()
    with pytest.raises(ValueError, match=r"info\['lives'\]"):
        venv.step(np.zeros(2))


def test_rewards_are_clipped_to_their_sign():
    venv = VecClipReward(Scripted(SCRIPT))
    venv.reset()
    rewards = np.array([venv.step(np.zeros(2))[1] for _ in SCRIPT])
    np.testing.assert_array_equal(rewards, np.sign([script[0] for script in SCRIPT]))


@pytest.mark.ale
@pytest.mark.parametrize("backend", ["ale", "dummy"])
def test_training_sees_lives_and_signs_and_the_monitor_whole_games(backend):
    preset = replace(SCN, noop_max=2)
    venv = make_slot_vec_env("MsPacman", atari_encoder(preset), n_envs=1, backend=backend, seed=1)
    stepped, lives, games, rewards, total = venv.venv, 0, [], [], 0.0
    stepped.reset()  # without the slots, for speed
    for i in range(1500):
        _, reward, dones, infos = stepped.step(np.array([1 + (i // 9) % 4]))
        rewards.append(reward[0])
        games += [info["episode"] for info in infos if "episode" in info]
        lives += int(dones[0])
        assert not dones[0] or "terminal_observation" in infos[0]
        if games:
            break
    total = sum(rewards)
    assert lives == 3
    assert set(rewards) <= {-1, 0, 1}
    assert games[0]["l"] == len(rewards)
    assert games[0]["r"] >= 10 * total  # a pellet is worth 10 or more


class Circles:
    """A policy that turns."""

    def __init__(self):
        self.steps = 0

    def predict(self, obs, **_):
        self.steps += 1
        return np.full(len(obs), 1 + (self.steps // 9) % 4), None


@pytest.mark.ale
def test_evaluation_on_what_is_made_for_training_gives_the_games_scores():
    encoder = atari_encoder(replace(SCN, noop_max=2))
    scores = []
    for training in (True, False):
        venv = make_slot_vec_env("MsPacman", encoder, n_envs=1, seed=1, training=training)
        scores.append(evaluate_policy(Circles(), venv, 1, return_episode_rewards=True))
        venv.close()
    assert scores[0] == scores[1]
    assert scores[0][0][0] >= 60  # pellets of 10; clipped, each would be 1


@pytest.mark.parametrize("wrap", [VecClipReward, VecEpisodicLives])
def test_a_second_monitor_that_would_record_clipped_rewards_is_warned_of(wrap):
    with pytest.warns(UserWarning, match="already wrapped with a `Monitor`"):
        VecMonitor(wrap(VecMonitor(Scripted(SCRIPT))))
    assert wrap(Scripted(SCRIPT)).env_is_wrapped(Monitor) == [False, False]
    assert wrap(VecMonitor(Scripted(SCRIPT))).env_is_wrapped(TimeLimit) == [False, False]
