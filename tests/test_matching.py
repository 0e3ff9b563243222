"""Whether it is the game, and frames are made, as in training: on the emulator and by its count."""

from __future__ import annotations

import warnings
from functools import partial

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv
from gymnasium.wrappers import AtariPreprocessing, MaxAndSkipObservation
from stable_baselines3.common.atari_wrappers import MaxAndSkipEnv
from stable_baselines3.common.vec_env import DummyVecEnv

from slotenv import ObjectSlotObservation, make_env
from slotenv.encoders import SlotMapEncoder
from slotenv.frames import SCN, V5, FramePreset, plain
from slotenv.matching import FrameNumberCheck, check_game
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
        lambda encoder: make_slot_vec_env("Pong", encoder, n_envs=1, subprocesses=True),
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
    steps(FrameNumberCheck(V5, user="me"), (4, 7), (8, 11), (9, 12))  # two steps are enough
    with pytest.raises(
        ValueError, match=r"me: .* 4 emulator frames apart .*are 3 apart.*skip of 4"
    ):
        steps(FrameNumberCheck(V5, user="me"), (4, 7), (8, 10))


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
