"""Ids of games seen as slots: what they make, what they take, and their specs."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode

import slotenv
from slotenv import ObjectSlotObservation

OF_EVERY_WRAPPER = (  # what Gymnasium's own are warned of, too
    "ignore:.*different from the unwrapped version",
    "ignore:.*Box observation space (minimum|maximum) value is",
)


def rollout(env, steps=6):
    """Return slots of a reset with seed 3 and of some steps, (steps + 1, ...)."""
    seen = [env.reset(seed=3)[0]]
    seen += [env.step(2 + i % 2)[0] for i in range(steps)]
    env.close()
    return np.stack(seen)


def test_every_ready_made_encoder_has_an_id_and_nothing_else_has():
    ids = [name for name in gym.registry if name.endswith("-slots-v0")]
    assert sorted(name.removesuffix("-slots-v0").lower() for name in ids) == [
        *slotenv.ready.names()
    ]
    assert "MsPacman-slots-v0" in ids
    assert all(f"ALE/{name.removesuffix('-slots-v0')}-v5" in gym.registry for name in ids)


@pytest.mark.ale
@pytest.mark.parametrize("name", ["slotenv:Pong-slots-v0", "Pong-slots-v0"])
def test_an_id_is_the_game_in_the_wrapper(name):
    env = gym.make(name)
    plain = ObjectSlotObservation(gym.make("ALE/Pong-v5"))
    assert env.observation_space == plain.observation_space
    assert env.unwrapped.ale.getRAM().shape == (128,)
    np.testing.assert_array_equal(rollout(env), rollout(plain))


@pytest.mark.ale
def test_arguments_reach_the_game_and_the_wrapper():
    given = {"mode": 1, "difficulty": 3, "full_action_space": True, "render_mode": "rgb_array"}
    env = gym.make("Pong-slots-v0", flatten=True, motion=True, hold=True, **given)
    slots = {"flatten": True, "motion": True, "hold": True}
    plain = ObjectSlotObservation(gym.make("ALE/Pong-v5", **given), **slots)
    assert env.action_space.n == 18
    assert env.observation_space.shape == plain.observation_space.shape
    env.reset()
    assert env.render().shape == (210, 160, 3)
    np.testing.assert_array_equal(rollout(env), rollout(plain))


@pytest.mark.ale
def test_a_spec_makes_the_same_environment_again_also_through_json():
    env = gym.make("slotenv:Pong-slots-v0", motion=True, mode=1)
    shown = rollout(env)
    text = env.spec.to_json()
    for spec in (env.spec, EnvSpec.from_json(text)):
        again = gym.make(spec)
        assert again.spec.to_json() == text
        assert str(again).count("ObjectSlotObservation") == 1
        np.testing.assert_array_equal(rollout(again), shown)


@pytest.mark.ale
def test_an_encoder_of_ones_own_is_taken(tmp_path):
    encoder = slotenv.SlotEncoder.from_pretrained("pong")
    encoder.save_pretrained(tmp_path / "mine")
    shown = rollout(gym.make("Pong-slots-v0"))
    for given in (tmp_path / "mine", encoder):
        np.testing.assert_array_equal(rollout(gym.make("Pong-slots-v0", encoder=given)), shown)


@pytest.mark.ale
@pytest.mark.filterwarnings(*OF_EVERY_WRAPPER)
def test_gymnasium_accepts_it():
    check_env(gym.make("slotenv:Breakout-slots-v0"), skip_render_check=True)


@pytest.mark.ale
@pytest.mark.parametrize("mode", [None, "sync", "async"])
def test_several_games_show_what_single_ones_do(mode):
    envs = gym.make_vec("slotenv:Pong-slots-v0", 2, vectorization_mode=mode, motion=True)
    assert (
        envs.single_observation_space.shape
        == gym.make("Pong-slots-v0", motion=True).observation_space.shape
    )
    seen = [envs.reset(seed=[3, 3])[0]]
    seen += [envs.step(np.array([2 + i % 2] * 2))[0] for i in range(6)]
    single = rollout(gym.make("Pong-slots-v0", motion=True))
    # Sums over thousands of pixels, in another order when frames come in a batch.
    np.testing.assert_allclose(np.stack(seen), np.stack([single, single], axis=1), atol=1e-3)
    envs.close()


@pytest.mark.ale
def test_frames_of_several_games_are_encoded_in_one_batch():
    envs = gym.make_vec("Pong-slots-v0", 2, autoreset_mode="SameStep")
    assert isinstance(envs, slotenv.vector.ObjectSlotObservation)
    assert envs.metadata["autoreset_mode"] == AutoresetMode.SAME_STEP
    envs.close()


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"motoin": True}, TypeError, "motoin"),
        ({"frameskip": 2}, ValueError, "trained on frames 4 emulator frames"),
        ({"encoder": "no/such"}, FileNotFoundError, "no/such"),
    ],
)
@pytest.mark.ale
def test_a_wrong_argument_is_named(given, error, message):
    with pytest.raises(error, match=message):
        gym.make("Pong-slots-v0", **given)
