"""What encoders on the paper's three convolutions share: trunk, frame size, distinct windows."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from slotenv.encoders.base import SlotEncoder, SlotOutput
from slotenv.encoders.row_cache import RowCache
from slotenv.encoders.unique_patches import DistinctWindows, PatchIndex, find_windows, map_pixels
from slotenv.frames import FramePreset

NUM_MAPS = 128
"""Feature maps of the trunk."""

_MOST_WEIGHTS = 2**28  # of a layer: 1 GiB of float32


class ConvTrunkEncoder(SlotEncoder):
    """Base of encoders that put a head on the paper's trunk.

    Three convolutions (3 to 32 channels 8x8 stride 4, 64 channels 4x4 stride 2, 128 channels 4x4
    stride 2, ReLU after each) give 128 feature maps, 11 x 8 for a 210 x 160 frame.

    On a CPU the convolutions run on the distinct windows of the batch only, see
    :mod:`slotenv.encoders.unique_patches`; results change by rounding only. A frozen encoder
    (``requires_grad_(False)``), which the wrappers use, also remembers the windows it has seen.

    A subclass makes its head in its constructor and then calls :meth:`_initialise`. It says which
    convolutions slide over the frame (:attr:`_sliding`), which layers it has in all
    (:attr:`_layers`), and how slots come from maps (:meth:`_head`) and from the distinct windows
    (:meth:`_window_rows`, :meth:`_head_on_rows`).

    Source: https://arxiv.org/abs/2007.09294, section 2.1; layer sizes from the authors' code.

    Args:
        num_slots: K.
        slot_dim: Length of a slot vector.
        preprocess: The frames.
        smallest_map: Pixels that a side of a feature map needs for the head.

    Attributes:
        map_pixels: (h, w) of the feature maps.

    Raises:
        ValueError: If the frame is too small; the message says what fits.
    """

    def __init__(
        self,
        *,
        num_slots: int,
        slot_dim: int,
        preprocess: FramePreset | dict[str, Any],
        smallest_map: int,
    ) -> None:
        super().__init__(num_slots=num_slots, slot_dim=slot_dim, preprocess=preprocess)
        self.conv1 = nn.Conv2d(3, 32, 8, 4)
        self.conv2 = nn.Conv2d(32, 64, 4, 2)
        self.conv3 = nn.Conv2d(64, NUM_MAPS, 4, 2)
        frame = self.preprocess.height, self.preprocess.width
        self.map_pixels = map_pixels(frame[0], self.convs), map_pixels(frame[1], self.convs)
        if min(self.map_pixels) < smallest_map:
            smallest = next(n for n in range(8, 1000) if map_pixels(n, self.convs) >= smallest_map)
            raise ValueError(
                f"frames must be at least {smallest} x {smallest} pixels for this encoder, got "
                f"{frame[0]} x {frame[1]}"
            )
        self._cache = RowCache()

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
            slots (B, K, D) and maps, whose shape the encoder's docstring says.
        """
        for conv in self.convs:
            images = F.relu(conv(images))
        return self._head(images)

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
    @abstractmethod
    def _sliding(self) -> tuple[nn.Conv2d, ...]:
        """The layers whose distinct windows are computed once: the trunk, and perhaps more."""

    @property
    @abstractmethod
    def _layers(self) -> tuple[nn.Conv2d | nn.Linear, ...]:
        """All layers with weights, in the order in which they are initialised."""

    @abstractmethod
    def _head(self, features: Tensor) -> SlotOutput:
        """Turn feature maps (B, 128, h, w) into slots and maps."""

    @abstractmethod
    def _window_rows(self, index: PatchIndex) -> Tensor:
        """Return the output of the last sliding layer for each distinct window, (n, C)."""

    @abstractmethod
    def _head_on_rows(self, rows: Tensor) -> SlotOutput:
        """Turn the last sliding layer's outputs at every place, (B, places, C), into slots."""

    def _initialise(self) -> None:
        """Make all weights orthogonal with gain sqrt(2), all biases zero; all in float32."""
        for layer in self._layers:
            nn.init.orthogonal_(layer.weight, gain=math.sqrt(2))
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)
        self.float()  # whatever torch.set_default_dtype says

    @property
    def _frozen(self) -> bool:
        return not any(parameter.requires_grad for parameter in self._weights())

    def _weights(self) -> list[Tensor]:
        # The same as self.parameters(), which takes long to walk through the modules.
        return [p for layer in self._layers for p in (layer.weight, layer.bias) if p is not None]


def large_linear(inputs: int, outputs: int) -> nn.Linear:
    """Return a linear layer, unless it would be too large to be meant.

    Raises:
        ValueError: If it has more than 2**28 weights.
    """
    if inputs * outputs > _MOST_WEIGHTS:
        raise ValueError(
            f"a linear layer of {inputs:,} x {outputs:,} weights is more than 1 GiB: take fewer or "
            "shorter slots, or smaller frames"
        )
    return nn.Linear(inputs, outputs)
