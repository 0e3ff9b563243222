"""The vector wrapper on the real emulator: ale-py's vector environment and Gymnasium's."""

from __future__ import annotations

from functools import partial

import ale_py
import gymnasium as gym
import numpy as np
import pytest
from ale_py.vector_env import AtariVectorEnv
from atari_games import atari_encoder
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv
from gymnasium.wrappers import MaxAndSkipObservation

from slotenv.frames import SCN
from slotenv.vector import ObjectSlotObservation

gym.register_envs(ale_py)

pytestmark = pytest.mark.ale

NEXT, SAME = AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP


COLOUR = {"img_height": 210, "img_width": 160, "grayscale": False, "stack_num": 1}


def breakout(mode, **more):
    kwargs = {**COLOUR, "maxpool": False, "max_num_frames_per_episode": 24, "num_threads": 1}
    return AtariVectorEnv("breakout", 2, autoreset_mode=mode, **{**kwargs, **more})


@pytest.mark.parametrize("mode", [NEXT, SAME])
@pytest.mark.parametrize("keep_pixels", [False, True])
def test_atari_vector_environments_give_the_slots_of_their_frames(mode, keep_pixels):
    encoder = atari_encoder()
    envs = ObjectSlotObservation(breakout(mode), encoder, motion=True, keep_pixels=keep_pixels)
    raw = breakout(mode)
    # ale-py keeps the mode in a dict that all vector environments share, so make another mode last.
    breakout(SAME if mode == NEXT else NEXT)
    obs, frames = envs.reset(seed=1)[0], raw.reset(seed=1)[0][:, 0]
    previous, ended, finals = encoder.encode(frames), np.zeros(2, bool), 0
    assert obs in envs.observation_space
    for i in range(14):
        actions = np.array([1, 2 + i % 2])
        obs, _, terminated, truncated, infos = envs.step(actions)
        frames, _, _, _, raw_infos = raw.step(actions)
        now, done = encoder.encode(frames[:, 0]), terminated | truncated
        fresh = done if mode == SAME else ended
        change = np.where(fresh[:, None, None], 0, now - previous)
        expected = np.concatenate([now, change], axis=2)
        slots = obs["slots"] if keep_pixels else obs
        np.testing.assert_allclose(slots, expected, atol=1e-5)
        assert "final_obs" in infos or mode == NEXT or not done.any()
        if keep_pixels:
            np.testing.assert_array_equal(obs["pixels"], frames[:, 0])
        if "final_obs" in infos:
            finals += 1
            last_frames = raw_infos["final_obs"][:, 0]
            last = encoder.encode(last_frames)
            last = np.concatenate([last, last - previous], axis=2)[done]
            found = infos["final_obs"]["slots"] if keep_pixels else infos["final_obs"]
            assert found.dtype == np.float32
            np.testing.assert_allclose(found[done], last, atol=1e-5)
            if keep_pixels:
                pixels = infos["final_obs"]["pixels"]
                np.testing.assert_array_equal(pixels[done], last_frames[done])
        previous, ended = now, done
    assert finals == (2 if mode == SAME else 0)


def test_made_by_make_vec_another_frame_skip_or_pooling_is_seen():
    kwargs = {**COLOUR, "num_envs": 1}
    with pytest.raises(ValueError, match=r"4 emulator frames apart .* are 2 apart.*make_vec"):
        ObjectSlotObservation(
            gym.make_vec("ALE/Pong-v5", frameskip=2, maxpool=False, **kwargs), atari_encoder()
        )
    with pytest.warns(UserWarning, match="these are the maximum of two"):
        ObjectSlotObservation(gym.make_vec("ALE/Pong-v5", **kwargs), atari_encoder())
    ObjectSlotObservation(gym.make_vec("ALE/Pong-v5", **kwargs), atari_encoder(SCN))


def test_made_by_hand_another_frame_skip_is_seen_with_the_second_step():
    envs = ObjectSlotObservation(breakout(NEXT, frameskip=3), atari_encoder())
    envs.reset(seed=0)
    envs.step(np.array([0, 0]))
    with pytest.raises(ValueError, match="are 3 apart"):
        envs.step(np.array([0, 0]))
    envs = ObjectSlotObservation(breakout(NEXT), atari_encoder())
    envs.reset(seed=0)
    for _ in range(8):
        envs.step(np.array([0, 0]))


