"""Whether it is the game, and frames are made, as in training: on the emulator and by its count."""

from __future__ import annotations

import re
import warnings
from functools import partial

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv
from gymnasium.wrappers import AtariPreprocessing, MaxAndSkipObservation
from stable_baselines3.common.atari_wrappers import MaxAndSkipEnv
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv

from slotenv import ObjectSlotObservation, make_env
from slotenv.compatibility import FrameNumberCheck, check_game
from slotenv.encoders import SlotMapEncoder
from slotenv.frames import SCN, V5, FramePreset, plain
from slotenv.sb3 import VecObjectSlotObservation, make_slot_vec_env
from slotenv.vector import ObjectSlotObservation as VectorSlots


def atari_encoder(preset):
    return SlotMapEncoder(num_slots=2, slot_dim=2, preprocess=preset)


COLOUR = {"img_height": 210, "img_width": 160, "grayscale": False, "stack_num": 1, "maxpool": False}


def bare_pong(**kwargs):
    return gym.make("ALE/Pong-v5", disable_env_checker=True, **kwargs)


@pytest.mark.ale
@pytest.mark.parametrize(
    ("preset", "build"),
    [
        (V5, bare_pong),
        (SCN, lambda: MaxAndSkipEnv(bare_pong(frameskip=1), 4)),
        (SCN, lambda: MaxAndSkipObservation(bare_pong(frameskip=1), 4)),
        (SCN, lambda: make_env("Pong", SCN)),
        (
            SCN,
            lambda: AtariPreprocessing(
                bare_pong(frameskip=1), frame_skip=4, screen_size=(160, 210), grayscale_obs=False
            ),
        ),
        (FramePreset(name="plain", height=210, width=160), bare_pong),
    ],
)
def test_frames_made_as_in_training_pass_in_silence(preset, build):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        env = ObjectSlotObservation(build(), atari_encoder(preset))
    assert env.reset(seed=0)[0] in env.observation_space


@pytest.mark.ale
@pytest.mark.parametrize(
    ("preset", "build", "words"),
    [
        (V5, partial(bare_pong, frameskip=1), "4 emulator frames apart .*are 1 apart"),
        (SCN, lambda: MaxAndSkipEnv(bare_pong(), 4), "are 16 apart"),
        (V5, partial(bare_pong, frameskip=(2, 5)), r"are 2 to 4 \(random\) apart"),
    ],
)
def test_another_frame_skip_is_refused(preset, build, words):
    with pytest.raises(ValueError, match=words + r".*slotenv\.make_env\(.*encoder\.preprocess"):
        ObjectSlotObservation(build(), atari_encoder(preset))


@pytest.mark.ale
@pytest.mark.parametrize(
    ("preset", "build", "words"),
    [
        (SCN, bare_pong, "these are single emulator frames"),
        (V5, lambda: MaxAndSkipEnv(bare_pong(frameskip=1), 4), "these are the maximum of two"),
    ],
)
def test_other_pooling_warns(preset, build, words):
    with pytest.warns(UserWarning, match=words + r".*slotenv\.make_env\("):
        ObjectSlotObservation(build(), atari_encoder(preset))


class Repeat(gym.Wrapper):
    """A frame skip of a user's own; it cuts a step short with the episode, as they do."""

    def __init__(self, env, times=4):
        super().__init__(env)
        self.times = times

    def step(self, action):
        for _ in range(self.times):
            frame, reward, terminated, truncated, info = self.env.step(action)
            if terminated or truncated:
                break
        return frame, reward, terminated, truncated, info


class MyRewards(gym.RewardWrapper):
    """Does not touch the frames."""

    def reward(self, reward):
        return 2 * reward


class MyPooling(MaxAndSkipEnv):
    """Another name for what is known."""


def one(env, encoder):
    wrapped = ObjectSlotObservation(env(), encoder)
    return wrapped.reset, lambda: wrapped.step(0)


def many(cls):
    def build(env, encoder):
        wrapped = VectorSlots(cls([env, env]), encoder)
        return wrapped.reset, lambda: wrapped.step(np.array([0, 0]))

    return build


def sb3(cls):
    def build(env, encoder):
        wrapped = VecObjectSlotObservation(cls([env, env]), encoder)
        return wrapped.reset, lambda: wrapped.step(np.array([0, 0]))

    return build


