"""The Gymnasium wrapper, on sprites and on the real emulator."""

from __future__ import annotations

import copy
import json
import pickle
from functools import partial
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
import stable_baselines3.common.env_checker as sb3_checker
import torch
from fake_envs import SPRITES, SpritesEnv
from gymnasium.envs.registration import EnvSpec
from gymnasium.error import ClosedEnvironmentError
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv
from gymnasium.wrappers import (
    DtypeObservation,
    FrameStackObservation,
    GrayscaleObservation,
    ResizeObservation,
)
from stable_baselines3.common.vec_env import DummyVecEnv

from slotenv import ObjectSlotObservation, SlotEncoder, checkpoint
from slotenv.encoders import SlotMapEncoder


def rollout(env, steps=5, seed=3):
    observations = [env.reset(seed=seed)[0]]
    observations += [env.step(i % 4)[0] for i in range(steps)]
    return np.stack(observations)


def test_observations_are_the_slots_of_the_frames(tiny_encoder, tiny_encoder_folder):
    env = ObjectSlotObservation(gym.make(SPRITES), tiny_encoder_folder)
    slots, frames = rollout(env), rollout(gym.make(SPRITES))
    assert slots.shape == (6, 3, 4)
    assert all(slot in env.observation_space for slot in slots)
    assert slots.dtype == env.observation_space.dtype == np.float32
    np.testing.assert_allclose(slots, tiny_encoder.encode(frames), atol=1e-5)


def test_flatten_gives_vectors(tiny_encoder_folder):
    flat = ObjectSlotObservation(gym.make(SPRITES), tiny_encoder_folder, flatten=True)
    slots = rollout(ObjectSlotObservation(gym.make(SPRITES), tiny_encoder_folder))
    assert flat.observation_space.shape == (12,)
    assert flat.reset(seed=0)[0] in flat.observation_space
    np.testing.assert_array_equal(rollout(flat), slots.reshape(6, 12))


def test_motion_is_the_change_of_each_slot_since_the_last_step(tiny_encoder):
    env = ObjectSlotObservation(gym.make(SPRITES), tiny_encoder, motion=True)
    raw = gym.make(SPRITES)
    for episode in range(2):
        slots = tiny_encoder.encode(raw.reset(seed=episode)[0][None])[0]
        observed = [env.reset(seed=episode)[0]]
        expected = [np.concatenate([slots, np.zeros_like(slots)], axis=1)]
        for i in range(4):
            now = tiny_encoder.encode(raw.step(i % 4)[0][None])[0]
            observed.append(env.step(i % 4)[0])
            expected.append(np.concatenate([now, now - slots], axis=1))
            slots = now
        assert observed[0].shape == env.observation_space.shape == (3, 8)
        assert not observed[0][:, 4:].any()
        assert observed[1][:, 4:].any()
        np.testing.assert_allclose(observed, expected, atol=1e-5)


def test_motion_stays_beside_its_slot_when_flat(tiny_encoder):
    flat = ObjectSlotObservation(gym.make(SPRITES), tiny_encoder, motion=True, flatten=True)
    slots = rollout(ObjectSlotObservation(gym.make(SPRITES), tiny_encoder, motion=True))
    assert flat.observation_space.shape == (24,)
    np.testing.assert_array_equal(rollout(flat), slots.reshape(6, 24))


@pytest.mark.parametrize("flatten", [False, True])
def test_pixels_are_kept_beside_the_slots(tiny_encoder, flatten):
    env = ObjectSlotObservation(
        gym.make(SPRITES), tiny_encoder, keep_pixels=True, flatten=flatten, motion=True
    )
    plain = ObjectSlotObservation(gym.make(SPRITES), tiny_encoder, flatten=flatten, motion=True)
    raw = gym.make(SPRITES)
    for i in range(4):
        step = (lambda e: e.reset(seed=2)[0]) if i == 0 else (lambda e: e.step(1)[0])
        observed = step(env)
        assert observed in env.observation_space
        np.testing.assert_array_equal(observed["pixels"], step(raw))
        np.testing.assert_array_equal(observed["slots"], step(plain))


def test_slots_are_stacked_by_the_host(tiny_encoder):
    slots = ObjectSlotObservation(gym.make(SPRITES), tiny_encoder)
    stacked = FrameStackObservation(
        ObjectSlotObservation(gym.make(SPRITES), tiny_encoder), stack_size=3
    )
    np.testing.assert_array_equal(rollout(stacked)[2:, -1], rollout(slots)[2:])
    np.testing.assert_array_equal(rollout(stacked)[2:, 0], rollout(slots)[:-2])


@pytest.mark.filterwarnings("ignore:.*different from the unwrapped version")
@pytest.mark.filterwarnings("ignore:.*Box observation space (minimum|maximum) value is")
@pytest.mark.parametrize("layout", [{}, {"keep_pixels": True, "motion": True}], ids=str)
@pytest.mark.parametrize("in_memory", [False, True])
def test_gymnasium_accepts_it(tiny_encoder, tiny_encoder_folder, in_memory, layout):
    check_env(
        ObjectSlotObservation(
            gym.make(SPRITES, render_mode="rgb_array"),
            tiny_encoder if in_memory else tiny_encoder_folder,
            **layout,
        )
    )


