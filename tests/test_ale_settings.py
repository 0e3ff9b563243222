"""Modes, difficulties, action sets and the other settings of ALE's, wherever a game is made."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import gymnasium as gym
import numpy as np
import pytest
from ale_py import Action
from atari_games import atari_encoder, bare_pong
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv
from stable_baselines3.common.vec_env import DummyVecEnv

from slotenv import ObjectSlotObservation, make_env
from slotenv.environments import AtariStack, own_settings
from slotenv.frames import SCN, V5
from slotenv.sb3 import AtariVecEnv, VecObjectSlotObservation, make_slot_vec_env
from slotenv.vector import ObjectSlotObservation as VectorSlots

pytestmark = pytest.mark.ale

PRESETS = pytest.mark.parametrize("preset", [V5, SCN], ids=lambda preset: preset.name)
SETTINGS = pytest.mark.parametrize(
    "settings",
    [
        {"mode": 1},
        {"difficulty": 3},
        {"full_action_space": True},
        {"continuous": True},
        {"repeat_action_probability": 0.0},
        {"render_mode": "rgb_array"},
        {"max_num_frames_per_episode": 40},
    ],
    ids=str,
)
FORMS = {
    "single": lambda **settings: ObjectSlotObservation(bare_pong(**settings), atari_encoder()),
    "sync": lambda **settings: VectorSlots(
        SyncVectorEnv([partial(bare_pong, **settings)] * 2), atari_encoder()
    ),
    "async": lambda **settings: VectorSlots(
        AsyncVectorEnv([partial(bare_pong, **settings)] * 2), atari_encoder()
    ),
    "make_vec": lambda **settings: VectorSlots(
        gym.make_vec("ALE/Pong-v5", 2, vectorization_mode="sync", **settings), atari_encoder()
    ),
    "dummy": lambda **settings: VecObjectSlotObservation(
        DummyVecEnv([partial(bare_pong, **settings)] * 2), atari_encoder()
    ),
}
WITH_SLOTS = pytest.mark.parametrize("build", FORMS.values(), ids=FORMS.keys())


def rams(env, actions, seed=0):
    """Return the console's memory after each action."""
    env.reset(seed=seed)
    seen = []
    for action in actions:
        env.step(action)
        seen.append(env.unwrapped.ale.getRAM())
    return np.stack(seen)


@WITH_SLOTS
@SETTINGS
def test_slots_come_with_every_setting(build, settings):
    env = build(**settings)
    env.reset()
    space = env.action_space
    action = space.sample()
    if isinstance(env, VecObjectSlotObservation):
        action = np.stack([space.sample(), space.sample()])
    assert np.isfinite(env.step(action)[0]).all()
    env.close()


@WITH_SLOTS
@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"frameskip": (2, 5)}, r"trained on frames 4 .* are 2 to 4 \(random\) apart"),
        ({"frameskip": 2}, "are 2 apart"),
        ({"obs_type": "ram"}, r"got shape \(128,\)\. .*memory: use obs_type='rgb'"),
        ({"obs_type": "grayscale"}, r"got shape \(210, 160\)\. .*grey frames: use obs_type='rgb'"),
    ],
    ids=str,
)
def test_frames_that_no_encoder_knows_are_refused(build, settings, words):
    with pytest.raises(ValueError, match=words):
        build(**settings)


@PRESETS
@pytest.mark.parametrize("settings", [{"mode": 1}, {"difficulty": 3}], ids=str)
def test_make_env_plays_the_mode_and_the_difficulty(preset, settings):
    preset = replace(preset, noop_max=0, fire_on_reset=False, repeat_action_probability=0.0)
    actions = [1, 2, 3] * 20
    ours = rams(make_env("ALE/Pong-v5", preset, **settings), actions)
    theirs = rams(bare_pong(repeat_action_probability=0.0, **settings), actions)
    np.testing.assert_array_equal(ours, theirs)
    assert (ours != rams(make_env("ALE/Pong-v5", preset), actions)).any()


@PRESETS
def test_a_spec_keeps_the_settings(preset):
    env = make_env("Pong", preset, mode=1, difficulty=3, full_action_space=True)
    again = gym.make(type(env.spec).from_json(env.spec.to_json()))
    assert again.action_space == env.action_space == gym.spaces.Discrete(18)
    np.testing.assert_array_equal(rams(again, [3] * 20), rams(env, [3] * 20))


@PRESETS
def test_continuous_actions_are_the_joystick(preset):
    """Far to the right is RIGHT, the fourth action of all 18."""
    preset = replace(preset, repeat_action_probability=0.0)
    right = np.array([1.0, 0.0, 0.0], np.float32)
    stick = make_env("Pong", preset, continuous=True)
    buttons = make_env("Pong", preset, full_action_space=True)
    np.testing.assert_array_equal(rams(stick, [right] * 30), rams(buttons, [3] * 30))


