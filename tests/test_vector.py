"""The vector wrapper against the per-environment wrapper, and against loops kept by hand."""

from __future__ import annotations

import multiprocessing
import sys
from functools import partial

import numpy as np
import pytest
import torch
from fake_envs import SpritesEnv
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv
from gymnasium.wrappers.vector import RecordEpisodeStatistics
from spots import SpotEncoder, TrackedByHand
from sprite_vectors import LENGTHS, make_sprites, makers

import slotenv
from slotenv import lazy_encoder
from slotenv.encoders.encoding import run
from slotenv.vector import ObjectSlotObservation

NEXT, SAME, DISABLED = AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP, AutoresetMode.DISABLED
LAYOUTS = [{}, {"motion": True}, {"motion": True, "flatten": True, "keep_pixels": True}]


def play(envs, steps=16, mode=NEXT):
    """Return everything observed, with masked resets where the mode asks for them."""
    seen, finals, ended = [envs.reset(seed=5)[0]], [], np.zeros(len(LENGTHS), bool)
    for i in range(steps):
        if mode == DISABLED and ended.any():
            seen.append(envs.reset(options={"reset_mask": ended})[0])
        obs, _, terminated, truncated, infos = envs.step(np.array([i % 4, 1, 3]))
        ended = terminated | truncated
        seen.append(obs)
        if "final_obs" in infos:
            np.testing.assert_array_equal(infos["_final_obs"], ended)
            finals.append(infos["final_obs"])
    envs.close()
    return seen, finals


def assert_same(actual, expected):
    if isinstance(expected, dict):
        assert actual.keys() == expected.keys()
        for key in expected:
            assert_same(actual[key], expected[key])
    elif expected is None:
        assert actual is None
    elif expected.dtype == object:
        for one, other in zip(actual, expected, strict=True):
            assert_same(one, other)
    else:
        assert actual.dtype == expected.dtype
        np.testing.assert_allclose(actual, expected, atol=1e-5)


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
@pytest.mark.parametrize("mode", [NEXT, SAME, DISABLED])
def test_it_gives_what_a_wrapper_around_each_environment_gives(tiny_encoder_folder, mode, layout):
    each = makers(lambda env: slotenv.ObjectSlotObservation(env, tiny_encoder_folder, **layout))
    expected, expected_finals = play(SyncVectorEnv(each, autoreset_mode=mode), mode=mode)
    raw = SyncVectorEnv(makers(), autoreset_mode=mode)
    envs = ObjectSlotObservation(raw, tiny_encoder_folder, **layout)
    space = envs.observation_space
    seen, finals = play(envs, mode=mode)
    assert all(obs in space for obs in seen)
    assert len(finals) == len(expected_finals) == (7 if mode == SAME else 0)
    for actual, reference in zip(seen + finals, expected + expected_finals, strict=True):
        assert_same(actual, reference)


TRACKED = [{"motion": True}, {"hold": True}, {"hold": True, "motion": True, "keep_pixels": True}]


@pytest.mark.parametrize("layout", TRACKED, ids=str)
@pytest.mark.parametrize("mode", [NEXT, SAME, DISABLED])
def test_tracked_slots_are_those_of_a_wrapper_around_each(tiny_preset, mode, layout):
    encoder = SpotEncoder(preprocess=tiny_preset)
    each = makers(lambda env: slotenv.ObjectSlotObservation(env, encoder, **layout))
    expected, expected_finals = play(SyncVectorEnv(each, autoreset_mode=mode), mode=mode)
    envs = ObjectSlotObservation(SyncVectorEnv(makers(), autoreset_mode=mode), encoder, **layout)
    space = envs.observation_space
    seen, finals = play(envs, mode=mode)
    assert all(obs in space for obs in seen)
    assert len(finals) == len(expected_finals) == (7 if mode == SAME else 0)
    for actual, reference in zip(seen + finals, expected + expected_finals, strict=True):
        assert_same(actual, reference)