def test_stable_baselines_accepts_it(tiny_encoder_folder):
    sb3_checker.check_env(
        ObjectSlotObservation(gym.make(SPRITES), tiny_encoder_folder, flatten=True)
    )
    with pytest.warns(UserWarning, match="unconventional shape"):
        sb3_checker.check_env(ObjectSlotObservation(gym.make(SPRITES), tiny_encoder_folder))


def test_observations_are_never_the_same_array(tiny_encoder_folder):
    env = ObjectSlotObservation(gym.make(SPRITES), tiny_encoder_folder)
    first, _ = env.reset(seed=0)
    before = first.copy()
    second, *_ = env.step(1)
    assert not np.shares_memory(first, second)
    np.testing.assert_array_equal(first, before)


def test_training_mode_of_an_encoder_in_memory_changes_nothing(tiny_encoder):
    env = ObjectSlotObservation(gym.make(SPRITES), tiny_encoder)
    expected = rollout(env)
    tiny_encoder.train()
    np.testing.assert_array_equal(rollout(env), expected)


@pytest.mark.parametrize("as_path", [str, Path])
@pytest.mark.parametrize("motion", [False, True])
def test_spec_round_trip_gives_equal_observations(tiny_encoder_folder, as_path, motion):
    env = ObjectSlotObservation(
        gym.make(SPRITES), as_path(tiny_encoder_folder), flatten=True, motion=motion
    )
    assert env.spec.additional_wrappers[-1].kwargs["encoder"] == str(tiny_encoder_folder)
    text = env.spec.to_json()
    json.loads(text)
    for again in (gym.make(env.spec), gym.make(EnvSpec.from_json(text))):
        np.testing.assert_array_equal(rollout(again), rollout(env))


def test_spec_of_an_encoder_in_memory_holds_that_very_encoder(tiny_encoder):
    env = ObjectSlotObservation(gym.make(SPRITES), tiny_encoder)
    assert env.spec.additional_wrappers[-1].kwargs["encoder"] is tiny_encoder
    np.testing.assert_array_equal(rollout(gym.make(env.spec)), rollout(env))


def test_an_id_with_slots_can_be_registered(tiny_encoder_folder):
    spec = ObjectSlotObservation.wrapper_spec(
        encoder=str(tiny_encoder_folder), motion=True, keep_pixels=True
    )
    gym.register("tests/Slots-v0", entry_point=SpritesEnv, additional_wrappers=(spec,))
    try:
        env = gym.make("tests/Slots-v0")
        assert env.observation_space["slots"].shape == (3, 8)
        assert env.reset(seed=0)[0] in env.observation_space
    finally:
        del gym.registry["tests/Slots-v0"]


def test_weights_are_read_with_the_first_observation(tiny_encoder_folder):
    weights = tiny_encoder_folder / checkpoint.WEIGHTS
    content = weights.read_bytes()
    weights.unlink()
    env = ObjectSlotObservation(gym.make(SPRITES), tiny_encoder_folder)
    weights.write_bytes(content)
    assert env.reset()[0] in env.observation_space


def test_weights_are_read_once_per_process(tiny_encoder_folder):
    envs = [ObjectSlotObservation(gym.make(SPRITES), tiny_encoder_folder) for _ in range(2)]
    rollout(envs[0])
    (tiny_encoder_folder / checkpoint.WEIGHTS).unlink()
    np.testing.assert_array_equal(rollout(envs[1]), rollout(envs[0]))


def test_a_replaced_folder_is_not_taken_for_the_old_one(tiny_encoder_folder, tiny_encoder):
    old = rollout(ObjectSlotObservation(gym.make(SPRITES), tiny_encoder_folder))
    with torch.no_grad():
        tiny_encoder.head_linear.weight.mul_(2)
    tiny_encoder.save_pretrained(tiny_encoder_folder)
    new = rollout(ObjectSlotObservation(gym.make(SPRITES), tiny_encoder_folder))
    assert not np.allclose(old, new)


def test_loading_leaves_the_random_numbers_alone(tiny_encoder_folder):
    env = ObjectSlotObservation(gym.make(SPRITES), tiny_encoder_folder)
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    env.reset()
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))])
def test_copies_hold_no_weights_and_see_the_same(tiny_encoder_folder, duplicate):
    env = ObjectSlotObservation(SpritesEnv(), tiny_encoder_folder)
    expected = rollout(env)
    again = duplicate(env)
    assert again._encoder._module is None
    np.testing.assert_array_equal(rollout(again), expected)
    assert len(pickle.dumps(env._encoder)) < 2000


