from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from fake_envs import random_frames

from slotenv import SlotEncoder
from slotenv.encoders import GlobalVectorEncoder, SlotMapEncoder, to_unit_float
from slotenv.encoders.unique_patches import DistinctWindows
from slotenv.frames import SCN, plain


def squares(count: int, height: int, width: int) -> np.ndarray:
    """Black frames with one square each, so that few windows are distinct."""
    frames, rng = np.zeros((count, height, width, 3), np.uint8), np.random.default_rng(0)
    for frame in frames:
        row, col = rng.integers(0, 60, 2)
        frame[row : row + 9, col : col + 5] = 200
    return frames


def test_layers_are_the_trunk_and_one_linear_layer() -> None:
    encoder = GlobalVectorEncoder(num_slots=3, preprocess=SCN)
    output = encoder(torch.zeros(2, 3, 210, 160))
    assert output.maps.shape == (2, 1, 128, 11, 8)
    assert output.slots.shape == (2, 3, 32)
    shapes = {name: tuple(p.shape) for name, p in encoder.named_parameters() if p.ndim > 1}
    assert shapes == {
        "conv1.weight": (32, 3, 8, 8),
        "conv2.weight": (64, 32, 4, 4),
        "conv3.weight": (128, 64, 4, 4),
        "head_linear.weight": (96, 128 * 11 * 8),
    }


def test_weights_start_orthogonal_with_gain_sqrt_2() -> None:
    torch.manual_seed(0)
    encoder = GlobalVectorEncoder(num_slots=2, preprocess=plain(84, 84))
    rows = encoder.head_linear.weight
    torch.testing.assert_close(rows @ rows.T, 2 * torch.eye(64), atol=1e-4, rtol=0)
    filters = encoder.conv3.weight.flatten(1)
    torch.testing.assert_close(filters @ filters.T, 2 * torch.eye(128), atol=1e-4, rtol=0)
    assert not any(b.any() for name, b in encoder.named_parameters() if name.endswith("bias"))


def test_the_vector_is_all_slots_end_to_end() -> None:
    torch.manual_seed(0)
    encoder = GlobalVectorEncoder(num_slots=3, slot_dim=5, preprocess=plain(84, 100))
    frames = random_frames(2, 84, 100)
    x = torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 255
    for conv in (encoder.conv1, encoder.conv2, encoder.conv3):
        x = F.relu(F.conv2d(x, conv.weight, conv.bias, stride=conv.stride))
    output = encoder(to_unit_float(torch.from_numpy(frames)))
    torch.testing.assert_close(output.maps[:, 0], x, atol=1e-5, rtol=1e-4)
    vector = x.reshape(2, -1) @ encoder.head_linear.weight.T + encoder.head_linear.bias
    torch.testing.assert_close(output.slots.flatten(1), vector, atol=1e-5, rtol=1e-4)


def test_distinct_windows_give_the_same_slots_maps_and_gradients() -> None:
    torch.manual_seed(0)
    encoder = GlobalVectorEncoder(num_slots=3, preprocess=plain(120, 84))
    frames = squares(4, 120, 84)
    prepared = encoder.prepare(frames)
    assert isinstance(prepared, DistinctWindows)
    fast = encoder.forward_prepared(prepared)
    ordinary = encoder(to_unit_float(torch.from_numpy(frames)))
    assert fast.maps.shape == ordinary.maps.shape == (4, 1, 128, 5, 3)
    torch.testing.assert_close(fast.slots, ordinary.slots, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(fast.maps, ordinary.maps, atol=1e-5, rtol=1e-4)
    weights = torch.randn_like(ordinary.slots), torch.randn_like(ordinary.maps)
    parameters = list(encoder.parameters())
    got, expected = (
        torch.autograd.grad((o.slots * weights[0]).sum() + (o.maps * weights[1]).sum(), parameters)
        for o in (fast, ordinary)
    )
    for g, e in zip(got, expected, strict=True):
        torch.testing.assert_close(g, e, rtol=1e-3, atol=1e-4 * float(e.abs().max()))


def test_a_frozen_encoder_remembers_and_gives_the_same_slots() -> None:
    torch.manual_seed(0)
    encoder = GlobalVectorEncoder(num_slots=2, preprocess=plain(84, 84)).eval()
    frames = squares(9, 84, 84)
    expected = encoder.encode(frames)
    encoder.requires_grad_(False)
    for part in (slice(0, 4), slice(4, 9), slice(0, 9)):
        np.testing.assert_allclose(encoder.encode(frames[part]), expected[part], atol=1e-5)
    assert encoder._cache._numbers
    with torch.no_grad():
        encoder.conv1.bias.add_(1.0)
    assert np.abs(encoder.encode(frames) - expected).max() > 1e-3


def test_it_is_saved_and_loaded(tmp_path: Path) -> None:
    encoder = GlobalVectorEncoder(num_slots=2, slot_dim=3, preprocess=plain(84, 84)).eval()
    encoder.save_pretrained(tmp_path)
    loaded = SlotEncoder.from_pretrained(tmp_path)
    assert type(loaded) is GlobalVectorEncoder
    frames = squares(5, 84, 84)
    np.testing.assert_array_equal(loaded.encode(frames), encoder.encode(frames))
    with pytest.raises(TypeError, match="holds a GlobalVectorEncoder, asked for a SlotMapEncoder"):
        SlotMapEncoder.from_pretrained(tmp_path)


def test_more_slots_than_maps_are_welcome() -> None:
    encoder = GlobalVectorEncoder(num_slots=200, slot_dim=1, preprocess=plain(84, 84))
    assert encoder.encode(squares(1, 84, 84)).shape == (1, 200, 1)


def test_smallest_frame_is_the_one_the_error_names() -> None:
    with pytest.raises(ValueError, match="at least 44 x 44 pixels for this encoder, got 43 x 84"):
        GlobalVectorEncoder(num_slots=2, preprocess=plain(43, 84))
    assert GlobalVectorEncoder(num_slots=2, preprocess=plain(44, 44)).map_pixels == (1, 1)
    with pytest.raises(ValueError, match=r"num_slots must lie in 1\.\.1024, got 0"):
        GlobalVectorEncoder(num_slots=0, preprocess=SCN)
