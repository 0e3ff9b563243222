"""The extractor's features are the slots of the frames; other observations are refused."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest
import torch
from fake_envs import SPRITES, SpritesEnv
from gymnasium.spaces import Box
from pixel_agents import PIXELS, agent, images_of, plain_kwargs
from stable_baselines3.common.vec_env import DummyVecEnv, VecFrameStack

from slotenv import SlotExtractor


def test_a_name_that_nobody_knows_is_an_error_at_once(tmp_path):
    with pytest.raises(FileNotFoundError, match="no encoder"):
        SlotExtractor(PIXELS, str(tmp_path / "nowhere" / "x"))


@pytest.mark.parametrize("frozen", [True, False])
@pytest.mark.parametrize("count", [1, 10])
def test_features_are_the_slots(tiny_encoder, tiny_encoder_folder, frames, frozen, count):
    extractor = SlotExtractor(PIXELS, tiny_encoder_folder, frozen)
    features = extractor(images_of(frames[:count]))
    assert features.shape == (count, extractor.features_dim) == (count, 12)
    assert features.requires_grad != frozen
    expected = tiny_encoder.encode(frames[:count]).reshape(count, 12)
    np.testing.assert_allclose(features.detach().numpy(), expected, atol=1e-5)


def test_every_byte_survives_the_way_to_unit_floats_and_back():
    values = torch.arange(256, dtype=torch.uint8)
    back = (values.float() / 255.0).mul(255.0).round_().to(torch.uint8)
    assert torch.equal(back, values)


def test_floats_that_are_no_bytes_are_not_rounded(tiny_encoder, tiny_encoder_folder, frames):
    extractor = SlotExtractor(Box(0, 1, (3, 84, 84), np.float32), tiny_encoder_folder)
    images = images_of(frames) * 0.501
    expected = tiny_encoder(images).slots.flatten(1)
    torch.testing.assert_close(extractor(images), expected.detach())


def test_channels_last_and_raw_bytes_give_the_same(tiny_encoder_folder, frames):
    first = SlotExtractor(PIXELS, tiny_encoder_folder)
    last = SlotExtractor(
        Box(0, 255, (84, 84, 3), np.uint8), tiny_encoder_folder, normalized_image=False
    )
    expected = first(images_of(frames))
    torch.testing.assert_close(last(torch.from_numpy(frames).float()), expected)


def test_stacked_frames_give_features_oldest_first(tiny_encoder, tiny_encoder_folder):
    venv = VecFrameStack(DummyVecEnv([lambda: gym.make(SPRITES)]), 4)
    model = agent("ppo", plain_kwargs(tiny_encoder_folder), venv).learn(32)
    assert model.policy.features_extractor.features_dim == 4 * 12
    venv.seed(0)
    stacked = [venv.reset(), *(venv.step([1])[0] for _ in range(3))][-1]
    tensor, _ = model.policy.obs_to_tensor(stacked)
    features = model.policy.extract_features(tensor).reshape(4, 12)
    frames = stacked[0].reshape(84, 84, 4, 3).transpose(2, 0, 1, 3)
    expected = tiny_encoder.encode(np.ascontiguousarray(frames)).reshape(4, 12)
    np.testing.assert_allclose(features.numpy(), expected, atol=1e-5)
    assert (frames[0] != frames[3]).any()


def test_channels_first_environments_and_raw_pixels_work(tiny_encoder_folder, frames):
    env = SpritesEnv(channels_first=True)
    kwargs = SlotExtractor.policy_kwargs(tiny_encoder_folder, normalize_images=False)
    assert kwargs["features_extractor_kwargs"]["normalized_image"] is False
    raw, usual = (
        agent("a2c", k, env) for k in (kwargs, SlotExtractor.policy_kwargs(tiny_encoder_folder))
    )
    raw.learn(16)
    observations = frames.transpose(0, 3, 1, 2)
    found = [
        m.policy.extract_features(m.policy.obs_to_tensor(observations)[0]) for m in (raw, usual)
    ]
    torch.testing.assert_close(*found)


@pytest.mark.parametrize(
    ("normalized", "scale"), [(True, 255.0), (False, 1.0), (True, -1.0), (False, 300.0)]
)
def test_pixels_on_another_scale_are_refused(tiny_encoder_folder, frames, normalized, scale):
    extractor = SlotExtractor(PIXELS, tiny_encoder_folder, normalized_image=normalized)
    extractor(torch.zeros(1, 3, 84, 84))  # black says nothing
    with pytest.raises(ValueError, match=r"needs pixels in \[0, (1|255)\], got .*normalize_images"):
        extractor(images_of(frames) * scale)


@pytest.mark.parametrize(
    "space",
    [
        Box(0, 255, (1, 84, 84), np.uint8),
        Box(0, 255, (4, 84, 84), np.uint8),
        Box(0, 255, (3, 96, 96), np.uint8),
        Box(0, 255, (4, 84, 84, 3), np.uint8),
        gym.spaces.Discrete(3),
    ],
)
def test_other_observations_are_refused(tiny_encoder_folder, space):
    with pytest.raises(ValueError, match=r"needs RGB frames of 84 x 84 pixels.*got"):
        SlotExtractor(space, tiny_encoder_folder)


@pytest.mark.parametrize(
    ("encoder", "error", "words"),
    [
        (5, TypeError, "folder or a hub id, got int"),
        ({"num_slots": 3}, ValueError, "what SlotExtractor.policy_kwargs makes, got one with num"),
    ],
)
def test_other_kinds_of_encoder_are_refused(encoder, error, words):
    with pytest.raises(error, match=words):
        SlotExtractor(PIXELS, encoder)
