"""The VecEnv wrapper: against raw frames, and among the wrappers of Stable-Baselines3."""

from __future__ import annotations

import sys
import types
from functools import partial

import gymnasium as gym
import numpy as np
import pytest
import torch
from fake_envs import SPRITES, SpritesEnv
from gymnasium.wrappers import TimeLimit
from spots import SpotEncoder, TrackedByHand
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import EvalCallback
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.vec_env import (
    DummyVecEnv,
    SubprocVecEnv,
    VecFrameStack,
    VecMonitor,
    VecNormalize,
    VecTransposeImage,
    VecVideoRecorder,
)

from slotenv import ObjectSlotObservation
from slotenv.sb3 import VecObjectSlotObservation

LENGTHS = (3, 5, 50)  # the first ends, the second is cut off, the third goes on


def make_sprites(steps, **kwargs):
    """Return a maker that processes can import."""
    cut = {"max_episode_steps": 5, "episode_steps": 100} if steps == 5 else {"episode_steps": steps}
    more = {"disable_env_checker": True, **cut, **kwargs}
    return partial(gym.make, f"fake_envs:{SPRITES}", **more)


def raw(cls=DummyVecEnv, **kwargs):
    venv = cls([make_sprites(steps, **kwargs) for steps in LENGTHS])
    venv.seed(5)
    return venv


def play(venv, steps=12):
    seen = [(venv.reset(), None, None, [{}] * 3)]
    seen += [venv.step(np.array([i % 4, 1, 3])) for i in range(steps)]
    venv.close()
    return seen


DICTS = {"flatten": True, "keep_pixels": True}


@pytest.mark.parametrize(
    ("kind", "layout"),
    [
        ("dummy", {}),
        ("dummy", DICTS),
        ("transposed", {}),
        ("channels first", DICTS),
        ("processes", {}),
    ],
)
def test_every_observation_is_the_encoding_of_its_frame(tiny_encoder_folder, kind, layout):
    build = {
        "dummy": raw,
        "transposed": lambda: VecTransposeImage(raw()),
        "channels first": partial(raw, channels_first=True),
        "processes": partial(raw, SubprocVecEnv),
    }[kind]
    encoder = tiny_encoder_folder
    venv = VecObjectSlotObservation(build(), encoder, motion=True, **layout)
    space, ended = venv.observation_space, 0
    assert space["slots"].shape == (24,) if layout else space.shape == (3, 8)
    frames, seen = play(raw() if kind == "processes" else build()), play(venv)
    encode = venv._encoder.get().encode
    previous, fresh = None, True
    for (pixels, rewards, dones, infos), (obs, *others) in zip(frames, seen, strict=True):
        now = encode(pixels if pixels.shape[-1] == 3 else pixels.transpose(0, 2, 3, 1))
        dones = np.ones(3, bool) if dones is None else dones
        change = np.where(dones[:, None, None], 0, now - (now if fresh else previous))
        expected = np.concatenate([now, change], axis=2)
        slots = obs["slots"].reshape(3, 3, 8) if layout else obs
        np.testing.assert_allclose(slots, expected, atol=1e-5)
        assert all(
            ({k: o[i] for k, o in obs.items()} if layout else obs[i]) in space for i in range(3)
        )
        if layout:
            np.testing.assert_array_equal(obs["pixels"], pixels)
        if not fresh:
            np.testing.assert_array_equal(others[0], rewards)
            np.testing.assert_array_equal(others[1], dones)
        for i, info in enumerate(infos):
            found = others[2][i].get("terminal_observation")
            assert (found is None) == ("terminal_observation" not in info)
            if found is None:
                continue
            ended += 1
            last = info["terminal_observation"]
            final = encode((last if last.shape[-1] == 3 else last.transpose(1, 2, 0))[None])[0]
            final = np.concatenate([final, final - previous[i]], axis=1)
            assert found in space
            if layout:
                np.testing.assert_array_equal(found["pixels"], last)
            slots = found["slots"].reshape(3, 8) if layout else found
            np.testing.assert_allclose(slots, final, atol=1e-5)
            assert others[2][i]["TimeLimit.truncated"] == info["TimeLimit.truncated"]
        previous, fresh = now, False
    assert ended == 6


def test_it_gives_what_a_wrapper_around_each_environment_gives(tiny_encoder):
    each = DummyVecEnv(
        [
            lambda n=n: ObjectSlotObservation(make_sprites(n)(), tiny_encoder, motion=True)
            for n in LENGTHS
        ]
    )
    each.seed(5)
    seen = play(VecObjectSlotObservation(raw(), tiny_encoder, motion=True))
    for (obs, *_, infos), (expected, *_, expected_infos) in zip(seen, play(each), strict=True):
        np.testing.assert_allclose(obs, expected, atol=1e-5)
        for info, expected_info in zip(infos, expected_infos, strict=True):
            assert info.keys() == expected_info.keys()
            if "terminal_observation" in info:
                last = expected_info["terminal_observation"]
                np.testing.assert_allclose(info["terminal_observation"], last, atol=1e-5)


