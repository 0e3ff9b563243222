"""The paper's convolutions, a trunk that encoders put their heads on."""

import math
from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from slotenv.encoders.base import SlotEncoder, SlotOutput
from slotenv.encoders.unique_patches import (
    DistinctWindows,
    PatchIndex,
    RowCache,
    find_windows,
    forward_unique,
    map_pixels,
)
from slotenv.frames import FramePreset

NUM_MAPS = 128  # feature maps of all three convolutions
_MOST_WEIGHTS = 2**28  # of a layer: 1 GiB of float32


class ConvTrunkEncoder(SlotEncoder):
    """Base of encoders that put a head on the paper's convolutions.

    They have 3 to 32 channels (8x8, stride 4), 64 channels (4x4, stride 2) and 128 channels (4x4,
    stride 2), with ReLU after each: 128 feature maps of 11 x 8, :attr:`map_pixels`, for a 210 x 160
    frame. Weights start orthogonal with gain sqrt(2), biases zero.

    Source: https://arxiv.org/abs/2007.09294, section 2.1; layer sizes from the authors' code.

    Raises:
        ValueError: If the frame is too small; the message says what fits.
    """

    _depth: ClassVar[int] = 3  # how many of the convolutions there are
    _smallest_map: ClassVar[int] = 1  # pixels that a side of a feature map needs for the head
    _head_layers: ClassVar[tuple[str, ...]] = ()  # names; they start as the trunk's do

    def __init__(
        self,
        *,
        num_slots: int,
        slot_dim: int = 32,
        preprocess: FramePreset | dict[str, Any],
    ) -> None:
        super().__init__(num_slots=num_slots, slot_dim=slot_dim, preprocess=preprocess)
        self.conv1 = nn.Conv2d(3, 32, 8, 4)
        self.conv2 = nn.Conv2d(32, 64, 4, 2)
        if self._depth == 3:
            self.conv3 = nn.Conv2d(64, NUM_MAPS, 4, 2)
        height, width = self.preprocess.height, self.preprocess.width
        self.map_pixels = map_pixels(height, self.convs), map_pixels(width, self.convs)
        if min(self.map_pixels) < (needed := self._smallest_map):
            smallest = next(n for n in range(8, 1000) if map_pixels(n, self.convs) >= needed)
            raise ValueError(
                f"frames must be at least {smallest} x {smallest} pixels for this encoder, got "
                f"{height} x {width}"
            )
        self._make_head()
        for layer in self._layers:
            nn.init.orthogonal_(layer.weight, gain=math.sqrt(2))
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)
        self.float()  # whatever torch.set_default_dtype says

    @abstractmethod
    def _make_head(self) -> None:
        """Make the layers of the head, for maps of :attr:`map_pixels`."""

    @property
    def convs(self) -> tuple[nn.Conv2d, ...]:
        """The convolutions, each followed by ReLU."""
        return tuple(getattr(self, f"conv{n}") for n in range(1, self._depth + 1))

    def forward(self, images: Tensor) -> SlotOutput:
        """Encode images, float (B, 3, H, W) in [0, 1]."""
        for conv in self.convs:
            images = F.relu(conv(images))
        return self._head(images)

    @abstractmethod
    def _head(self, features: Tensor) -> SlotOutput:
        """Turn feature maps (B, C, h, w) into slots and maps."""

    @property
    def _layers(self) -> list[nn.Conv2d | nn.Linear]:
        return [*self.convs, *(getattr(self, name) for name in self._head_layers)]


class WindowEncoder(ConvTrunkEncoder):
    """Base of encoders that compute equal windows of a batch once, on a CPU.

    See :mod:`slotenv.encoders.unique_patches`; results change by rounding only. A frozen encoder
    (``requires_grad_(False)``), which the wrappers use, also remembers the windows it has seen.
    ``_head_layers`` of a subclass must name all layers of its head.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._cache = RowCache()

    def prepare(self, frames: NDArray[np.uint8]) -> DistinctWindows | Tensor:
        """Find the distinct windows; return the frames themselves where that would not pay."""
        windows = None
        if self.device.type == "cpu":
            instead_of = None if self._frozen else self.convs
            windows = find_windows(frames, self._sliding, instead_of=instead_of)
        return torch.from_numpy(frames) if windows is None else windows

    def forward_prepared(self, prepared: DistinctWindows | Tensor) -> SlotOutput:
        """Encode what :meth:`prepare` returned."""
        if not isinstance(prepared, DistinctWindows):
            return super().forward_prepared(prepared)
        if self._frozen and not torch.is_grad_enabled():
            # Weights that were made in inference mode cannot change and have no version.
            version = tuple(
                (p.data_ptr(), 0 if p.is_inference() else p._version) for p in self._weights()
            )
            rows = self._cache.rows(prepared, self._window_rows, version)
        else:
            rows = self._window_rows(prepared.full_index)
        return self._head_on_rows(F.embedding(prepared.positions, rows))

    @property
    def _sliding(self) -> tuple[nn.Conv2d, ...]:
        """The layers whose distinct windows are computed once: the trunk, and perhaps more."""
        return self.convs

    def _window_rows(self, index: PatchIndex) -> Tensor:
        """Return the output of the last sliding layer for each distinct window, (n, C)."""
        return forward_unique(index, self.convs)

    @abstractmethod
    def _head_on_rows(self, rows: Tensor) -> SlotOutput:
        """Turn the last sliding layer's outputs at every place, (B, places, C), into slots."""

    @property
    def _frozen(self) -> bool:
        return not any(parameter.requires_grad for parameter in self._weights())

    def _weights(self) -> list[Tensor]:
        # The same as self.parameters(), which takes long to walk through the modules.
        return [p for layer in self._layers for p in (layer.weight, layer.bias) if p is not None]


def large_linear(inputs: int, outputs: int) -> nn.Linear:
    """Return a linear layer, or raise a ValueError if it would have more than 2**28 weights."""
    if inputs * outputs > _MOST_WEIGHTS:
        raise ValueError(
            f"a linear layer of {inputs:,} x {outputs:,} weights is more than 1 GiB: take fewer or "
            "shorter slots, or smaller frames"
        )
    return nn.Linear(inputs, outputs)
