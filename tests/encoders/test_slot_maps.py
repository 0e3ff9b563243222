import copy
import pickle

import numpy as np
import pytest
import torch
from fake_envs import random_frames
from plain_form import plain_encode

from slotenv.encoders import SlotMapEncoder, to_unit_float, unique_patches
from slotenv.frames import SCN, plain


def test_layers_are_the_papers() -> None:
    encoder = SlotMapEncoder(num_slots=3, preprocess=SCN)
    output = encoder(torch.zeros(2, 3, 210, 160))
    assert output.maps.shape == (2, 3, 42, 11, 8)
    assert output.slots.shape == (2, 3, 32)
    shapes = {name: tuple(p.shape) for name, p in encoder.named_parameters() if p.ndim > 1}
    assert shapes == {
        "conv1.weight": (32, 3, 8, 8),
        "conv2.weight": (64, 32, 4, 4),
        "conv3.weight": (128, 64, 4, 4),
        "head_conv.weight": (21, 42, 3, 3),
        "head_linear.weight": (32, 21 * 9 * 6),
    }


def test_weights_start_orthogonal_with_gain_sqrt_2() -> None:
    encoder = SlotMapEncoder(num_slots=2, preprocess=SCN)
    rows = encoder.conv3.weight.flatten(1)
    torch.testing.assert_close(rows @ rows.T, 2 * torch.eye(128), atol=1e-4, rtol=0)
    assert all(not b.any() for name, b in encoder.named_parameters() if name.endswith("bias"))


@pytest.mark.parametrize("num_slots", [1, 2, 3, 5, 18, 64])
def test_every_slot_is_its_own_group_of_maps(num_slots: int) -> None:
    torch.manual_seed(0)
    encoder = SlotMapEncoder(num_slots=num_slots, slot_dim=4, preprocess=plain(84, 100))
    frames = random_frames(3, 84, 100)
    slots = encoder(to_unit_float(torch.from_numpy(frames))).slots
    torch.testing.assert_close(slots, plain_encode(encoder, frames), atol=1e-5, rtol=1e-4)


def test_prepared_frames_give_the_same_slots_and_gradients() -> None:
    torch.manual_seed(0)
    encoder = SlotMapEncoder(num_slots=3, preprocess=SCN)
    frames = np.zeros((4, 210, 160, 3), np.uint8)
    frames[1:, 50:60, 40:44] = 200
    prepared = encoder.forward_prepared(encoder.prepare(frames))
    ordinary = encoder(to_unit_float(torch.from_numpy(frames)))
    torch.testing.assert_close(prepared.slots, ordinary.slots, atol=1e-5, rtol=1e-4)
    weights = torch.randn_like(ordinary.slots)
    parameters = list(encoder.parameters())
    got = torch.autograd.grad((prepared.slots * weights).sum(), parameters)
    expected = torch.autograd.grad((ordinary.slots * weights).sum(), parameters)
    for g, e in zip(got, expected, strict=True):
        torch.testing.assert_close(g, e, rtol=1e-3, atol=1e-4 * float(e.abs().max()))


def test_noise_falls_back_to_ordinary_convolutions() -> None:
    encoder = SlotMapEncoder(num_slots=2, preprocess=plain(84, 84))
    assert isinstance(encoder.prepare(random_frames(4, 84, 84)), torch.Tensor)
    assert not isinstance(encoder.prepare(np.zeros((4, 84, 84, 3), np.uint8)), torch.Tensor)


def test_too_many_slots_say_what_fits() -> None:
    with pytest.raises(ValueError, match="64 slots of two maps at most, got num_slots=65"):
        SlotMapEncoder(num_slots=65, preprocess=SCN)


def test_smallest_frame_is_the_one_the_error_names() -> None:
    with pytest.raises(ValueError, match="at least 76 x 76 pixels for this encoder, got 64 x 84"):
        SlotMapEncoder(num_slots=2, preprocess=plain(64, 84))
    SlotMapEncoder(num_slots=2, preprocess=plain(76, 76))
    with pytest.raises(ValueError, match="at least 76"):
        SlotMapEncoder(num_slots=2, preprocess=plain(75, 76))


def test_a_frozen_encoder_remembers_and_gives_the_same_slots() -> None:
    torch.manual_seed(0)
    encoder = SlotMapEncoder(num_slots=3, preprocess=plain(84, 100)).eval()
    frozen = copy.deepcopy(encoder).requires_grad_(False)
    rng = np.random.default_rng(0)
    for size in (1, 4, 5, 1, 6, 8):
        frames = np.zeros((size, 84, 100, 3), np.uint8)
        for frame in frames:
            row, col = rng.integers(0, 70, 2)
            frame[row : row + 9, col : col + 5] = 200
        np.testing.assert_allclose(frozen.encode(frames), encoder.encode(frames), atol=1e-5)


def test_a_frozen_encoder_forgets_when_its_weights_change() -> None:
    encoder = SlotMapEncoder(num_slots=2, preprocess=plain(84, 84)).eval().requires_grad_(False)
    other = SlotMapEncoder(num_slots=2, preprocess=plain(84, 84)).eval()
    frames = np.full((4, 84, 84, 3), 90, np.uint8)
    before = encoder.encode(frames)
    encoder.load_state_dict(other.state_dict())
    np.testing.assert_allclose(encoder.encode(frames), other.encode(frames), atol=1e-5)
    assert np.abs(encoder.encode(frames) - before).max() > 1e-3
    assert pickle.loads(pickle.dumps(encoder)).encode(frames).shape == (4, 2, 32)


def test_the_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unique_patches, "_MOST_ROWS", 30)
    encoder = SlotMapEncoder(num_slots=2, preprocess=plain(84, 84)).eval().requires_grad_(False)
    rng = np.random.default_rng(0)
    for _ in range(20):
        frames = np.zeros((4, 84, 84, 3), np.uint8)
        row, col = rng.integers(0, 70, 2)
        frames[0, row : row + 9, col : col + 5] = rng.integers(1, 255)
        expected = plain_encode(encoder, frames)
        np.testing.assert_allclose(encoder.encode(frames), expected, atol=1e-5)
    assert 0 < len(encoder._cache._numbers) < 40
