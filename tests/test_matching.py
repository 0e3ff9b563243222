"""Whether frames are made as in training: on the real emulator, and by its own count."""

from __future__ import annotations

import warnings
from functools import partial

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.wrappers import AtariPreprocessing, MaxAndSkipObservation
from stable_baselines3.common.atari_wrappers import MaxAndSkipEnv

from slotenv import ObjectSlotObservation, make_env
from slotenv.encoders import SlotMapEncoder
from slotenv.frames import SCN, V5, FramePreset, plain
from slotenv.matching import FrameNumberCheck


def atari_encoder(preset):
    return SlotMapEncoder(num_slots=2, slot_dim=2, preprocess=preset)


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
        (SCN, bare_pong, "gives single emulator frames"),
        (V5, lambda: MaxAndSkipEnv(bare_pong(frameskip=1), 4), "gives the maximum of two"),
    ],
)
def test_other_pooling_warns(preset, build, words):
    with pytest.warns(UserWarning, match=words + r".*slotenv\.make_env\("):
        ObjectSlotObservation(build(), atari_encoder(preset))


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