def test_encoding_takes_one_thread_and_gives_the_others_back(tiny_encoder, monkeypatch):
    seen = []
    encode = SlotMapEncoder.encode
    monkeypatch.setattr(
        SlotMapEncoder,
        "encode",
        lambda self, frames: seen.append(torch.get_num_threads()) or encode(self, frames),
    )
    env = ObjectSlotObservation(gym.make(SPRITES), tiny_encoder)
    torch.set_num_threads(2)
    try:
        env.reset()
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)
    assert seen == [1]


@pytest.mark.parametrize("loaded_before", [False, True])
def test_works_in_workers_forked_after_torch_ran_on_threads(tiny_encoder_folder, loaded_before):
    def make():
        return ObjectSlotObservation(gym.make(SPRITES), tiny_encoder_folder)

    torch.set_num_threads(2)
    envs = None
    try:
        torch.nn.functional.conv2d(torch.rand(8, 3, 64, 64), torch.rand(32, 3, 8, 8))
        if loaded_before:
            rollout(make())
        envs = AsyncVectorEnv([make, make])
        envs.reset_async(seed=[3, 4])
        slots, _ = envs.reset_wait(timeout=60)
        envs.step_async(np.array([0, 0]))
        stepped, *_ = envs.step_wait(timeout=60)
    finally:
        if envs is not None:
            envs.close(terminate=True)
        torch.set_num_threads(1)
    np.testing.assert_allclose(np.stack([slots[0], stepped[0]]), rollout(make(), 1), atol=1e-5)


@pytest.mark.parametrize("name", ["flatten", "keep_pixels", "motion", "hold"])
@pytest.mark.parametrize("value", [None, 1, "yes"])
def test_switches_are_true_or_false(tiny_encoder, name, value):
    with pytest.raises(TypeError, match=f"{name} must be True or False, got {value!r}"):
        ObjectSlotObservation(gym.make(SPRITES), tiny_encoder, **{name: value})


@pytest.mark.parametrize("cls", [SyncVectorEnv, DummyVecEnv])
def test_vector_environments_are_sent_to_their_own_wrapper(tiny_encoder, cls):
    with pytest.raises(TypeError, match=r"got \w+VectorEnv|got \w+VecEnv.*slotenv\.vector.*sb3"):
        ObjectSlotObservation(cls([SpritesEnv]), tiny_encoder)


def test_a_closed_environment_says_so(tiny_encoder):
    env = ObjectSlotObservation(gym.make(SPRITES), tiny_encoder)
    env.reset(seed=0)
    env.close()
    for act in (env.reset, lambda: env.step(0)):
        with pytest.raises(ClosedEnvironmentError, match="was closed"):
            act()


@pytest.mark.parametrize("encoder", [None, 7, {"a": 1}, torch.nn.Linear(1, 1)])
def test_other_kinds_of_encoder_are_refused(encoder):
    with pytest.raises(TypeError, match=r"encoder folder, a hub id or a SlotEncoder, got \w+"):
        ObjectSlotObservation(gym.make(SPRITES), encoder)


def test_missing_and_foreign_folders_are_refused(tmp_path, tiny_encoder_folder):
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="holds no encoder"):
        ObjectSlotObservation(gym.make(SPRITES), tmp_path / "empty")
    config = json.loads((tiny_encoder_folder / checkpoint.CONFIG).read_text())
    del config["kwargs"]["slot_dim"]
    (tiny_encoder_folder / checkpoint.CONFIG).write_text(json.dumps(config))
    with pytest.raises(ValueError, match="slot_dim"):
        ObjectSlotObservation(gym.make(SPRITES), tiny_encoder_folder)


def test_an_unknown_device_is_refused(tiny_encoder_folder):
    with pytest.raises(ValueError, match="no device 'gpu'"):
        ObjectSlotObservation(gym.make(SPRITES), tiny_encoder_folder, device="gpu")


@pytest.mark.parametrize(
    ("wrap", "error", "words"),
    [
        (partial(DtypeObservation, dtype=np.float32), TypeError, "got dtype float32.*scales"),
        (GrayscaleObservation, ValueError, r"got shape \(84, 84\).*grey"),
        (partial(FrameStackObservation, stack_size=4), ValueError, "stacked"),
        (partial(ResizeObservation, shape=(96, 96)), ValueError, r"\(96, 96, 3\)"),
    ],
)
def test_other_frames_are_refused(tiny_encoder, wrap, error, words):
    with pytest.raises(error, match=words):
        ObjectSlotObservation(wrap(SpritesEnv()), tiny_encoder)


def test_encoders_loaded_from_a_folder_equal_the_wrapper(tiny_encoder_folder):
    encoder = SlotEncoder.from_pretrained(tiny_encoder_folder)
    by_memory = ObjectSlotObservation(gym.make(SPRITES), encoder)
    by_name = ObjectSlotObservation(gym.make(SPRITES), str(tiny_encoder_folder))
    np.testing.assert_allclose(rollout(by_memory), rollout(by_name), atol=1e-5)