FORMS = [
    pytest.param(one, id="one"),
    pytest.param(many(SyncVectorEnv), id="sync"),
    pytest.param(many(AsyncVectorEnv), id="async"),
    pytest.param(sb3(DummyVecEnv), id="dummy"),
    pytest.param(sb3(partial(SubprocVecEnv, start_method="fork")), id="subproc"),
]


@pytest.mark.ale
@pytest.mark.parametrize("form", FORMS)
def test_an_own_frame_skip_is_counted_by_the_emulator(form):
    reset, step = form(lambda: Repeat(bare_pong()), atari_encoder(V5))
    reset()
    if form is not one:  # a vector environment does not tell the number after a reset
        step()
    with pytest.raises(ValueError, match=r"4 emulator frames apart .* are 16 apart"):
        step()


@pytest.mark.ale
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("preset", [SCN, V5], ids=lambda preset: preset.name)
def test_an_own_frame_skip_that_fits_is_accepted_in_silence(form, preset):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        reset, step = form(lambda: Repeat(bare_pong(frameskip=1)), atari_encoder(preset))
        for steps in (3, 12):  # once in the middle of the steps that are looked at, once beyond
            reset()
            for _ in range(steps):
                step()


@pytest.mark.ale
def test_a_step_cut_short_by_the_end_of_a_game_is_no_other_frame_skip():
    def short():
        return Repeat(bare_pong(frameskip=1, max_num_frames_per_episode=6))

    env = ObjectSlotObservation(short(), atari_encoder(V5))
    for _ in range(3):
        env.reset()
        assert [env.step(0)[3] for _ in range(2)] == [False, True]
    for mode in (AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP):
        envs = VectorSlots(SyncVectorEnv([short] * 2, autoreset_mode=mode), atari_encoder(V5))
        envs.reset()
        assert sum(envs.step(np.array([0, 0]))[3].any() for _ in range(9)) >= 3
    venv = VecObjectSlotObservation(DummyVecEnv([short] * 2), atari_encoder(V5))
    venv.reset()
    assert sum(venv.step(np.array([0, 0]))[2].any() for _ in range(9)) == 4


@pytest.mark.ale
def test_wrappers_that_step_once_are_seen_through():
    with pytest.raises(ValueError, match="are 1 apart"):
        ObjectSlotObservation(MyRewards(bare_pong(frameskip=1)), atari_encoder(V5))
    with pytest.warns(UserWarning, match="these are single emulator frames"):
        ObjectSlotObservation(MyRewards(bare_pong()), atari_encoder(SCN))
    with pytest.raises(ValueError, match="are 16 apart"):
        ObjectSlotObservation(MyPooling(bare_pong(), 4), atari_encoder(SCN))
    with pytest.warns(UserWarning, match="these are single emulator frames"):
        ObjectSlotObservation(Repeat(bare_pong(), 1), atari_encoder(SCN))


@pytest.mark.ale
@pytest.mark.parametrize("cls", [SyncVectorEnv, DummyVecEnv])
def test_each_game_of_a_vector_is_looked_at(cls):
    encoder = atari_encoder(V5)
    encoder.provenance = {"env_id": "ALE/Pong-v5"}
    wrap = VectorSlots if cls is SyncVectorEnv else VecObjectSlotObservation

    def other(game):
        return gym.make(f"ALE/{game}-v5", disable_env_checker=True, full_action_space=True)

    games = ("Pong", "Breakout", "Enduro", "Enduro")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        wrap(cls([partial(other, game) for game in games]), encoder)
    shown = [re.findall(r"frames of (\w+):", str(warning.message)) for warning in told]
    assert shown == [["Breakout"], ["Enduro"]]
    with pytest.raises(ValueError, match="are 2 apart"):
        wrap(cls([bare_pong, partial(bare_pong, frameskip=2)]), encoder)


@pytest.mark.parametrize(
    ("env_id", "trained_on"),
    [
        ("ALE/MsPacman-v5", "ms_pacman"),
        ("PongNoFrameskip-v4", "ALE/Pong-v5"),
        ("Dots-v1", "envs.dots:Dots-v0"),
        ("dots", "dots"),
        (None, "Pong"),
        ("Pong", None),
    ],
)
def test_one_game_by_two_names_is_the_same(env_id, trained_on):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_game(env_id, trained_on, user="me")