def bare(**kwargs):
    return gym.make("ALE/Pong-v5", disable_env_checker=True, **kwargs)


@pytest.mark.parametrize("cls", [SyncVectorEnv, AsyncVectorEnv])
def test_the_make_up_of_environments_inside_is_seen(cls):
    envs = cls([partial(bare, frameskip=1)])
    with pytest.raises(ValueError, match="are 1 apart"):
        ObjectSlotObservation(envs, atari_encoder())
    envs.close()
    envs = cls([lambda: MaxAndSkipObservation(bare(frameskip=1), 4)])
    with pytest.warns(UserWarning, match="these are the maximum of two"):
        ObjectSlotObservation(envs, atari_encoder())
    envs.close()


@pytest.mark.parametrize(
    "changes",
    [{"grayscale": True}, {"stack_num": 4}, {"img_height": 84, "img_width": 84}],
    ids=str,
)
def test_other_atari_frames_are_told_what_to_pass(changes):
    with pytest.raises(ValueError, match=r"img_height=210, img_width=160, grayscale=False, stack_"):
        ObjectSlotObservation(breakout(NEXT, **changes), atari_encoder())


@pytest.mark.parametrize("mode", [NEXT, SAME])
@pytest.mark.parametrize("keep_pixels", [False, True])
def test_a_lost_life_ends_with_the_frame_on_the_screen(mode, keep_pixels):
    """ale-py leaves what it returns as the last frame of a life unwritten."""
    encoder, more = atari_encoder(), {"life_loss_info": True, "max_num_frames_per_episode": 300}
    envs = ObjectSlotObservation(breakout(mode, **more), encoder, keep_pixels=keep_pixels)
    raw = breakout(mode, **more)
    envs.reset(seed=1)
    frames, before = raw.reset(seed=1)
    lives, games = 0, 0
    for i in range(160):
        actions = np.array([1 if i % 6 == 0 else 2, 1 if i % 5 == 0 else 3])
        *_, infos = envs.step(actions)
        last, (frames, _, terminated, truncated, now) = frames, raw.step(actions)
        for row in np.flatnonzero(terminated | truncated):
            lost = now["lives"][row] < before["lives"][row]
            lives, games = lives + lost, games + (not lost)
            if mode == SAME:
                found = infos["final_obs"]["slots"] if keep_pixels else infos["final_obs"]
                frame = (frames if lost else last)[row]
                np.testing.assert_allclose(found[row], encoder.encode(frame)[0], atol=1e-5)
                if keep_pixels:
                    np.testing.assert_array_equal(infos["final_obs"]["pixels"][row], frame[0])
        before = now
    assert lives >= 4
    assert games >= 2


@pytest.mark.parametrize("seed", [np.int64(3), np.array([3, 4]), [3, np.int32(4)]], ids=repr)
def test_seeds_may_be_numpys(seed):
    def first(envs, value):
        return ObjectSlotObservation(envs, atari_encoder()).reset(seed=value)[0]

    for build in (lambda: breakout(NEXT, noop_max=30), lambda: SyncVectorEnv([bare] * 2)):
        np.testing.assert_array_equal(first(build(), seed), first(build(), 3))


def test_some_of_the_environments_at_a_time_are_refused():
    with pytest.raises(ValueError, match=r"returns 1 of 2 .*Leave out batch_size"):
        ObjectSlotObservation(breakout(NEXT, batch_size=1), atari_encoder())


def test_a_reset_of_some_leaves_the_others_as_they_were():
    envs = ObjectSlotObservation(breakout(NEXT), atari_encoder(), motion=True)
    envs.reset(seed=0)
    for _ in range(3):
        before, *_ = envs.step(np.array([1, 1]))
    assert before[..., 3:].any(axis=(1, 2)).all()
    after, _ = envs.reset(options={"reset_mask": np.array([True, False])})
    assert not after[0, :, 3:].any()
    np.testing.assert_array_equal(after[1], before[1])
