"""The paper's encoder: feature maps of a CNN split into K slot maps, each encoded by one head."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from slotenv.encoders.base import SlotEncoder, SlotOutput
from slotenv.encoders.row_cache import RowCache
from slotenv.encoders.unique_patches import DistinctWindows, PatchIndex, forward_unique
from slotenv.frames import FramePreset

_NUM_MAPS = 128
_HEAD_KERNEL = 3
_FEWEST_FRAMES = 4  # below this, finding distinct windows takes longer than it saves
_WORTH = 0.5  # share of distinct windows, or of multiplications, from which on it does not pay


class SlotMapEncoder(SlotEncoder):
    """Slot Contrastive Networks' encoder.

    Three convolutions (3 to 32 channels 8x8 stride 4, 64 channels 4x4 stride 2, 128 channels 4x4
    stride 2, ReLU after each) give 128 feature maps, 11 x 8 for a 210 x 160 frame. They are cut to
    the largest multiple of K and split into K groups of ``c = 128 // K``: the slot maps. One shared
    head (convolution c to c // 2, 3x3, ReLU, flatten, linear) turns each into a slot vector.
    Weights start orthogonal with gain sqrt(2), biases zero.

    On a CPU the convolutions run on the distinct windows of the batch only, see
    :mod:`slotenv.encoders.unique_patches`; results change by rounding only. A frozen encoder
    (``requires_grad_(False)``), which the wrappers use, also remembers the windows it has seen.

    Source: https://arxiv.org/abs/2007.09294, section 2.1; layer sizes from the authors' code.

    Args:
        num_slots: K, 1 to 64.
        slot_dim: Length of a slot vector.
        preprocess: The frames; their size sets the size of the head.

    Raises:
        ValueError: If K or the frame size does not fit; the message says what does.
    """

    architecture = "slot_maps"

    def __init__(
        self,
        *,
        num_slots: int,
        slot_dim: int = 32,
        preprocess: FramePreset | dict[str, Any],
    ) -> None:
        super().__init__(num_slots=num_slots, slot_dim=slot_dim, preprocess=preprocess)
        if num_slots > _NUM_MAPS // 2:
            raise ValueError(
                f"{_NUM_MAPS} feature maps give {_NUM_MAPS // 2} slots of two maps at most, "
                f"got num_slots={num_slots}"
            )
        self.maps_per_slot = _NUM_MAPS // num_slots
        self.conv1 = nn.Conv2d(3, 32, 8, 4)
        self.conv2 = nn.Conv2d(32, 64, 4, 2)
        self.conv3 = nn.Conv2d(64, _NUM_MAPS, 4, 2)
        frame = self.preprocess.height, self.preprocess.width
        height, width = (_map_pixels(n, self.convs) - _HEAD_KERNEL + 1 for n in frame)
        if height < 1 or width < 1:
            smallest = next(n for n in range(8, 1000) if _map_pixels(n, self.convs) >= _HEAD_KERNEL)
            raise ValueError(
                f"frames must be at least {smallest} x {smallest} pixels for this encoder, got "
                f"{frame[0]} x {frame[1]}"
            )
        self._cache = RowCache()
        hidden = self.maps_per_slot // 2
        self.head_conv = nn.Conv2d(self.maps_per_slot, hidden, _HEAD_KERNEL)
        self.head_linear = nn.Linear(hidden * height * width, slot_dim)
        for module in (*self.convs, self.head_conv, self.head_linear):
            nn.init.orthogonal_(module.weight, gain=math.sqrt(2))
            assert module.bias is not None
            nn.init.zeros_(module.bias)

    @property
    def convs(self) -> tuple[nn.Conv2d, nn.Conv2d, nn.Conv2d]:
        """The trunk's layers, each followed by ReLU."""
        return self.conv1, self.conv2, self.conv3

    def architecture_kwargs(self) -> dict[str, Any]:
        """Return K and D and the frames."""
        return {
            "num_slots": self.num_slots,
            "slot_dim": self.slot_dim,
            "preprocess": self.preprocess.to_dict(),
        }

    def forward(self, images: Tensor) -> SlotOutput:
        """Encode images.

        Args:
            images: float (B, 3, H, W) in [0, 1].

        Returns:
            slots (B, K, D) and slot maps (B, K, 128 // K, h, w).
        """
        for conv in self.convs:
            images = F.relu(conv(images))
        return self._head(images)

    def prepare(self, frames: NDArray[np.uint8]) -> DistinctWindows | Tensor:
        """Find the distinct windows; return the frames themselves where that would not pay."""
        if self.device.type != "cpu" or len(frames) < _FEWEST_FRAMES:
            return torch.from_numpy(frames)
        layers = (*self.convs, self.head_conv)
        windows = DistinctWindows(frames, layers)
        if windows.distinct_share > _WORTH:
            return torch.from_numpy(frames)
        if not self._frozen:
            dense = len(frames) * self._dense_multiply_adds()
            if windows.full_index.multiply_adds(layers) > _WORTH * dense:
                return torch.from_numpy(frames)
        return windows

    def forward_prepared(self, prepared: DistinctWindows | Tensor) -> SlotOutput:
        """Encode what :meth:`prepare` returned; the slot maps are left out on the fast path."""
        if not isinstance(prepared, DistinctWindows):
            return super().forward_prepared(prepared)
        if self._frozen and not torch.is_grad_enabled():
            version = tuple((p.data_ptr(), p._version) for p in self._weights())
            hidden = self._cache.rows(prepared, self._head_rows, version)
        else:
            hidden = self._head_rows(prepared.full_index)
        hidden = F.embedding(prepared.positions, hidden)  # (B, h' * w', K * c // 2)
        batch, places, _ = hidden.shape
        hidden = hidden.view(batch, places, self.num_slots, -1)
        weight = self.head_linear.weight.view(self.slot_dim, -1, places)
        slots = torch.einsum("bpkc,dcp->bkd", hidden, weight)
        return SlotOutput(slots + self.head_linear.bias)

    def _head_rows(self, index: PatchIndex) -> Tensor:
        """Return the head's convolution for each distinct window, (n, K * c // 2)."""
        c = self.maps_per_slot
        rows = forward_unique(index, self.convs)  # (n_3, 128)
        windows = F.embedding(index.gathers[-1], rows[:, : self.num_slots * c])
        windows = windows.view(len(windows), -1, self.num_slots, c).transpose(1, 2)
        weight = self.head_conv.weight.permute(0, 2, 3, 1).flatten(1)  # (c // 2, 9 * c)
        return F.relu(F.linear(windows.flatten(2), weight, self.head_conv.bias)).flatten(1)

    @property
    def _frozen(self) -> bool:
        return not any(parameter.requires_grad for parameter in self._weights())

    def _weights(self) -> list[Tensor]:
        # The same as self.parameters(), which takes long to walk through the modules.
        layers = (*self.convs, self.head_conv, self.head_linear)
        return [p for layer in layers for p in (layer.weight, layer.bias) if p is not None]

    def _head(self, features: Tensor) -> SlotOutput:
        batch, c = len(features), self.maps_per_slot
        maps = features[:, : self.num_slots * c]
        maps = maps.reshape(batch, self.num_slots, c, *features.shape[2:])  # (B, K, c, h, w)
        hidden = F.relu(self.head_conv(maps.flatten(0, 1)))  # (B * K, c // 2, h', w')
        slots = self.head_linear(hidden.flatten(1)).view(batch, self.num_slots, self.slot_dim)
        return SlotOutput(slots, maps)

    def _dense_multiply_adds(self) -> int:
        height, width, total = self.preprocess.height, self.preprocess.width, 0
        for conv in self.convs:
            height, width = (_map_pixels(n, (conv,)) for n in (height, width))
            total += height * width * conv.weight.numel()
        return total


def _map_pixels(pixels: int, convs: Iterable[nn.Conv2d]) -> int:
    """Return the side of the feature map that a side of the frame becomes."""
    for conv in convs:
        pixels = max((pixels - conv.kernel_size[0]) // conv.stride[0] + 1, 0)
    return pixels
