"""Convolutions that compute each distinct patch of a batch once.

Most of an Atari frame is the same as in every other frame, so most windows that a convolution
looks at hold the same pixels and give the same output. A batch of 256 Pong frames has 509,184
windows of 8 x 8 pixels, of which about 330 differ. This file finds the distinct windows of each
layer (on the bytes, before any arithmetic), runs each layer on those rows alone, and copies the
results to where they belong. Outputs and gradients are those of the ordinary convolutions, up to
the order of floating-point sums.

Windows are told apart by 64-bit hashes of their content: with a million distinct windows in one
batch, the chance that any two are mistaken for each other is below 1 in 10 million.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

_Hashes = NDArray[np.uint64]

_rng = np.random.Generator(np.random.PCG64(20200713))
_FACTORS: _Hashes = _rng.integers(0, 2**64, size=1024, dtype=np.uint64) | np.uint64(1)
_MIX = np.uint64(0xBF58476D1CE4E5B9)


@dataclass(frozen=True)
class PatchIndex:
    """The distinct windows of a batch of frames, layer by layer.

    Attributes:
        patches: (n_1, k * k * 3) uint8, the distinct windows of the first layer, in the order of
            rows, columns, channels.
        gathers: For each later layer, (n_l, k * k) int64: which rows of the layer below make up
            each distinct window.
        positions: (B, h * w) int64: which row of the last layer lies at each place.
        size: (h, w) of the last layer's map.
    """

    patches: Tensor
    gathers: tuple[Tensor, ...]
    positions: Tensor
    size: tuple[int, int]

    def multiply_adds(self, convs: Sequence[nn.Conv2d]) -> int:
        """Multiplications of these layers over their distinct windows."""
        rows = [len(self.patches), *(len(g) for g in self.gathers)]
        return sum(n * conv.weight.numel() for n, conv in zip(rows, convs, strict=False))


def index_patches(
    frames: NDArray[np.uint8], convs: Sequence[nn.Conv2d], *, worth: float = 1.0
) -> PatchIndex | None:
    """Find the distinct windows that each of a stack of convolutions sees.

    Needs no weights, so it can run beside the training step (NumPy sorts without the GIL).

    Args:
        frames: (B, H, W, 3) uint8.
        convs: The layers, first to last: square kernels, no padding, no dilation; the first
            kernel a multiple of its stride, and a row of a stride a multiple of 4 bytes.

        worth: Give up when more than this share of the first layer's windows are distinct.

    Returns:
        The index for :func:`forward_unique`, or None where it is not worth making.
    """
    kernel, stride = convs[0].kernel_size[0], convs[0].stride[0]
    hashes = _first_layer_hashes(frames, kernel, stride)
    first, inverse = _unique(hashes)
    if len(first) > worth * hashes.size:
        return None
    patches = _windows_at(frames, first, hashes.shape[1:], kernel, stride)
    ids = inverse.reshape(hashes.shape)
    gathers: list[Tensor] = []
    for conv in convs[1:]:
        kernel, stride = conv.kernel_size[0], conv.stride[0]
        keys = _window_hashes(hashes, kernel, stride)
        first, inverse = _unique(keys)
        gathers.append(torch.from_numpy(_ids_at(ids, first, keys.shape[1:], kernel, stride)))
        hashes, ids = keys, inverse.reshape(keys.shape)
    height, width = int(hashes.shape[1]), int(hashes.shape[2])
    positions = torch.from_numpy(ids.reshape(len(frames), height * width))
    return PatchIndex(torch.from_numpy(patches), tuple(gathers), positions, (height, width))


def forward_unique(index: PatchIndex, convs: Sequence[nn.Conv2d]) -> Tensor:
    """Run convolutions, each followed by ReLU, on the distinct windows of a batch.

    Args:
        index: From :func:`index_patches` with the same layers, and perhaps more.
        convs: The layers.

    Returns:
        (n, C): the outputs of the last of these layers for its distinct windows, equal to those of
        the layers applied to ``frames / 255``.
    """
    rows = index.patches.to(convs[0].weight.dtype) / 255.0  # (n_1, k * k * 3)
    rows = F.relu(F.linear(rows, _flat_weight(convs[0]), convs[0].bias))
    for conv, gather in zip(convs[1:], index.gathers, strict=False):
        windows = F.embedding(gather, rows).flatten(1)  # (n_l, k * k * C)
        rows = F.relu(F.linear(windows, _flat_weight(conv), conv.bias))
    return rows


def place(rows: Tensor, index: PatchIndex) -> Tensor:
    """Copy the last layer's rows to where they belong.

    Returns:
        (B, h * w, C), as a channels-last feature map.
    """
    return F.embedding(index.positions, rows)


def _flat_weight(conv: nn.Conv2d) -> Tensor:
    return conv.weight.permute(0, 2, 3, 1).flatten(1)  # (out, k * k * in), as the rows are laid out


def _mixed(hashes: _Hashes) -> _Hashes:
    """Spread the bits, so that sums of products of hashes stay independent."""
    hashes ^= hashes >> np.uint64(29)
    hashes *= _MIX
    hashes ^= hashes >> np.uint64(32)
    return hashes


def _first_layer_hashes(frames: NDArray[np.uint8], kernel: int, stride: int) -> _Hashes:
    """Hash every window of the first layer, through the stride x stride blocks it is made of."""
    batch, height, width, channels = frames.shape
    rows, cols = height // stride, width // stride
    words = stride * channels // 4  # 32-bit words in one row of a block
    cropped = np.ascontiguousarray(frames[:, : rows * stride, : cols * stride])
    lines = cropped.reshape(batch, rows, stride, cols * words * 4).view(np.uint32)
    # Only blocks that differ from the first frame's are hashed one by one.
    changed = np.zeros((batch, rows, cols * words), np.uint32)
    for line in range(stride):
        changed |= lines[:, :, line] ^ lines[0, :, line]
    differs = np.zeros((batch, rows, cols), np.bool_)
    for word in range(words):
        differs |= changed[:, :, word::words] != 0
    image, row, col = np.nonzero(differs)
    blocks = lines.reshape(batch, rows, stride, cols, words)
    hashes = np.empty((batch, rows, cols), np.uint64)
    hashes[:] = _block_hashes(blocks[0].swapaxes(1, 2))
    hashes[image, row, col] = _block_hashes(blocks[image, row, :, col])
    return _window_hashes(hashes, kernel // stride, 1)


def _block_hashes(blocks: NDArray[np.uint32]) -> _Hashes:
    """Hash blocks of 32-bit words, (..., stride, words)."""
    flat = blocks.reshape(*blocks.shape[:-2], blocks.shape[-2] * blocks.shape[-1])
    return _mixed((flat * _FACTORS[: flat.shape[-1]]).sum(-1, dtype=np.uint64))


def _window_hashes(hashes: _Hashes, kernel: int, stride: int) -> _Hashes:
    """Combine the hashes under every kernel x kernel window."""
    batch, height, width = hashes.shape
    rows, cols = (height - kernel) // stride + 1, (width - kernel) // stride + 1
    total = np.zeros((batch, rows, cols), np.uint64)
    for r in range(kernel):
        for c in range(kernel):
            window = hashes[:, r : r + stride * rows : stride, c : c + stride * cols : stride]
            total += window[:, :rows, :cols] * _FACTORS[r * kernel + c]
    return _mixed(total)


def _unique(hashes: _Hashes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the flat place of one example of each distinct hash, and each place's number.

    Places that agree with the first frame of the batch, most of them, need no sorting.
    """
    batch = len(hashes)
    flat = hashes.reshape(batch, -1)
    reference = flat[0]
    differs = flat != reference
    others = np.flatnonzero(differs)
    candidates = np.concatenate([np.arange(reference.size), others])
    _, first, inverse = np.unique(
        np.concatenate([reference, flat.reshape(-1)[others]]),
        return_index=True,
        return_inverse=True,
    )
    ids = np.broadcast_to(inverse[: reference.size], flat.shape).reshape(-1).copy()
    ids[others] = inverse[reference.size :]
    return candidates[first], ids


def _corners(
    flat: NDArray[np.int64], size: tuple[int, ...], stride: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    image, row, col = np.unravel_index(flat, (int(flat.max()) // (size[0] * size[1]) + 1, *size))
    return image, row * stride, col * stride


def _windows_at(
    frames: NDArray[np.uint8],
    flat: NDArray[np.int64],
    size: tuple[int, ...],
    kernel: int,
    stride: int,
) -> NDArray[np.uint8]:
    image, row, col = _corners(flat, size, stride)
    steps = np.arange(kernel)
    rows, cols = row[:, None, None] + steps[:, None], col[:, None, None] + steps
    found: NDArray[np.uint8] = frames[image[:, None, None], rows, cols]
    return found.reshape(len(flat), -1)  # (n, k * k * 3)


def _ids_at(
    ids: NDArray[np.int64], flat: NDArray[np.int64], size: tuple[int, ...], kernel: int, stride: int
) -> NDArray[np.int64]:
    image, row, col = _corners(flat, size, stride)
    steps = np.arange(kernel)
    rows, cols = row[:, None, None] + steps[:, None], col[:, None, None] + steps
    found: NDArray[np.int64] = ids[image[:, None, None], rows, cols]
    return found.reshape(len(flat), -1)  # (n, k * k)