@pytest.mark.parametrize(
    ("hold", "motion", "layout"), [(True, False, {}), (False, True, {}), (True, True, DICTS)]
)
def test_what_was_seen_is_kept_within_an_episode(tiny_preset, hold, motion, layout):
    encoder = SpotEncoder(preprocess=tiny_preset)
    venv = VecObjectSlotObservation(raw(), encoder, hold=hold, motion=motion, **layout)
    width = 6 if motion else 4
    hands = [TrackedByHand(hold=hold, motion=motion) for _ in LENGTHS]

    def check(row, observed, frame, *, first):
        slots = (observed["slots"] if layout else observed).reshape(3, width)
        expected = hands[row].observe(encoder.encode(frame[None])[0], first=first)
        np.testing.assert_allclose(slots, expected, rtol=1e-5, atol=1e-4)

    ended = 0
    for (pixels, _, dones, infos), (obs, *_, seen) in zip(
        play(raw(), 40), play(venv, 40), strict=True
    ):
        for row in range(3):
            if "terminal_observation" in infos[row]:
                ended += 1
                last = [info[row]["terminal_observation"] for info in (seen, infos)]
                check(row, *last, first=False)
            observed = {key: part[row] for key, part in obs.items()} if layout else obs[row]
            assert observed in venv.observation_space
            check(row, observed, pixels[row], first=dones is None or dones[row])
    assert ended == 21
    assert len(set.union(*(hand.cases for hand in hands))) == 5


def test_observations_are_never_the_same_array(tiny_encoder):
    venv = VecObjectSlotObservation(raw(), tiny_encoder, motion=True)
    first = venv.reset()
    before = first.copy()
    second, *_ = venv.step(np.array([1, 1, 1]))
    assert not np.shares_memory(first, second)
    np.testing.assert_array_equal(first, before)


def slot_env(encoder, **kwargs):
    return VecObjectSlotObservation(raw(), encoder, motion=True, **kwargs)


def tiny_ppo(policy, venv):
    kwargs = {"net_arch": [8]}
    return PPO(policy, venv, n_steps=16, batch_size=16, n_epochs=1, policy_kwargs=kwargs, seed=0)


@pytest.mark.parametrize(
    ("wrap", "shape"),
    [
        (lambda venv: venv, (24,)),
        (VecMonitor, (24,)),
        (partial(VecFrameStack, n_stack=4), (96,)),
        (VecNormalize, (24,)),
        (lambda venv: VecFrameStack(VecNormalize(VecMonitor(venv)), n_stack=2), (48,)),
    ],
)
def test_ppo_learns_inside_the_wrappers_of_stable_baselines(tiny_encoder, wrap, shape):
    venv = wrap(slot_env(tiny_encoder, flatten=True))
    assert venv.observation_space.shape == shape
    model = tiny_ppo("MlpPolicy", venv).learn(64)
    assert model.num_timesteps >= 64
    assert all(torch.isfinite(p).all() for p in model.policy.parameters())


def test_slots_are_stacked_oldest_first(tiny_encoder):
    slots = play(VecObjectSlotObservation(raw(), tiny_encoder), steps=2)
    stacked = play(VecFrameStack(VecObjectSlotObservation(raw(), tiny_encoder), 3), steps=2)
    expected = np.concatenate([obs for obs, *_ in slots], axis=2)  # (n, K, 3 * D)
    np.testing.assert_array_equal(stacked[-1][0], expected)


def test_ppo_learns_from_slots_beside_pixels(tiny_encoder):
    venv = slot_env(tiny_encoder, keep_pixels=True)
    model = tiny_ppo("MultiInputPolicy", venv).learn(64)
    assert isinstance(model.get_env(), VecTransposeImage)


def test_evaluation_during_training(tiny_encoder, tmp_path):
    def build():
        venv = DummyVecEnv([partial(SpritesEnv, episode_steps=6)] * 2)
        return VecObjectSlotObservation(VecMonitor(venv), tiny_encoder, flatten=True)

    callback = EvalCallback(build(), n_eval_episodes=2, eval_freq=8, log_path=str(tmp_path))
    model = tiny_ppo("MlpPolicy", build()).learn(64, callback)
    assert callback.last_mean_reward >= 0
    _, lengths = evaluate_policy(model, build(), 3, return_episode_rewards=True)
    assert lengths == [6, 6, 6]


def test_videos_show_the_frames(tiny_encoder, tmp_path, monkeypatch):
    clips = []
    module = types.ModuleType("moviepy.video.io.ImageSequenceClip")
    module.ImageSequenceClip = lambda frames, fps: (
        clips.append(frames) or types.SimpleNamespace(write_videofile=lambda *args, **kwargs: None)
    )
    for name in ("moviepy", "moviepy.video", "moviepy.video.io"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    slots = VecObjectSlotObservation(raw(render_mode="rgb_array"), tiny_encoder)
    venv = VecVideoRecorder(slots, str(tmp_path), lambda step: step == 0, video_length=4)
    play(venv, steps=6)
    assert {frame.shape for frame in clips[0]} == {(168, 168, 3)}


def test_attributes_of_the_environments_are_reached(tiny_encoder):
    venv = slot_env(tiny_encoder)
    assert venv.get_attr("size") == [84, 84, 84]
    assert venv.env_is_wrapped(TimeLimit) == [False, True, False]
