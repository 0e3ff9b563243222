"""Convolutions that compute each distinct patch of a batch once.

Most of an Atari frame is the same as in every other frame, so most windows that a convolution
looks at hold the same pixels and give the same output: a batch of 256 Pong frames has 509,184
windows of 8 x 8 pixels, of which about 330 differ. The distinct windows of each layer are found (on
the bytes), each layer runs on those alone, and the results are copied to where they belong. Outputs
and gradients are those of the ordinary convolutions, up to the order of floating-point sums.

Windows are told apart by 64-bit hashes of their content: with a million distinct windows in one
batch, the chance that any two are mistaken for each other is below 1 in 10 million.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

_Hashes = NDArray[np.uint64]
_Places = NDArray[np.int64]

_rng = np.random.Generator(np.random.PCG64(20200713))
_FACTORS: _Hashes = _rng.integers(0, 2**64, size=1024, dtype=np.uint64) | np.uint64(1)
_SAMPLE = 4096  # windows among which distinct ones are counted
_MIX = np.uint64(0xBF58476D1CE4E5B9)
_FEWEST_FRAMES = 4  # below this, finding distinct windows takes longer than it saves
_MOST_ROWS = 200_000  # that are kept, some 50 MB; then it starts anew
_WORTH = 0.5  # share of distinct windows, or of multiplications, from which on it does not pay


def find_windows(
    frames: NDArray[np.uint8],
    convs: Sequence[nn.Conv2d],
    *,
    instead_of: Iterable[nn.Conv2d] | None,
) -> DistinctWindows | None:
    """Return the :class:`DistinctWindows` of a batch, or None where finding them would not pay.

    ``instead_of`` are the layers that would see all windows; None if outputs are kept for the next
    batches, which makes up for many distinct windows in this one.
    """
    if len(frames) < _FEWEST_FRAMES:
        return None
    windows = DistinctWindows(frames, convs)
    if windows.distinct_share > _WORTH:
        return None
    if instead_of is not None:
        (height, width), dense = frames.shape[1:3], 0  # multiplications
        for conv in instead_of:
            height, width = map_pixels(height, [conv]), map_pixels(width, [conv])
            dense += len(frames) * height * width * conv.weight.numel()
        layers = windows.full_index.patches, *windows.full_index.gathers
        distinct = sum(len(n) * conv.weight.numel() for n, conv in zip(layers, convs, strict=True))
        if distinct > _WORTH * dense:
            return None
    return windows


def map_pixels(pixels: int, convs: Iterable[nn.Conv2d]) -> int:
    """Return the side of the feature map that a side of the frame becomes; 0 if it is too small."""
    for conv in convs:
        pixels = max((pixels - conv.kernel_size[0]) // conv.stride[0] + 1, 0)
    return pixels


class PatchIndex(NamedTuple):
    """The distinct windows that layers see, and how those of one layer are made of the one below.

    ``patches`` (n_1, k * k * 3) uint8 are those of the first layer: rows, columns, channels. For
    each later layer, ``gathers`` (n_l, k * k) int64 say which rows of the one below make up each.
    """

    patches: Tensor
    gathers: tuple[Tensor, ...]


class DistinctWindows:
    """The distinct windows of the last of a stack of convolutions in a batch of frames.

    Needs no weights, so it can be made beside the training step (NumPy sorts without the GIL).

    Args:
        frames: (B, H, W, 3) uint8.
        convs: The layers, first to last: square kernels, no padding, no dilation; the first kernel
            a multiple of its stride, and a row of a stride a multiple of 4 bytes. An elementwise
            nonlinearity may follow each.

    Attributes:
        keys: (n,) uint64, a hash of what each distinct window sees of the frame.
        positions: (B, h * w) int64: which distinct window lies at each place of the last layer.
    """

    def __init__(self, frames: NDArray[np.uint8], convs: Sequence[nn.Conv2d]) -> None:
        self._frames = frames
        self._shapes = [(conv.kernel_size[0], conv.stride[0]) for conv in convs]
        self._layers = [_first_layer_hashes(frames, *self._shapes[0])]
        for shape in self._shapes[1:]:
            self._layers.append(_window_hashes(self._layers[-1], *shape))
        last = self._layers[-1]
        self.keys, self._places, inverse = np.unique(
            last.reshape(-1), return_index=True, return_inverse=True
        )
        self.positions = torch.from_numpy(inverse.reshape(len(frames), last[0].size))

    @property
    def distinct_share(self) -> float:
        """Share of distinct ones among the first layer's windows, from a sample; noise has 1."""
        flat = self._layers[0].reshape(-1)
        sample = flat[:: max(flat.size // _SAMPLE, 1)]
        return len(np.unique(sample)) / len(sample)

    @cached_property
    def full_index(self) -> PatchIndex:
        """What computing all distinct windows takes."""
        return self.index(np.arange(len(self.keys)))

    def index(self, rows: NDArray[np.int64]) -> PatchIndex:
        """Return what computing some of the distinct windows takes, given their numbers."""
        places = self._places[rows]
        gathers: list[Tensor] = []
        for layer in range(len(self._shapes) - 1, 0, -1):
            below = self._layers[layer - 1]
            windows = self._covered(places, layer, below.shape)
            hashes = below.reshape(-1)[windows].reshape(-1)
            _, first, inverse = np.unique(hashes, return_index=True, return_inverse=True)
            gathers.append(torch.from_numpy(inverse.reshape(windows.shape)))
            places = windows.reshape(-1)[first]
        *shape, channels = self._frames.shape
        windows = self._covered(places, 0, shape)
        patches = self._frames.reshape(-1, channels).take(windows, 0)  # (n_1, k * k, 3)
        return PatchIndex(torch.from_numpy(patches).flatten(1), tuple(reversed(gathers)))

    def _covered(self, places: _Places, layer: int, below: Sequence[int]) -> _Places:
        """Return the flat places below, of shape (B, h, w), that windows cover, (n, k * k)."""
        image, row, col = np.unravel_index(places, self._layers[layer].shape)
        kernel, stride = self._shapes[layer]
        _, height, width = below
        corner = (image * height + row * stride) * width + col * stride
        steps = np.arange(kernel)
        covered: _Places = corner[:, None] + (steps[:, None] * width + steps).reshape(-1)
        return covered


def forward_unique(index: PatchIndex, convs: Sequence[nn.Conv2d]) -> Tensor:
    """Run convolutions, each followed by ReLU, on distinct windows.

    Returns (n, C), the outputs of the last of these layers for its distinct windows, as of the
    layers applied to ``frames / 255``. The index may be of more layers.
    """
    rows = index.patches.to(convs[0].weight.dtype) / 255.0  # (n_1, k * k * 3)
    for conv, gather in zip(convs, (None, *index.gathers), strict=False):
        if gather is not None:
            rows = F.embedding(gather, rows).flatten(1)  # (n_l, k * k * C)
        weight = conv.weight.permute(0, 2, 3, 1).flatten(1)  # (out, k * k * in), as rows are
        rows = F.relu(F.linear(rows, weight, conv.bias))
    return rows


class RowCache:
    """Outputs of the last layer for windows seen so far, while weights stay as they are.

    A copy or a pickle of it is empty.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._version: Hashable = None
        self._numbers: dict[int, int] = {}
        self._table = torch.zeros(0, 0)

    def __reduce__(self) -> tuple[type[RowCache], tuple[()]]:
        return RowCache, ()

    def rows(
        self, windows: DistinctWindows, compute: Callable[[PatchIndex], Tensor], version: Hashable
    ) -> Tensor:
        """Return the rows of all windows, (n, C), computing those that were not seen before.

        Rows are in the order of the windows' keys, ``compute`` returns those of an index, and rows
        of weights of another ``version`` are forgotten.
        """
        with self._lock:
            if version != self._version or len(self._numbers) > _MOST_ROWS:
                self._version, self._numbers = version, {}
            known = self._numbers
            keys = windows.keys.tolist()
            missing = [i for i, key in enumerate(keys) if key not in known]
            if missing:
                rows = compute(windows.index(np.array(missing)))
                used, needed = len(known), len(known) + len(rows)
                if needed > len(self._table) or self._table.shape[1:] != rows.shape[1:]:
                    table = rows.new_zeros(max(2 * needed, 1024), rows.shape[1])
                    if used:
                        table[:used] = self._table[:used]
                    self._table = table
                self._table[used:needed] = rows
                known.update({keys[i]: used + n for n, i in enumerate(missing)})
            return self._table[torch.tensor([known[key] for key in keys])]


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
            total += window * _FACTORS[r * kernel + c]
    return _mixed(total)
