"""The whole stack in one call, and what training adds to it."""

from __future__ import annotations

import copy
import csv
from dataclasses import replace

import numpy as np
import pytest
import torch
from fake_envs import SPRITES
from gymnasium.spaces import Box, Discrete
from gymnasium.wrappers import TimeLimit
from spots import SpotEncoder
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import EvalCallback
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv, VecEnv, VecMonitor

from slotenv.encoders import SlotMapEncoder
from slotenv.environments import AtariStack
from slotenv.frames import SCN, V5
from slotenv.sb3 import (
    AtariVecEnv,
    VecClipReward,
    VecEpisodicLives,
    VecObjectSlotObservation,
    make_slot_vec_env,
)


class Scripted(VecEnv):
    """Plays back (rewards, dones, lives) of two games; an observation is the step's number."""

    def __init__(self, script, as_dict=False, with_lives=True):
        self.script, self.as_dict, self.with_lives = script, as_dict, with_lives
        super().__init__(2, Box(0, 99, (1,), np.float32), Discrete(2))

    def reset(self):
        self.now = 0
        return self.observe()

    def observe(self):
        obs = np.full((2, 1), self.now, np.float32) + np.array([[0], [0.5]], np.float32)
        return {"a": obs} if self.as_dict else obs

    def step_async(self, actions):
        self.now += 1

    def step_wait(self):
        rewards, dones, lives = map(np.array, self.script[self.now - 1])
        infos = [{"lives": int(n)} if self.with_lives else {} for n in lives]
        return self.observe(), rewards.astype(np.float32), dones.astype(bool), infos

    def get_attr(self, attr_name, indices=None):
        return [None, None]

    def close(self): ...
    def set_attr(self, *args, **kwargs): ...
    def env_method(self, *args, **kwargs): ...
    def env_is_wrapped(self, *args, **kwargs):
        return [False, False]


SCRIPT = [  # rewards, dones, lives
    ([7, 0], [0, 0], [3, 1]),
    ([0, -9], [0, 0], [2, 1]),  # the first loses a life
    ([5, 0], [0, 1], [2, 0]),  # the second's game is over
    ([0, 2], [0, 0], [3, 3]),  # a life won, a new game
    ([1, 0], [0, 0], [2, 3]),
    ([1, 0], [0, 0], [0, 2]),  # no lives left, but the game goes on
    ([4, 0], [1, 0], [5, 2]),  # over; the lives are the next game's already
    ([0, 0], [0, 0], [3, 2]),
]


@pytest.mark.parametrize("as_dict", [False, True])
def test_a_lost_life_is_an_episode_and_a_game_a_record(as_dict):
    venv = VecEpisodicLives(VecMonitor(Scripted(SCRIPT, as_dict)))
    venv.reset()
    steps = [venv.step(np.zeros(2)) for _ in SCRIPT]
    ends = [(t, i) for t, (_, _, dones, _) in enumerate(steps) for i in np.flatnonzero(dones)]
    assert ends == [(1, 0), (2, 1), (4, 0), (5, 1), (6, 0)]
    for t, i in [(1, 0), (4, 0), (5, 1)]:
        last = steps[t][3][i]["terminal_observation"]
        assert (last["a"] if as_dict else last) == t + 1 + 0.5 * i
        assert steps[t][3][i]["TimeLimit.truncated"] is False
    games = [info["episode"] for *_, infos in steps for info in infos if "episode" in info]
    assert [(game["r"], game["l"]) for game in games] == [(-9, 3), (18, 7)]


def test_lives_are_forgotten_with_a_reset():
    venv = VecEpisodicLives(Scripted(SCRIPT))
    venv.reset()
    venv.step(np.zeros(2))
    venv.reset()
    assert not venv.step(np.zeros(2))[2].any()


def test_environments_without_lives_are_told_so():
    venv = VecEpisodicLives(Scripted(SCRIPT, with_lives=False))
    venv.reset()
    with pytest.raises(ValueError, match=r"info\['lives'\]"):
        venv.step(np.zeros(2))


