"""The vector wrapper on environments that play a script: their infos, spaces, seeds and games."""

from __future__ import annotations

import warnings

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.envs.registration import EnvSpec
from gymnasium.spaces import Box, Discrete
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from slotenv.encoders import SlotMapEncoder
from slotenv.frames import FramePreset
from slotenv.vector import ObjectSlotObservation

NEXT, SAME, DISABLED = AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP, AutoresetMode.DISABLED
V5 = FramePreset(name="v5", height=84, width=84, frame_skip=4)
FRAME = Box(0, 255, (84, 84, 3), np.uint8)
STILL = np.zeros(2, bool)


class Script(VectorEnv):
    """Two environments whose t-th frames are all of the colour t, with the infos of a script."""

    def __init__(self, steps, *, mode=NEXT, space=FRAME, ended=STILL, reset_infos=None):
        self.num_envs = 2
        self.single_observation_space, self.single_action_space = space, Discrete(2)
        self.observation_space = batch_space(space, 2)
        self.action_space = batch_space(self.single_action_space, 2)
        self.metadata = {"autoreset_mode": mode}
        self.batch_size = 2
        self.script, self.ended, self.reset_infos = iter(steps), ended, reset_infos or {}
        self.time, self.seeds = 0, []

    def frames(self, time):
        return np.full(self.observation_space.shape, time, self.observation_space.dtype)

    def reset(self, *, seed=None, options=None):
        self.time = 0
        self.seeds.append(seed)
        return self.frames(0), dict(self.reset_infos)

    def step(self, actions):
        self.time += 1
        infos = next(self.script)
        return self.frames(self.time), np.zeros(2), self.ended, STILL, dict(infos)


class AtariVectorEnv(Script):
    """Bears the name of ale-py's."""

    def __init__(self, steps=(), *, space=None, **more):
        super().__init__(steps, space=space or Box(0, 255, (1, 84, 84, 3), np.uint8), **more)


@pytest.fixture
def encoder():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return SlotMapEncoder(num_slots=2, slot_dim=3, preprocess=V5).eval()


def slots_of(encoder, colour):
    return encoder.encode(np.full((1, 84, 84, 3), colour, np.uint8))[0]


def objects(*items):
    array = np.empty(len(items), object)
    array[:] = items
    return array


GO = np.array([0, 0])


@pytest.mark.parametrize("mode", [NEXT, DISABLED])
def test_last_frames_are_left_alone_where_a_reset_is_a_step_of_its_own(encoder, mode):
    final = objects(np.full((84, 84, 3), 50, np.uint8), None)
    env = Script([{"final_obs": final, "_final_obs": np.array([True, False])}], mode=mode)
    envs = ObjectSlotObservation(env, encoder)
    envs.reset()
    obs, *_, infos = envs.step(GO)
    assert infos["final_obs"] is final
    np.testing.assert_allclose(obs[0], slots_of(encoder, 1), atol=1e-6)


@pytest.mark.parametrize("masked", [False, True])
def test_the_infos_say_which_environments_have_a_last_frame(encoder, masked):
    """By their mask where there is one; else those that ended have."""
    ended = np.array([False, True])
    infos = {"final_obs": objects(None, np.full((84, 84, 3), 50, np.uint8))}
    if masked:
        infos["_final_obs"] = ended
        ended = np.array([True, True])
    envs = ObjectSlotObservation(Script([infos], mode=SAME, ended=ended), encoder)
    envs.reset()
    *_, infos = envs.step(GO)
    assert infos["final_obs"][0] is None
    np.testing.assert_allclose(infos["final_obs"][1], slots_of(encoder, 50), atol=1e-6)


def test_a_step_without_last_frames_adds_none(encoder):
    envs = ObjectSlotObservation(Script([{}], mode=SAME), encoder)
    envs.reset()
    assert "final_obs" not in envs.step(GO)[-1]


def games(begun, frame):
    """What ale-py tells: frames of the emulator, and of them those of this game."""
    return {
        "frame_number": np.array(begun) + frame,
        "episode_frame_number": np.array([frame, frame]),
    }


@pytest.mark.parametrize("dtype", [np.uint8, object])
def test_the_last_frame_of_a_lost_life_is_the_one_that_is_shown(encoder, dtype):
    """The second game goes on: what stands in its final_obs was never written."""
    if dtype is object:
        final = objects(*np.full((2, 1, 84, 84, 3), 50, np.uint8))
    else:
        final = np.full((2, 1, 84, 84, 3), 50, np.uint8)
    infos = {**games([8, 0], 4), "final_obs": final, "_final_obs": ~STILL}
    env = AtariVectorEnv([infos], mode=SAME, ended=~STILL, reset_infos=games([0, 0], 0))
    envs = ObjectSlotObservation(env, encoder)
    envs.reset()
    *_, infos = envs.step(GO)
    np.testing.assert_allclose(infos["final_obs"][0], slots_of(encoder, 50), atol=1e-6)
    np.testing.assert_allclose(infos["final_obs"][1], slots_of(encoder, 1), atol=1e-6)