@pytest.mark.parametrize("hold", [False, True])
@pytest.mark.parametrize("mode", [NEXT, SAME, DISABLED])
def test_what_was_seen_is_forgotten_when_an_episode_starts(tiny_preset, mode, hold):
    encoder = SpotEncoder(preprocess=tiny_preset)
    raw = SyncVectorEnv(makers(), autoreset_mode=mode)
    inner = SyncVectorEnv(makers(), autoreset_mode=mode)
    envs = ObjectSlotObservation(inner, encoder, motion=True, hold=hold)
    hands = [TrackedByHand(hold=hold, motion=True) for _ in LENGTHS]

    def check(row, observed, frame, *, first):
        expected = hands[row].observe(encoder.encode(frame[None])[0], first=first)
        np.testing.assert_allclose(observed, expected, rtol=1e-5, atol=1e-4)

    obs, frames = envs.reset(seed=1)[0], raw.reset(seed=1)[0]
    for row in range(3):
        check(row, obs[row], frames[row], first=True)
    ended = np.zeros(3, bool)
    for i in range(40):
        if mode == DISABLED and ended.any():
            before = obs
            obs, frames = (e.reset(options={"reset_mask": ended})[0] for e in (envs, raw))
            np.testing.assert_array_equal(obs[~ended], before[~ended])
            for row in np.flatnonzero(ended):
                check(row, obs[row], frames[row], first=True)
        actions = np.array([1, i % 4, 2])
        obs, _, _, _, infos = envs.step(actions)
        frames, _, terminated, truncated, raw_infos = raw.step(actions)
        done = terminated | truncated
        fresh = {SAME: done, NEXT: ended, DISABLED: np.zeros(3, bool)}[mode]
        for row in range(3):
            if mode == SAME and done[row]:
                final = raw_infos["final_obs"][row]
                check(row, infos["final_obs"][row], final, first=False)
            check(row, obs[row], frames[row], first=fresh[row])
        ended = done
    assert len(set.union(*(hand.cases for hand in hands))) == 5


@pytest.mark.parametrize(("mode", "context"), [(NEXT, None), (SAME, None), (SAME, "forkserver")])
def test_environments_in_processes_give_the_same(tiny_encoder, mode, context):
    def build(cls, **more):
        fns = [
            partial(make_sprites, n) if context is None else partial(SpritesEnv, 84, n)
            for n in LENGTHS
        ]
        envs = cls(fns, autoreset_mode=mode, **more)
        return play(ObjectSlotObservation(envs, tiny_encoder, motion=True), steps=7)

    seen, finals = build(AsyncVectorEnv, context=context)
    expected, expected_finals = build(SyncVectorEnv)
    assert len(finals) == (3 if mode == SAME else 0)
    for actual, reference in zip(seen + finals, expected + expected_finals, strict=True):
        assert_same(actual, reference)


@pytest.mark.parametrize("mode", [NEXT, SAME])
def test_motion_is_the_change_of_each_slot_within_an_episode(tiny_encoder, mode):
    envs = ObjectSlotObservation(
        SyncVectorEnv(makers(), autoreset_mode=mode), tiny_encoder, motion=True
    )
    raw = SyncVectorEnv(makers(), autoreset_mode=mode)
    obs, frames = envs.reset(seed=1)[0], raw.reset(seed=1)[0]
    previous = [tiny_encoder.encode(frame[None])[0] for frame in frames]
    assert not obs[..., 4:].any()
    ended = [False] * 3
    for i in range(12):
        actions = np.array([1, i % 4, 2])
        obs, _, _, _, infos = envs.step(actions)
        frames, _, terminated, truncated, raw_infos = raw.step(actions)
        for row in range(3):
            now = tiny_encoder.encode(frames[row][None])[0]
            done = bool(terminated[row] or truncated[row])
            if mode == SAME and done:
                last = tiny_encoder.encode(raw_infos["final_obs"][row][None])[0]
                final = np.concatenate([last, last - previous[row]], axis=1)
                np.testing.assert_allclose(infos["final_obs"][row], final, atol=1e-5)
            fresh = done if mode == SAME else ended[row]
            change = np.zeros_like(now) if fresh else now - previous[row]
            assert not fresh or not obs[row][:, 4:].any()
            np.testing.assert_allclose(obs[row], np.concatenate([now, change], 1), atol=1e-5)
            previous[row], ended[row] = now, done