@PRESETS
@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"mode": 77}, ValueError, "Pong has modes 0, 1 and difficulties 0, 1, 2, 3"),
        ({"difficulty": 9}, ValueError, "Invalid difficulty requested. Pong has modes 0, 1"),
        ({"moed": 1}, TypeError, "moed"),
        ({"frameskip": 2}, ValueError, r"dataclasses\.replace\(preset, frame_skip="),
        ({"repeat_action_probability": 0}, ValueError, r"replace\(preset, repeat_action_prob"),
        ({"obs_type": "ram"}, ValueError, "obs_type is not a setting of make_env: .*leave it out"),
        ({"sound_obs": True}, ValueError, "sound_obs is not a setting of make_env"),
    ],
    ids=str,
)
def test_settings_that_cannot_be_are_refused(preset, settings, error, words):
    with pytest.raises(error, match=words):
        make_env("ALE/Pong-v5", preset, **settings)


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({}, ValueError, "make the game with frameskip=1, got 4"),
        ({"frameskip": (2, 5)}, ValueError, r"frameskip=1, got \(2, 5\)"),
        ({"frameskip": 1, "obs_type": "ram"}, TypeError, r"colour screen .*Box\(0, 255, \(128,\)"),
        ({"frameskip": 1, "obs_type": "grayscale"}, TypeError, "the colour screen alone"),
        ({"frameskip": 1, "sound_obs": True}, TypeError, "sound_obs=False.*got observations Dict"),
    ],
    ids=str,
)
def test_the_stack_refuses_what_it_would_not_show(settings, error, words):
    with pytest.raises(error, match=words):
        AtariStack(bare_pong(**settings))


def test_the_stack_is_for_games():
    with pytest.raises(TypeError, match="for games of ALE's, got CartPoleEnv"):
        AtariStack(gym.make("CartPole-v1"))


@pytest.mark.parametrize("game", ["Backgammon", "VideoCheckers", "Pong"])
def test_no_ops_and_fire_are_the_consoles(game):
    """The smallest action set of the first two begins with FIRE and has no NOOP."""
    bare = partial(
        gym.make,
        f"ALE/{game}-v5",
        frameskip=1,
        repeat_action_probability=0.0,
        disable_env_checker=True,
    )
    env, plain = AtariStack(bare(), noop_max=30, fire_on_reset=True), bare().unwrapped
    meanings = plain.get_action_meanings()
    for seed in range(3):
        _, info = env.reset(seed=seed)
        begun = plain.reset(seed=seed)[1]["episode_frame_number"]  # ALE starts some games itself
        fire = meanings.index("FIRE")
        for _ in range(info["episode_frame_number"] - begun - 2):
            plain.ale.act(Action.NOOP)
        for meaning in meanings[fire : fire + 2]:
            plain.ale.act(Action[meaning])
        np.testing.assert_array_equal(env.unwrapped.ale.getRAM(), plain.ale.getRAM())


@PRESETS
@pytest.mark.parametrize("backend", [None, "dummy", "subproc"])
def test_the_whole_stack_takes_settings(preset, backend):
    venv = make_slot_vec_env(
        "ALE/Pong-v5",
        atari_encoder(preset),
        n_envs=2,
        backend=backend,
        env_kwargs={"mode": 1, "full_action_space": True},
    )
    assert venv.action_space.n == 18
    assert venv.env_method("get_wrapper_attr", "_game_mode") == [1, 1]
    venv.reset()
    assert np.isfinite(venv.step(np.array([17, 3]))[0]).all()
    venv.close()


def test_ales_threads_take_no_settings():
    with pytest.raises(ValueError, match=r"without env_kwargs, got .*'mode': 1.* Leave backend"):
        make_slot_vec_env("Pong", atari_encoder(), backend="ale", env_kwargs={"mode": 1})
    venv = make_slot_vec_env("Pong", atari_encoder(), n_envs=1, env_kwargs={})
    assert isinstance(venv.unwrapped, AtariVecEnv)
    venv.close()


def test_an_id_of_ones_own_keeps_its_settings(monkeypatch):
    kwargs = {"game": "pong", "obs_type": "rgb", "frameskip": 4, "mode": 1, "difficulty": 3}
    spec = gym.envs.registration.EnvSpec("Pong-v9", "ale_py.env:AtariEnv", kwargs=kwargs)
    monkeypatch.setitem(gym.registry, "Pong-v9", spec)
    with make_env("Pong-v9", V5) as env:
        assert env.spec.kwargs["mode"] == 1
        assert env.spec.kwargs["difficulty"] == 3
    with make_env("Pong-v9", V5, mode=0) as env:
        assert env.spec.kwargs["mode"] == 0
    with pytest.raises(ValueError, match="Pong-v9 is registered with mode=1, difficulty=3"):
        AtariVecEnv("Pong-v9", 1, preset=V5)
    venv = make_slot_vec_env("Pong-v9", atari_encoder(V5), n_envs=1)
    assert isinstance(venv.unwrapped, DummyVecEnv)
    venv.close()
    for plain in ("ALE/Pong-v5", "PongNoFrameskip-v4", "pong", "CartPole-v1"):
        assert own_settings(plain) == {}
