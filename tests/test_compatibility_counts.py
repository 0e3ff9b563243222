"""Whether frames are as far apart as in training, by the emulator's count of them."""

from __future__ import annotations

import warnings
from functools import partial

import numpy as np
import pytest
from atari_games import Repeat, atari_encoder, bare_pong
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv

from slotenv import ObjectSlotObservation
from slotenv.compatibility import FrameNumberCheck
from slotenv.frames import SCN, V5, plain
from slotenv.sb3 import VecObjectSlotObservation
from slotenv.vector import ObjectSlotObservation as VectorSlots


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
