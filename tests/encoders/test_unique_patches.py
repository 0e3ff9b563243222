import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from slotenv.encoders.unique_patches import DistinctWindows, forward_unique


@pytest.fixture
def convs() -> list[nn.Conv2d]:
    torch.manual_seed(0)
    return [nn.Conv2d(3, 5, 8, 4), nn.Conv2d(5, 6, 4, 2), nn.Conv2d(6, 7, 4, 2)]


def dense(frames: np.ndarray, convs: list[nn.Conv2d]) -> torch.Tensor:
    x = torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 255
    for conv in convs:
        x = F.relu(conv(x))
    return x


def unique(frames: np.ndarray, convs: list[nn.Conv2d]) -> torch.Tensor:
    windows = DistinctWindows(frames, convs)
    rows = forward_unique(windows.full_index, convs)
    height, width = dense(frames[:1], convs).shape[2:]
    return F.embedding(windows.positions, rows).transpose(1, 2).unflatten(2, (height, width))


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
    found, ordinary = unique(frames, convs), dense(frames, convs)
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
        for r in range(0, 72, 4)  # the 18 x 18 windows that the last layer's 3 x 3 are made of
        for c in range(0, 72, 4)
    }
    index = DistinctWindows(frames, convs).full_index
    assert len(index.patches) == len(windows)
    assert {bytes(p) for p in index.patches.numpy()} == windows


def test_blank_frames_have_one_window_a_layer(convs: list[nn.Conv2d]) -> None:
    index = DistinctWindows(np.full((5, 84, 84, 3), 9, np.uint8), convs).full_index
    assert [len(index.patches), *(len(g) for g in index.gathers)] == [1, 1, 1]


def test_noise_has_as_many_windows_as_places(convs: list[nn.Conv2d]) -> None:
    frames = np.random.default_rng(3).integers(0, 255, (2, 84, 84, 3), np.uint8)
    windows = DistinctWindows(frames, convs)
    assert windows.distinct_share == 1
    assert [len(windows.full_index.patches), len(windows.keys)] == [2 * 18 * 18, 2 * 3 * 3]
    torch.testing.assert_close(unique(frames, convs), dense(frames, convs), rtol=1e-4, atol=1e-5)
    assert DistinctWindows(np.zeros_like(frames), convs).distinct_share < 0.01


def test_a_frame_alone_equals_the_frame_in_a_batch(convs: list[nn.Conv2d]) -> None:
    frames = sprite_frames(np.random.default_rng(4), 5, 84, 84)
    together = unique(frames, convs)
    for i in range(5):
        alone = unique(frames[i : i + 1], convs)
        torch.testing.assert_close(alone[0], together[i])


def test_some_windows_are_computed_as_among_all(convs: list[nn.Conv2d]) -> None:
    windows = DistinctWindows(sprite_frames(np.random.default_rng(6), 5, 84, 84), convs)
    rows = np.array([len(windows.keys) - 1, 0, 7])
    some = forward_unique(windows.index(rows), convs)
    torch.testing.assert_close(some, forward_unique(windows.full_index, convs)[rows])


def test_keys_name_content_and_not_place(convs: list[nn.Conv2d]) -> None:
    frames = sprite_frames(np.random.default_rng(7), 4, 84, 84)
    forward, backward = DistinctWindows(frames, convs), DistinctWindows(frames[::-1], convs)
    np.testing.assert_array_equal(forward.keys, backward.keys)
    np.testing.assert_array_equal(forward.positions, backward.positions.flip(0))


def test_one_changed_pixel_is_seen_anywhere(convs: list[nn.Conv2d]) -> None:
    for row, col, channel in [(0, 0, 0), (41, 37, 1), (75, 75, 2)]:
        frames = np.full((2, 84, 84, 3), 50, np.uint8)
        frames[1, row, col, channel] = 51
        assert len(DistinctWindows(frames, convs).full_index.patches) > 1


def test_frames_may_be_a_view(convs: list[nn.Conv2d]) -> None:
    frames = sprite_frames(np.random.default_rng(5), 6, 84, 90)[::2, :, 3:87]
    torch.testing.assert_close(
        unique(frames, convs),
        dense(np.ascontiguousarray(frames), convs),
        rtol=1e-4,
        atol=1e-5,
    )
