"""The shared trunk: when distinct windows are worth finding, sizes, first weights, cached rows."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from fake_envs import random_frames

from slotenv.encoders import SlotMapEncoder
from slotenv.encoders.unique_patches import DistinctWindows
from slotenv.frames import plain


@pytest.fixture
def encoder():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return SlotMapEncoder(num_slots=2, slot_dim=3, preprocess=plain(84, 100)).eval()


def blank(count):
    return np.full((count, 84, 100, 3), 30, np.uint8)


def partly(share, count=8):
    """Frames of which a share of the rows is noise."""
    frames = blank(count)
    rows = int(84 * share)
    frames[:, :rows] = random_frames(count, rows, 100)
    return frames


@pytest.mark.parametrize("frozen", [False, True])
def test_windows_are_looked_for_in_four_frames_or_more(encoder, frozen):
    encoder.requires_grad_(not frozen)
    assert isinstance(encoder.prepare(blank(4)), DistinctWindows)
    assert isinstance(encoder.prepare(blank(3)), torch.Tensor)
    assert isinstance(encoder.prepare(blank(0)), torch.Tensor)


@pytest.mark.parametrize("frozen", [False, True])
def test_noise_is_not_worth_it(encoder, frozen):
    encoder.requires_grad_(not frozen)
    frames = random_frames(8, 84, 100)
    prepared = encoder.prepare(frames)
    assert isinstance(prepared, torch.Tensor)
    assert torch.equal(prepared, torch.from_numpy(frames))


def multiplications(encoder, frames):
    """Of the dense layers, and of the distinct windows, counted one layer after the other."""
    dense, height, width = 0, *frames.shape[1:3]
    for conv in encoder.convs:
        kernel, stride = conv.kernel_size[0], conv.stride[0]
        height, width = (height - kernel) // stride + 1, (width - kernel) // stride + 1
        dense += len(frames) * height * width * conv.weight.numel()
    patches, gathers = DistinctWindows(frames, encoder._sliding).full_index
    layers = zip([patches, *gathers], encoder._sliding, strict=True)
    return dense, sum(len(windows) * conv.weight.numel() for windows, conv in layers)


def test_training_finds_windows_where_that_halves_the_multiplications(encoder):
    seen = set()
    for share in np.linspace(0.05, 0.95, 19):
        frames = partly(share)
        dense, distinct = multiplications(encoder, frames)
        windows = DistinctWindows(frames, encoder._sliding)
        worth = distinct <= dense / 2 and windows.distinct_share <= 0.5
        assert isinstance(encoder.prepare(frames), DistinctWindows) == worth, share
        seen.add(worth)
    assert seen == {True, False}


def test_a_frozen_encoder_finds_them_where_half_of_the_windows_are_equal(encoder):
    """Later layers do not count: it will have seen their windows before."""
    encoder.requires_grad_(False)
    seen = set()
    for share in np.linspace(0.05, 0.95, 19):
        frames = partly(share)
        worth = DistinctWindows(frames, encoder._sliding).distinct_share <= 0.5
        assert isinstance(encoder.prepare(frames), DistinctWindows) == worth, share
        dense, distinct = multiplications(encoder, frames)
        seen.add((worth, distinct > dense / 2))
    assert (True, True) in seen  # where training would not


@pytest.mark.parametrize("frozen", [False, True])
def test_slots_are_those_of_the_frames_however_they_are_prepared(encoder, frozen):
    frames = partly(0.1)
    encoder.requires_grad_(not frozen)
    prepared = encoder.prepare(frames)
    assert isinstance(prepared, DistinctWindows)
    with torch.no_grad():
        found = encoder.forward_prepared(prepared)
        images = torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 255
        expected = encoder(images)
    torch.testing.assert_close(found.slots, expected.slots, rtol=1e-4, atol=1e-4)


def test_weights_that_change_are_not_answered_from_memory(encoder):
    encoder.requires_grad_(False)
    frames = partly(0.1)
    encoder.encode(frames)
    with torch.no_grad():
        for weight in encoder._weights():
            before = encoder.encode(frames)
            weight.add_(0.01)
            after = encoder.encode(frames)
            assert np.abs(after - before).max() > 0
            images = torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 255
            np.testing.assert_allclose(after, encoder(images).slots.numpy(), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("with_gradients", [False, True])
def test_only_a_frozen_encoder_without_gradients_remembers(encoder, with_gradients):
    frames, counts = partly(0.1), []
    rows = encoder._window_rows
    encoder._window_rows = lambda index: counts.append(len(index.patches)) or rows(index)
    encoder.requires_grad_(False)
    with torch.set_grad_enabled(with_gradients):
        for _ in range(2):
            encoder.forward_prepared(encoder.prepare(frames))
    assert len(counts) == (2 if with_gradients else 1)
    encoder.requires_grad_(True)
    with torch.no_grad():
        for _ in range(2):
            encoder.forward_prepared(encoder.prepare(frames))
    assert len(counts) == (4 if with_gradients else 3)


def test_one_trained_weight_is_enough_not_to_be_frozen(encoder):
    encoder.requires_grad_(False)
    assert encoder._frozen
    encoder._weights()[-1].requires_grad_(True)
    assert not encoder._frozen


def test_first_weights_are_orthogonal_with_gain_root_two_and_biases_zero(encoder):
    for layer in encoder._layers:
        weight = layer.weight.detach().flatten(1).double()
        short = weight if len(weight) <= weight.shape[1] else weight.T
        identity = torch.eye(len(short), dtype=torch.double)
        torch.testing.assert_close(short @ short.T, 2 * identity, atol=1e-5, rtol=0)
        assert not layer.bias.any()


@pytest.mark.parametrize(
    ("frame", "pixels"), [((210, 160), (11, 8)), ((84, 84), (3, 3)), ((76, 92), (3, 4))]
)
def test_sides_of_the_maps(frame, pixels):
    encoder = SlotMapEncoder(num_slots=1, slot_dim=2, preprocess=plain(*frame))
    assert encoder.map_pixels == pixels
    assert encoder(torch.zeros(1, 3, *frame)).maps.shape[-2:] == pixels
    assert [conv.out_channels for conv in encoder.convs] == [32, 64, 128]
    assert math.prod(encoder.conv1.weight.shape) == 32 * 3 * 8 * 8


@pytest.mark.parametrize("frame", [(75, 84), (84, 75), (8, 8), (1, 1)])
def test_frames_that_are_too_small_are_told_what_fits(frame):
    words = rf"at least 76 x 76 pixels for this encoder, got {frame[0]} x {frame[1]}"
    with pytest.raises(ValueError, match=words):
        SlotMapEncoder(num_slots=1, slot_dim=2, preprocess=plain(*frame))


def test_the_smallest_frames_fit():
    encoder = SlotMapEncoder(num_slots=1, slot_dim=2, preprocess=plain(76, 76))
    assert encoder.encode(random_frames(1, 76, 76)).shape == (1, 1, 2)