def test_rewards_are_clipped_to_their_sign():
    venv = VecClipReward(Scripted(SCRIPT))
    venv.reset()
    rewards = np.array([venv.step(np.zeros(2))[1] for _ in SCRIPT])
    np.testing.assert_array_equal(rewards, np.sign([script[0] for script in SCRIPT]))


def layers(venv):
    names = [type(venv)]
    while hasattr(venv, "venv"):
        venv = venv.venv
        names.append(type(venv))
    return names


def atari_encoder(preset):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return SlotMapEncoder(num_slots=2, slot_dim=3, preprocess=preset).eval()


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


@pytest.mark.ale
@pytest.mark.parametrize("backend", ["ale", "dummy"])
def test_training_sees_lives_and_signs_and_the_monitor_whole_games(backend):
    preset = replace(SCN, noop_max=2)
    venv = make_slot_vec_env("MsPacman", atari_encoder(preset), n_envs=1, backend=backend, seed=1)
    stepped, lives, games, rewards, total = venv.venv, 0, [], [], 0.0
    stepped.reset()  # without the slots, for speed
    for i in range(1500):
        _, reward, dones, infos = stepped.step(np.array([1 + (i // 9) % 4]))
        rewards.append(reward[0])
        games += [info["episode"] for info in infos if "episode" in info]
        lives += int(dones[0])
        assert not dones[0] or "terminal_observation" in infos[0]
        if games:
            break
    total = sum(rewards)
    assert lives == 3
    assert set(rewards) <= {-1, 0, 1}
    assert games[0]["l"] == len(rewards)
    assert games[0]["r"] >= 10 * total  # a pellet is worth 10 or more


class Circles:
    """A policy that turns."""

    def __init__(self):
        self.steps = 0

    def predict(self, obs, **_):
        self.steps += 1
        return np.full(len(obs), 1 + (self.steps // 9) % 4), None


@pytest.mark.ale
def test_evaluation_on_what_is_made_for_training_gives_the_games_scores():
    encoder = atari_encoder(replace(SCN, noop_max=2))
    scores = []
    for training in (True, False):
        venv = make_slot_vec_env("MsPacman", encoder, n_envs=1, seed=1, training=training)
        scores.append(evaluate_policy(Circles(), venv, 1, return_episode_rewards=True))
        venv.close()
    assert scores[0] == scores[1]
    assert scores[0][0][0] >= 60  # pellets of 10; clipped, each would be 1


@pytest.mark.parametrize("wrap", [VecClipReward, VecEpisodicLives])
def test_a_second_monitor_that_would_record_clipped_rewards_is_warned_of(wrap):
    with pytest.warns(UserWarning, match="already wrapped with a `Monitor`"):
        VecMonitor(wrap(VecMonitor(Scripted(SCRIPT))))
    assert wrap(Scripted(SCRIPT)).env_is_wrapped(Monitor) == [False, False]
    assert wrap(VecMonitor(Scripted(SCRIPT))).env_is_wrapped(TimeLimit) == [False, False]


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
    (lambda e: make_slot_vec_env(SPRITES, None), TypeError, "a hub id, got None"),
    (lambda e: make_slot_vec_env(SPRITES, "no/such"), FileNotFoundError, "no encoder 'no/such'"),
    (sprites(n_envs=0), ValueError, "at least 1, got 0"),
    (sprites(n_envs="8"), TypeError, "whole number, got '8'"),
    (sprites(n_envs=True), TypeError, "whole number, got True"),
    (sprites(seed=1.5), TypeError, r"seed must be a whole number, got 1\.5"),
    (sprites(hold=2), TypeError, "hold must be True or False, got 2"),
    (sprites(hold=True), ValueError, "hold=True needs an encoder .*object_mixture"),
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
    with pytest.raises(ValueError, match=r"'rgb_array' only.*render_mode='human'\. Leave backend"):
        make_slot_vec_env("Pong", atari_encoder(V5), backend="ale", render_mode="human")
