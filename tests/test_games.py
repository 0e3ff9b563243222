"""What the environments in one are called, wherever they run."""

from __future__ import annotations

from functools import partial

import gymnasium as gym
import numpy as np
import pytest
from fake_envs import SPRITES, SpritesEnv
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv

from slotenv.games import in_this_process, name_of, names_of

Processes = partial(SubprocVecEnv, start_method="fork")  # the fastest


class Played(SpritesEnv):
    """Names its game as ale-py's environments do."""

    def __init__(self, game: str) -> None:
        super().__init__()
        self._game = game


def plays(game):
    return partial(Played, game)


def changed():
    """Its spec names a lambda, which cannot be sent from one process to another."""
    return gym.wrappers.TransformReward(gym.make("tests/Mine-v0"), lambda reward: reward)


@pytest.fixture(autouse=True)
def mine():
    gym.register("tests/Mine-v0", entry_point=plays("ms_pacman"))
    yield
    del gym.registry["tests/Mine-v0"]


def test_a_game_goes_before_an_id_and_an_id_before_nothing():
    assert name_of(changed()) == "ms_pacman"
    assert name_of(gym.wrappers.TimeLimit(Played("pong"), 5)) == "pong"
    assert name_of(gym.make(SPRITES)) == SPRITES
    assert name_of(SpritesEnv()) is None
    assert names_of(gym.make(SPRITES)) == (SPRITES,)


@pytest.mark.parametrize("kind", [SyncVectorEnv, DummyVecEnv, AsyncVectorEnv, Processes])
@pytest.mark.parametrize(
    ("makers", "names"),
    [
        ([plays("pong"), plays("pong")], ("pong",)),
        ([plays("pong"), plays("breakout"), plays("pong")], ("pong", "breakout")),
        ([SpritesEnv], (None,)),
    ],
)
def test_a_vector_is_called_what_is_in_it(kind, makers, names):
    envs = kind(makers)
    here = kind in (SyncVectorEnv, DummyVecEnv)
    assert len(in_this_process(envs)) == here * len(makers)
    assert names_of(envs) == names
    obs = envs.reset()  # those in processes are alive, and none waits for an answer
    assert np.shape(obs[0] if isinstance(obs, tuple) else obs) == (len(makers), 84, 84, 3)
    envs.close()


@pytest.mark.parametrize("kind", [AsyncVectorEnv, Processes])
def test_one_in_processes_without_a_game_leaves_them_all_without_a_name(kind):
    envs = kind([plays("pong"), SpritesEnv])
    assert names_of(envs) == (None,)
    envs.reset()
    envs.close()


@pytest.mark.parametrize("kind", [partial(AsyncVectorEnv, context="fork"), Processes])
def test_what_cannot_leave_its_process_is_named(kind):
    envs = kind([changed])  # forked, so that its id is registered there
    assert names_of(envs) == ("ms_pacman",)
    envs.close()


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_vectors_that_were_made_by_name_know_it(mode):
    envs = gym.make_vec(SPRITES, num_envs=2, vectorization_mode=mode)
    assert names_of(envs) == (SPRITES,)
    envs.close()
