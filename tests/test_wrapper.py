"""The Gymnasium wrapper, on sprites and on the real emulator."""

from __future__ import annotations

import json
from functools import partial

import gymnasium as gym
import numpy as np
import pytest
import stable_baselines3.common.env_checker as sb3_checker
import torch
from fake_envs import SPRITES, SpritesEnv
from gymnasium.error import ClosedEnvironmentError
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import SyncVectorEnv
from gymnasium.wrappers import (
    DtypeObservation,
    FrameStackObservation,
    GrayscaleObservation,
    ResizeObservation,
)
from stable_baselines3.common.vec_env import DummyVecEnv

from slotenv import ObjectSlotObservation, SlotEncoder, checkpoint, make_env
from slotenv.encoders import SlotMapEncoder
from slotenv.frames import SCN, V5


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


@pytest.mark.ale
@pytest.mark.filterwarnings("ignore:.*different from the unwrapped version")
@pytest.mark.filterwarnings("ignore:.*Box observation space (minimum|maximum) value is")
@pytest.mark.parametrize("preset", [SCN, V5], ids=lambda preset: preset.name)
def test_games_with_slots_are_accepted(preset):
    encoder = SlotMapEncoder(num_slots=2, slot_dim=3, preprocess=preset)
    check_env(ObjectSlotObservation(make_env("Breakout", preset), encoder), skip_render_check=True)
    sb3_checker.check_env(
        ObjectSlotObservation(make_env("Breakout", preset), encoder, flatten=True)
    )


def test_a_seed_may_be_numpys(tiny_encoder):
    env = ObjectSlotObservation(gym.make(SPRITES), tiny_encoder)
    np.testing.assert_array_equal(rollout(env, seed=np.int64(3)), rollout(env, seed=3))


@pytest.mark.parametrize(
    ("view", "error", "words"),
    [
        (lambda f: f[:80], ValueError, r"\(1, 80, 84, 3\)"),
        (lambda f: np.tile(f, (2, 2, 1)), ValueError, r"\(1, 168, 168, 3\)"),
        (lambda f: f[..., 0], ValueError, r"\(1, 84, 84\)"),
        (lambda f: f / 255, TypeError, "float64"),
        (lambda f: f.tolist(), TypeError, "got list"),
        (torch.from_numpy, TypeError, "got Tensor"),
    ],
)
def test_frames_that_are_not_as_the_space_says_are_refused(tiny_encoder, view, error, words):
    class Later(gym.ObservationWrapper):
        views = (lambda f: f,)

        def observation(self, observation):
            return self.views[-1](observation)

    base = Later(SpritesEnv())
    env = ObjectSlotObservation(base, tiny_encoder)
    env.reset()
    base.views = (view,)
    for act in (lambda: env.step(0), env.reset):
        with pytest.raises(error, match=f"ObjectSlotObservation.*observation space says.*{words}"):
            act()


@pytest.mark.parametrize("in_memory", [False, True])
def test_a_device_that_is_not_there_is_refused_at_once(
    tiny_encoder, tiny_encoder_folder, in_memory
):
    encoder = tiny_encoder if in_memory else tiny_encoder_folder
    with pytest.raises(ValueError, match="use device='cpu'"):
        ObjectSlotObservation(gym.make(SPRITES), encoder, device="cuda:99")


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


@pytest.mark.parametrize("encoder", [7, {"a": 1}, torch.nn.Linear(1, 1)])
def test_other_kinds_of_encoder_are_refused(encoder):
    with pytest.raises(TypeError, match=r"encoder folder or a hub id, got \w+"):
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