@pytest.mark.parametrize(
    ("env_id", "trained_on", "words"),
    [
        ("ALE/Pong-v5", "Breakout", "me: .* trained on Breakout, these are frames of Pong"),
        ("envs:Dots-v0", "Lines-v0", "trained on Lines, these are frames of Dots"),
        ("ALE/Pong-v5", "Pongs-v0", "trained on Pongs, these are frames of Pong"),
        ("Blackjack-v1", "ALE/Blackjack-v5", "on ALE/Blackjack-v5, .* frames of Blackjack-v1"),
    ],
)
def test_another_game_warns(env_id, trained_on, words):
    with pytest.warns(UserWarning, match=words):
        check_game(env_id, trained_on, user="me")


@pytest.mark.ale
@pytest.mark.parametrize(
    "build",
    [
        lambda encoder: ObjectSlotObservation(bare_pong(), encoder),
        lambda encoder: VectorSlots(gym.make_vec("ALE/Pong-v5", 2, **COLOUR), encoder),
        lambda encoder: VectorSlots(SyncVectorEnv([bare_pong]), encoder),
        lambda encoder: VectorSlots(AsyncVectorEnv([bare_pong]), encoder),
        lambda encoder: VecObjectSlotObservation(DummyVecEnv([bare_pong]), encoder),
        lambda encoder: make_slot_vec_env("Pong", encoder, n_envs=1),
        lambda encoder: make_slot_vec_env("Pong", encoder, n_envs=1, backend="subproc"),
    ],
)
def test_every_wrapper_warns_of_another_game(build):
    encoder = atari_encoder(V5)
    encoder.provenance = {"env_id": "ALE/Pong-v5"}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        build(encoder).close()
    encoder.provenance = {"env_id": "ALE/Breakout-v5"}
    with pytest.warns(UserWarning, match="trained on Breakout, these are frames of Pong"):
        build(encoder).close()


@pytest.mark.ale
def test_a_saved_encoder_is_known_by_its_game():
    with pytest.warns(UserWarning, match="trained on Breakout, these are frames of Pong"):
        ObjectSlotObservation(make_env("Pong", SCN), "breakout")


NONE, FIRST = np.array([False, False]), np.array([True, False])


def steps(check, *numbers, ended=None):
    for i, pair in enumerate(numbers):
        check.step(None if pair is None else np.array(pair), (ended or {}).get(i, NONE))


def test_frame_numbers_tell_the_frame_skip():
    first = [(4 * i, 4 * i + 3) for i in range(1, 10)]
    steps(FrameNumberCheck(V5, user="me"), *first, (37, 40))  # eight steps are enough
    with pytest.raises(ValueError, match="are 1 apart"):
        steps(FrameNumberCheck(V5, user="me"), *first[:8], (33, 36))
    with pytest.raises(
        ValueError, match=r"me: .* 4 emulator frames apart .*are 3 apart.*skip of 4"
    ):
        steps(FrameNumberCheck(V5, user="me"), (4, 7), (8, 10))


def test_frame_numbers_that_are_not_told_tell_nothing():
    steps(FrameNumberCheck(V5, user="me"), (4, -1), (8, 5), (12, -1), (16, 7))


def test_frame_numbers_of_ended_episodes_tell_nothing():
    check = FrameNumberCheck(V5, user="me")
    steps(check, (4, 4), (6, 8), ended={1: FIRST})
    check = FrameNumberCheck(V5, user="me")
    steps(check, (2, 4), (1, 8), ended={0: FIRST})
    with pytest.raises(ValueError, match="are 3 apart"):
        steps(FrameNumberCheck(V5, user="me"), (4, 7), (6, 10), ended={1: FIRST})


def test_frame_numbers_are_forgotten_with_a_reset():
    check = FrameNumberCheck(V5, user="me")
    steps(check, (40, 40))
    check.reset()
    steps(check, (4, 4), (8, 8))


def test_without_frame_numbers_or_an_atari_preset_nothing_is_said():
    steps(FrameNumberCheck(V5, user="me"), None, None)
    steps(FrameNumberCheck(plain(84, 84), user="me"), (4, 7), (5, 8))
