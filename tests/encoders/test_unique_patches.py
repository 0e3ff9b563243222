import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from slotenv.encoders.unique_patches import PatchIndex, forward_unique, index_patches, place


@pytest.fixture
def convs() -> list[nn.Conv2d]:
    torch.manual_seed(0)
    return [nn.Conv2d(3, 5, 8, 4), nn.Conv2d(5, 6, 4, 2), nn.Conv2d(6, 7, 4, 2)]


def dense(frames: np.ndarray, convs: list[nn.Conv2d]) -> torch.Tensor:
    x = torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 255
    for conv in convs:
        x = F.relu(conv(x))
    return x


def unique(index: PatchIndex, convs: list[nn.Conv2d]) -> torch.Tensor:
    maps = place(forward_unique(index, convs), index)
    return maps.transpose(1, 2).unflatten(2, index.size)


def sprite_frames(rng: np.random.Generator, count: int, height: int, width: int) -> np.ndarray:
    """A textured background with a few moving boxes: many equal windows, some not."""
    frames = np.repeat(rng.integers(0, 255, (1, height, width, 3), np.uint8), count, 0)
    frames[:, 10:40] = 77
    for frame in frames:
        for _ in range(3):
            row, col = rng.integers(0, height - 6), rng.integers(0, width - 6)
            frame[row : row + 6, col : col + 4] = rng.integers(0, 255, 3)
    return frames


@pytest.mark.parametrize(("height", "width"), [(210, 160), (84, 84), (97, 83), (76, 111)])
def test_features_and_gradients_equal_ordinary_convolutions(
    convs: list[nn.Conv2d], height: int, width: int
) -> None:
    frames = sprite_frames(np.random.default_rng(1), 6, height, width)
    index = index_patches(frames, convs)
    found, ordinary = unique(index, convs), dense(frames, convs)
    torch.testing.assert_close(found, ordinary, rtol=1e-4, atol=1e-5)
    weights = torch.randn_like(ordinary)
    parameters = [p for conv in convs for p in conv.parameters()]
    got = torch.autograd.grad((found * weights).sum(), parameters)
    expected = torch.autograd.grad((ordinary * weights).sum(), parameters)
    for g, e in zip(got, expected, strict=True):
        torch.testing.assert_close(g, e, rtol=1e-3, atol=1e-4 * float(e.abs().max()))


def test_counts_are_those_of_a_set_of_windows(convs: list[nn.Conv2d]) -> None:
    frames = sprite_frames(np.random.default_rng(2), 4, 84, 84)
    windows = {
        frame[r : r + 8, c : c + 8].tobytes()
        for frame in frames
        for r in range(0, 77, 4)
        for c in range(0, 77, 4)
    }
    index = index_patches(frames, convs)
    assert len(index.patches) == len(windows)
    assert {bytes(p) for p in index.patches.numpy()} == windows


def test_blank_frames_have_one_window_a_layer(convs: list[nn.Conv2d]) -> None:
    index = index_patches(np.full((5, 84, 84, 3), 9, np.uint8), convs)
    assert [len(index.patches), *(len(g) for g in index.gathers)] == [1, 1, 1]
    assert index.multiply_adds(convs) == sum(c.weight.numel() for c in convs)


def test_noise_has_as_many_windows_as_places(convs: list[nn.Conv2d]) -> None:
    frames = np.random.default_rng(3).integers(0, 255, (2, 84, 84, 3), np.uint8)
    index = index_patches(frames, convs)
    assert len(index.patches) == 2 * 20 * 20
    torch.testing.assert_close(unique(index, convs), dense(frames, convs), rtol=1e-4, atol=1e-5)


def test_a_frame_alone_equals_the_frame_in_a_batch(convs: list[nn.Conv2d]) -> None:
    frames = sprite_frames(np.random.default_rng(4), 5, 84, 84)
    together = unique(index_patches(frames, convs), convs)
    for i in range(5):
        alone = unique(index_patches(frames[i : i + 1], convs), convs)
        torch.testing.assert_close(alone[0], together[i])


def test_noise_is_given_up_where_it_is_not_worth_it(convs: list[nn.Conv2d]) -> None:
    frames = np.random.default_rng(3).integers(0, 255, (2, 84, 84, 3), np.uint8)
    assert index_patches(frames, convs, worth=0.99) is None
    assert index_patches(np.zeros_like(frames), convs, worth=0.01) is not None


def test_one_changed_pixel_is_seen_anywhere(convs: list[nn.Conv2d]) -> None:
    for row, col, channel in [(0, 0, 0), (41, 37, 1), (83, 83, 2)]:
        frames = np.full((2, 84, 84, 3), 50, np.uint8)
        frames[1, row, col, channel] = 51
        assert len(index_patches(frames, convs).patches) > 1


def test_frames_may_be_a_view(convs: list[nn.Conv2d]) -> None:
    frames = sprite_frames(np.random.default_rng(5), 6, 84, 90)[::2, :, 3:87]
    torch.testing.assert_close(
        unique(index_patches(frames, convs), convs),
        dense(np.ascontiguousarray(frames), convs),
        rtol=1e-4,
        atol=1e-5,
    )
