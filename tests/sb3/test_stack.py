"""The whole stack in one call."""

from __future__ import annotations

import copy
import csv
from dataclasses import replace

import numpy as np
import pytest
import torch
from atari_games import atari_encoder
from fake_envs import SPRITES
from scripted_games import Scripted
from spots import SpotEncoder
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import EvalCallback
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv, VecMonitor

from slotenv.environments import AtariStack
from slotenv.frames import SCN, V5
from slotenv.sb3 import (
    AtariVecEnv,
    VecClipReward,
    VecEpisodicLives,
    VecObjectSlotObservation,
    make_slot_vec_env,
)


def layers(venv):
    names = [type(venv)]
    while hasattr(venv, "venv"):
        venv = venv.venv
        names.append(type(venv))
    return names


@pytest.mark.ale
@pytest.mark.parametrize("backend", ["ale", "dummy"])
@pytest.mark.parametrize(("name", "preset"), [("ALE/Breakout-v5", V5), ("Breakout", SCN)])
def test_the_name_says_which_frames_an_encoder_of_both_gets(backend, name, preset):
    encoder = atari_encoder(replace(V5, max_pool=None))
    seen = []
    for given in (encoder, atari_encoder(preset)):
        venv = make_slot_vec_env(name, given, n_envs=2, backend=backend)
        layers_, obs = layers(venv), [venv.reset()]
        obs += [venv.step(np.array([1, 2]))[0] for _ in range(9)]
        seen.append((layers_, obs))
        venv.close()
    assert seen[0][0] == seen[1][0]
    np.testing.assert_array_equal(seen[0][1], seen[1][1])


@pytest.mark.ale
@pytest.mark.parametrize("backend", [None, "ale", "dummy"])
@pytest.mark.parametrize("preset", [V5, SCN], ids=lambda preset: preset.name)
@pytest.mark.parametrize("training", [True, False])
def test_the_stack_is_what_preset_and_purpose_ask_for(backend, preset, training):
    venv = make_slot_vec_env(
        "ALE/Breakout-v5", atari_encoder(preset), n_envs=2, backend=backend, training=training
    )
    middle = [VecClipReward] * training + [VecEpisodicLives] * (training and preset == SCN)
    base = DummyVecEnv if backend == "dummy" else AtariVecEnv
    assert layers(venv) == [VecObjectSlotObservation, *middle, VecMonitor, base]
    assert venv.observation_space.shape == (12,)
    obs = venv.reset()
    for _ in range(3):
        obs, *_ = venv.step(np.array([0, 1]))
    assert all(row in venv.observation_space for row in obs)
    if backend == "dummy":
        pooled = [e.max_pool for e in stack_of(venv.unwrapped.envs[0]) if isinstance(e, AtariStack)]
        assert any(pooled) == preset.max_pool
    venv.close()


def stack_of(env):
    yield env
    while env is not env.unwrapped:
        env = env.env
        yield env


@pytest.mark.parametrize("backend", ["ale", "dummy"])
@pytest.mark.ale
def test_numpy_numbers_are_numbers(backend):
    def first(whole):
        made = {"n_envs": whole(2), "seed": whole(4), "backend": backend}
        venv = make_slot_vec_env("Pong", atari_encoder(SCN), training=np.bool_(False), **made)
        seen = venv.reset()
        venv.seed(whole(4))
        np.testing.assert_array_equal(venv.reset(), seen)
        venv.close()
        return seen

    np.testing.assert_array_equal(first(np.int64), first(int))


def test_any_other_environment_gets_a_stack_as_well(tiny_encoder_folder, tmp_path):
    venv = make_slot_vec_env(
        SPRITES, tiny_encoder_folder, n_envs=2, monitor_file=tmp_path / "run", motion=False
    )
    assert layers(venv) == [VecObjectSlotObservation, VecMonitor, DummyVecEnv]
    venv.reset()
    for _ in range(20):
        venv.step(np.array([0, 0]))
    venv.close()
    rows = list(csv.DictReader((tmp_path / "run.monitor.csv").read_text().splitlines()[1:]))
    assert [row["l"] for row in rows] == ["20", "20"]


@pytest.mark.parametrize(
    ("switches", "shape"),
    [({}, (18,)), ({"hold": True}, (18,)), ({"hold": True, "motion": False}, (12,))],
)
def test_what_is_held_and_velocities_go_through_the_stack(tiny_preset, switches, shape):
    venv = make_slot_vec_env(SPRITES, SpotEncoder(preprocess=tiny_preset), n_envs=2, **switches)
    assert venv.observation_space.shape == shape
    assert venv._slots._tracking.hold == switches.get("hold", False)
    assert all(row in venv.observation_space for row in venv.reset())
    venv.close()


def test_environments_may_run_in_processes(tiny_encoder):
    venvs = [
        make_slot_vec_env(f"fake_envs:{SPRITES}", tiny_encoder, n_envs=2, backend=backend)
        for backend in ("subproc", None)
    ]
    assert layers(venvs[0])[-1] is SubprocVecEnv
    for act in (lambda venv: venv.reset(), lambda venv: venv.step(np.array([1, 2]))[0]):
        np.testing.assert_array_equal(*[act(venv) for venv in venvs])
    for venv in venvs:
        venv.close()


@pytest.mark.ale
def test_the_frame_skip_in_processes_is_seen_with_the_second_step():
    slow = replace(V5, frame_skip=2)
    venv = make_slot_vec_env("Pong", atari_encoder(V5), n_envs=1, backend="subproc")
    venv._frame_numbers._preset = slow
    venv.reset()
    venv.step(np.array([0]))
    with pytest.raises(ValueError, match=r"2 emulator frames apart.*are 4 apart"):
        venv.step(np.array([0]))
    venv.close()


