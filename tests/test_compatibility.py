"""Whether frames are made as in training, by the wrappers around the emulator."""

from __future__ import annotations

import warnings
from dataclasses import replace
from functools import partial

import gymnasium as gym
import pytest
from atari_games import Repeat, atari_encoder, bare_pong
from gymnasium.wrappers import AtariPreprocessing, MaxAndSkipObservation
from stable_baselines3.common.atari_wrappers import MaxAndSkipEnv

from slotenv import ObjectSlotObservation, make_env
from slotenv.frames import SCN, V5, FramePreset

EITHER = replace(V5, max_pool=None)


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
        (EITHER, bare_pong),
        (EITHER, lambda: make_env("Pong", EITHER)),
        (EITHER, lambda: make_env("Pong", SCN)),
        (EITHER, lambda: MaxAndSkipEnv(bare_pong(frameskip=1), 4)),
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
        (EITHER, partial(bare_pong, frameskip=1), "4 emulator frames apart .*are 1 apart"),
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


class MyRewards(gym.RewardWrapper):
    """Does not touch the frames."""

    def reward(self, reward):
        return 2 * reward


class MyPooling(MaxAndSkipEnv):
    """Another name for what is known."""


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