def test_all_frames_of_a_step_are_encoded_in_one_batch(tiny_encoder, monkeypatch):
    sizes = []
    monkeypatch.setattr(
        lazy_encoder,
        "run",
        lambda encoder, frames: sizes.append(len(frames)) or run(encoder, frames),
    )
    envs = ObjectSlotObservation(SyncVectorEnv(makers(), autoreset_mode=SAME), tiny_encoder)
    play(envs, steps=15)
    assert sizes == [3, 3, 3, 4, 3, 4, 4, 3, 3, 4, 4, 3, 4, 3, 3, 5]


def test_encoding_takes_one_thread_and_gives_the_others_back(tiny_encoder, monkeypatch):
    seen = []
    monkeypatch.setattr(
        lazy_encoder,
        "run",
        lambda encoder, frames: seen.append(torch.get_num_threads()) or run(encoder, frames),
    )
    envs = ObjectSlotObservation(SyncVectorEnv(makers()), tiny_encoder)
    torch.set_num_threads(2)
    try:
        envs.reset()
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)
    assert seen == [1]


def test_observations_are_never_the_same_array(tiny_encoder):
    envs = ObjectSlotObservation(SyncVectorEnv(makers(), copy=False), tiny_encoder, motion=True)
    first = envs.reset(seed=0)[0]
    before = first.copy()
    second = envs.step(np.array([1, 1, 1]))[0]
    second[:] = 7
    third = envs.step(np.array([1, 1, 1]))[0]
    np.testing.assert_array_equal(first, before)
    assert not np.shares_memory(first, second)
    assert np.abs(third).max() < 7


def test_it_composes_with_the_vector_wrappers_of_gymnasium(tiny_encoder):
    inside = RecordEpisodeStatistics(SyncVectorEnv(makers()))
    slots = ObjectSlotObservation(inside, tiny_encoder, flatten=True)
    envs = RecordEpisodeStatistics(slots, stats_key="outer")
    envs.reset(seed=0)
    for _ in range(3):
        obs, _, _, _, infos = envs.step(np.array([0, 0, 0]))
    assert obs in envs.observation_space
    assert infos["episode"]["l"][0] == infos["outer"]["l"][0] == 3


def test_weights_are_read_with_the_first_reset(tiny_encoder_folder):
    weights = tiny_encoder_folder / "model.safetensors"
    content = weights.read_bytes()
    weights.unlink()
    envs = ObjectSlotObservation(SyncVectorEnv(makers()), tiny_encoder_folder)
    weights.write_bytes(content)
    assert envs.reset()[0] in envs.observation_space


def step_once(folder, results):
    envs = ObjectSlotObservation(SyncVectorEnv(makers()), folder)
    envs.reset(seed=0)
    results.put(envs.step(np.array([0, 0, 0]))[0])


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_works_in_a_process_forked_after_torch_ran_on_threads(tiny_encoder_folder):
    torch.set_num_threads(2)
    try:
        torch.nn.functional.conv2d(torch.rand(8, 3, 64, 64), torch.rand(32, 3, 8, 8))
        context = multiprocessing.get_context("fork")
        results = context.Queue()
        process = context.Process(target=step_once, args=(tiny_encoder_folder, results))
        process.start()
        try:
            slots = results.get(timeout=60)
        finally:
            process.kill()
            process.join()
    finally:
        torch.set_num_threads(1)
    assert slots.shape == (3, 3, 4)
