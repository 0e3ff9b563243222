"""The Gymnasium wrapper around encoders whose slots say where they are: held slots, velocities."""

from __future__ import annotations

import copy
import json
import pickle

import gymnasium as gym
import numpy as np
import pytest
from fake_envs import SPRITES, SpritesEnv
from gymnasium.envs.registration import EnvSpec
from spots import FIELDS, SpotEncoder, TrackedByHand

from slotenv import ObjectSlotObservation, SlotEncoder, checkpoint, records
from slotenv.encoders import ENCODERS
from slotenv.tracking import track_recording


def rollout(env, steps=5, seed=3):
    observations = [env.reset(seed=seed)[0]]
    observations += [env.step(i % 4)[0] for i in range(steps)]
    return np.stack(observations)


@pytest.fixture
def spot_folder(tiny_preset, tmp_path, monkeypatch):
    """An encoder with slot_fields on disk."""
    monkeypatch.setitem(ENCODERS, "spots", SpotEncoder)
    SpotEncoder(preprocess=tiny_preset).save_pretrained(tmp_path / "spots")
    return tmp_path / "spots"


TRACKED = [{"hold": hold, "motion": motion} for hold in (False, True) for motion in (False, True)]


@pytest.mark.parametrize("switches", TRACKED, ids=str)
def test_what_was_seen_before_is_kept_within_an_episode(spot_folder, switches):
    env = ObjectSlotObservation(gym.make(SPRITES), spot_folder, **switches)
    encoder, raw = SlotEncoder.from_pretrained(spot_folder), gym.make(SPRITES)
    hand = TrackedByHand(**switches)
    for episode in range(4):
        observed, frames = rollout(env, 12, seed=episode), rollout(raw, 12, seed=episode)
        slots = encoder.encode(frames)
        expected = [hand.observe(now, first=t == 0) for t, now in enumerate(slots)]
        np.testing.assert_allclose(observed, expected, rtol=1e-5, atol=1e-4)
        whole = track_recording(slots, np.zeros(13, int), fields=FIELDS, **switches)
        np.testing.assert_allclose(observed, whole, rtol=1e-5, atol=1e-4)
        assert all(slot in env.observation_space for slot in observed)
    assert len(hand.cases) == 5
    assert env.observation_space.shape == (3, 6 if switches["motion"] else 4)


def test_what_is_held_comes_with_flat_slots_and_pixels(spot_folder):
    layout = {"hold": True, "motion": True}
    plain = ObjectSlotObservation(gym.make(SPRITES), spot_folder, **layout)
    env = ObjectSlotObservation(
        gym.make(SPRITES), spot_folder, flatten=True, keep_pixels=True, **layout
    )
    observed = [env.reset(seed=3)[0]] + [env.step(i % 4)[0] for i in range(5)]
    slots = np.stack([obs["slots"] for obs in observed])
    assert observed[0] in env.observation_space
    np.testing.assert_array_equal(slots, rollout(plain).reshape(6, 18))


def test_holding_is_in_the_spec_and_known_without_weights(spot_folder):
    weights = spot_folder / checkpoint.WEIGHTS
    content = weights.read_bytes()
    weights.unlink()
    env = ObjectSlotObservation(gym.make(SPRITES), spot_folder, hold=True, motion=True)
    assert env.observation_space.shape == (3, 6)
    text = env.spec.to_json()
    assert json.loads(text)["additional_wrappers"]
    weights.write_bytes(content)
    for again in (gym.make(env.spec), gym.make(EnvSpec.from_json(text))):
        np.testing.assert_array_equal(rollout(again), rollout(env))


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))])
def test_copies_made_during_an_episode_go_on_with_what_was_seen(spot_folder, duplicate):
    env = ObjectSlotObservation(SpritesEnv(), spot_folder, hold=True, motion=True)
    rollout(env, 6)
    again = duplicate(env)
    assert again._encoder._module is None
    for action in (1, 2, 3, 1):
        np.testing.assert_array_equal(again.step(action)[0], env.step(action)[0])


@pytest.mark.parametrize("in_memory", [False, True])
def test_slots_that_say_no_places_cannot_be_held(tiny_encoder, tiny_encoder_folder, in_memory):
    encoder = tiny_encoder if in_memory else tiny_encoder_folder
    with pytest.raises(ValueError, match=r"hold=True needs .*slot_fields.* objects"):
        ObjectSlotObservation(gym.make(SPRITES), encoder, hold=True)


def test_an_architecture_of_another_version_is_refused(tiny_encoder_folder):
    config = json.loads((tiny_encoder_folder / checkpoint.CONFIG).read_text())
    config["architecture"] = "of_tomorrow"
    (tiny_encoder_folder / checkpoint.CONFIG).write_text(records.dumps(config))
    with pytest.raises(ValueError, match=r"named 'of_tomorrow'; this slotenv has .*slot_maps"):
        ObjectSlotObservation(gym.make(SPRITES), tiny_encoder_folder)