@pytest.mark.ale
def test_frames_made_in_another_way_are_refused():
    venv = AtariVecEnv("Pong", 1, preset=replace(V5, frame_skip=2))
    with pytest.raises(ValueError, match=r"4 emulator frames apart.*are 2 apart.*preset=encoder"):
        VecObjectSlotObservation(venv, atari_encoder(V5))
    with pytest.warns(UserWarning, match="these are the maximum of two"):
        VecObjectSlotObservation(AtariVecEnv("Pong", 1, preset=SCN), atari_encoder(V5))


@pytest.mark.ale
@pytest.mark.parametrize("backend", ["ale", "dummy"])
def test_the_same_seed_gives_the_same_slots(backend):
    def play(seed):
        venv = make_slot_vec_env("Pong", encoder, n_envs=1, seed=seed, backend=backend)
        slots = [venv.reset()] + [venv.step(np.array([2]))[0] for _ in range(24)]
        venv.close()
        return np.stack(slots)

    encoder = atari_encoder(SCN)
    first = play(4)
    np.testing.assert_array_equal(first, play(4))
    assert not np.array_equal(first, play(9))


@pytest.mark.ale
@pytest.mark.parametrize("preset", [V5, SCN], ids=lambda preset: preset.name)
def test_ppo_learns_on_it_and_is_evaluated(preset):
    encoder = atari_encoder(preset)
    weights = copy.deepcopy(encoder.state_dict())
    train = make_slot_vec_env("ALE/Pong-v5", encoder, n_envs=2)
    short = AtariVecEnv("Pong", 1, preset=preset, max_frames=20)
    test = VecObjectSlotObservation(VecMonitor(short), encoder, flatten=True, motion=True)
    callback = EvalCallback(test, n_eval_episodes=1, eval_freq=16)
    model = PPO("MlpPolicy", train, n_steps=16, batch_size=32, n_epochs=1, seed=0)
    model.learn(64, callback)
    assert model.num_timesteps == 64
    assert np.isfinite(callback.last_mean_reward)
    assert all(torch.equal(weights[key], now) for key, now in encoder.state_dict().items())


def sprites(**kwargs):
    return lambda encoder: make_slot_vec_env(SPRITES, encoder, **kwargs)


MISUSES = [
    (lambda e: make_slot_vec_env(7, e), TypeError, "name of an environment, got int"),
    (lambda e: make_slot_vec_env("no/Such-v0", e), ValueError, "cannot make|no environment"),
    (lambda e: make_slot_vec_env(SPRITES, 3), TypeError, "a hub id, got int"),
    (lambda e: make_slot_vec_env(SPRITES), ValueError, f"{SPRITES} is none: pretrain one"),
    (lambda e: make_slot_vec_env(SPRITES, "no/such"), FileNotFoundError, "no encoder 'no/such'"),
    (sprites(n_envs=0), ValueError, "at least 1, got 0"),
    (sprites(n_envs="8"), TypeError, "whole number, got '8'"),
    (sprites(n_envs=True), TypeError, "whole number, got True"),
    (sprites(seed=1.5), TypeError, r"seed must be a whole number, got 1\.5"),
    (sprites(hold=2), TypeError, "hold must be True or False, got 2"),
    (sprites(hold=True), ValueError, "hold=True needs an encoder .*objects"),
    (sprites(motion=None), TypeError, "motion must be True or False, got None"),
    (sprites(flatten=1), TypeError, "flatten must be True or False, got 1"),
    (sprites(keep_pixels="no"), TypeError, "keep_pixels must be True or False"),
    (sprites(training="yes"), TypeError, "training must be True or False, got 'yes'"),
    (sprites(backend=1), ValueError, "backend must be one of ale, dummy, subproc, got 1"),
    (sprites(backend="ale"), ValueError, "'ale' is for Atari presets.*'plain'.*Leave backend out"),
    (sprites(fast=True), TypeError, "unexpected keyword argument 'fast'"),
    (sprites(device="gpu"), ValueError, "no device 'gpu'"),
    (lambda e: VecObjectSlotObservation([1], e), TypeError, "_baselines3.VecEnv, got list"),
    (lambda e: VecObjectSlotObservation(None, e), TypeError, r"got NoneType.*slotenv\.vector"),
    (lambda e: VecObjectSlotObservation(Scripted([]), e), TypeError, "got dtype float32"),
    (lambda e: VecObjectSlotObservation(dummy(size=96), e), ValueError, r"shape \(96, 96, 3\)"),
    (lambda e: VecObjectSlotObservation(dummy(), 3), TypeError, "a hub id, got int"),
    (lambda e: VecObjectSlotObservation(dummy(), e, motion=2), TypeError, "True or False, got 2"),
]


def dummy(**kwargs):
    from fake_envs import SpritesEnv

    return DummyVecEnv([lambda: SpritesEnv(**kwargs)])


@pytest.mark.parametrize(("act", "error", "words"), MISUSES)
def test_misuse_is_told_in_words(tiny_encoder, act, error, words):
    with pytest.raises(error, match=words):
        act(tiny_encoder)


@pytest.mark.ale
def test_games_that_are_drawn_in_another_way_are_not_ales():
    with pytest.raises(ValueError, match=r"'rgb_array' only.*render_mode='human'.* Leave backend"):
        make_slot_vec_env("Pong", atari_encoder(V5), backend="ale", render_mode="human")