@pytest.mark.parametrize(
    ("space", "words"),
    [
        (Box(0, 255, (1, 84, 84, 3), np.float32), r"needs frames \(84, 84, 3\) \(preset 'v5'\)"),
        (Box(0, 255, (1, 80, 84, 3), np.uint8), r"gives observations \(1, 80, 84, 3\)"),
        (Box(0, 255, (4, 84, 84, 3), np.uint8), "img_height=84, img_width=84, .*frameskip=4"),
        (Box(0, 255, (84, 84, 3), np.uint8), r"gives observations \(84, 84, 3\)"),
    ],
    ids=str,
)
def test_other_observations_of_ale_pys_environment_are_refused(encoder, space, words):
    with pytest.raises(ValueError, match=words):
        ObjectSlotObservation(AtariVectorEnv(space=space), encoder)


def test_the_stack_axis_of_ale_pys_environment_is_dropped(encoder):
    envs = ObjectSlotObservation(AtariVectorEnv(), encoder, keep_pixels=True)
    assert envs.single_observation_space["pixels"] == FRAME
    obs, _ = envs.reset()
    assert obs["pixels"].shape == (2, 84, 84, 3)
    assert obs in envs.observation_space


def test_all_environments_must_be_in_a_batch(encoder):
    env = AtariVectorEnv()
    env.batch_size = 1
    with pytest.raises(ValueError, match="returns 1 of 2 environments at a time"):
        ObjectSlotObservation(env, encoder)


@pytest.mark.parametrize(
    ("seed", "taken"),
    [(None, None), (3, 3), (np.int64(3), 3), ([1, None], [1, None]), (np.array([1, 2]), [1, 2])],
    ids=str,
)
def test_seeds_are_whole_numbers_in_the_form_an_environment_takes(encoder, seed, taken):
    env = Script([])
    ObjectSlotObservation(env, encoder).reset(seed=seed)
    assert env.seeds == [taken]
    flat = env.seeds[0] if isinstance(taken, list) else env.seeds
    assert all(one is None or type(one) is int for one in flat)


def test_ale_pys_environment_takes_an_array_of_seeds(encoder):
    env = AtariVectorEnv()
    envs = ObjectSlotObservation(env, encoder)
    envs.reset(seed=[1, 2])
    envs.reset(seed=5)
    assert isinstance(env.seeds[0], np.ndarray)
    assert env.seeds[0].tolist() == [1, 2]
    assert env.seeds[1] == 5


def numbered(*rows, mask=None):
    steps = [{"episode_frame_number": np.array(row)} for row in rows]
    if mask is not None:
        for step in steps:
            step["_episode_frame_number"] = np.array(mask)
    return steps


@pytest.mark.parametrize("mask", [None, [True, False]])
def test_frame_numbers_tell_the_skip_where_they_are_told(encoder, mask):
    steps = numbered([4, 4], [8, 8], [12, 8 + 3], mask=mask)
    envs = ObjectSlotObservation(Script(steps), encoder)
    envs.reset()
    envs.step(GO)
    envs.step(GO)
    if mask is None:
        with pytest.raises(ValueError, match=r"4 emulator frames apart .* are 3 apart"):
            envs.step(GO)
    else:
        envs.step(GO)  # the second environment's number is not one


@pytest.mark.parametrize("actions", [[0], [0, 1, 1], 0, [[0, 1]]], ids=str)
def test_each_environment_needs_an_action(encoder, actions):
    envs = ObjectSlotObservation(Script([{}]), encoder)
    envs.reset()
    with pytest.raises(ValueError, match="one action for each of 2 environments"):
        envs.step(np.array(actions))


@pytest.mark.parametrize("odd", [-1, 2])
def test_each_action_exists(encoder, odd):
    envs = ObjectSlotObservation(Script([{}]), encoder)
    envs.reset()
    with pytest.raises(ValueError, match=f"needs actions from 0 to 1, got {odd}"):
        envs.step(np.array([0, odd]))


class Example(gym.Env):
    """What an AsyncVectorEnv makes in each of its processes."""

    observation_space, action_space = FRAME, Discrete(2)
    closings = 0

    def close(self):
        type(self).closings += 1


class Asynchronous(AsyncVectorEnv):
    """Has not started any process."""

    def __init__(self, *, spec, inner):
        def make():
            env = Example()
            env.spec = None if inner is None else EnvSpec(inner)
            return env

        Script.__init__(self, [])
        self.env_fns = [make]
        self.spec = None if spec is None else EnvSpec(spec)


PONG, BREAKOUT = "ALE/Pong-v5", "ALE/Breakout-v5"


@pytest.mark.parametrize(
    ("spec", "inner", "told"),
    [
        (None, None, 0),
        (PONG, PONG, 0),
        (None, PONG, 0),
        (None, BREAKOUT, 1),
        (BREAKOUT, BREAKOUT, 1),
        (BREAKOUT, None, 1),
    ],
)
def test_another_game_in_other_processes_is_told_once(encoder, spec, inner, told):
    """From the environment's own name if it has one, else from what it is made of."""
    encoder.provenance["env_id"] = PONG
    before = Example.closings
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        ObjectSlotObservation(Asynchronous(spec=spec, inner=inner), encoder)
    assert ["frames of breakout" in str(w.message).lower() for w in caught] == [True] * told
    assert Example.closings == before + 1
