"""ST-DIM's encoder: one vector for the whole frame, cut into K slots, and the feature maps."""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from slotenv.encoders.base import SlotOutput
from slotenv.encoders.trunk import NUM_MAPS, ConvTrunkEncoder, large_linear
from slotenv.encoders.unique_patches import PatchIndex, forward_unique
from slotenv.frames import FramePreset


class GlobalVectorEncoder(ConvTrunkEncoder):
    """A frame's features as one vector of K * D numbers, without any structure of slots.

    The 128 feature maps of the trunk (:class:`slotenv.encoders.trunk.ConvTrunkEncoder`) are
    flattened; one linear layer makes the vector, whose k-th part of D numbers is called slot k, so
    that it is read and probed as slots are. Weights start orthogonal with gain sqrt(2), biases
    zero. ST-DIM's own encoder has one more 3x3 convolution before the linear layer; here the trunk
    is the other methods' and the head the simplest one.

    ``maps`` of the output are all feature maps as one group, (B, 1, 128, h, w): the local features
    that ST-DIM contrasts. They are there on the fast path as well.

    Source: https://arxiv.org/abs/1906.08226, on the trunk of
    https://arxiv.org/abs/2007.09294.

    Args:
        num_slots: K.
        slot_dim: D.
        preprocess: The frames; their size sets the size of the linear layer.

    Attributes:
        map_channels: Length of a local feature.

    Raises:
        TypeError: If K or D is no whole number.
        ValueError: If K or D is out of bounds or the frame too small; the message says what fits.
    """

    architecture = "global_vector"
    map_channels = NUM_MAPS

    def __init__(
        self,
        *,
        num_slots: int,
        slot_dim: int = 32,
        preprocess: FramePreset | dict[str, Any],
    ) -> None:
        super().__init__(
            num_slots=num_slots, slot_dim=slot_dim, preprocess=preprocess, smallest_map=1
        )
        height, width = self.map_pixels
        outputs = self.num_slots * self.slot_dim
        self.head_linear = large_linear(NUM_MAPS * height * width, outputs)
        self._initialise()

    @property
    def _sliding(self) -> tuple[nn.Conv2d, ...]:
        return self.convs

    @property
    def _layers(self) -> tuple[nn.Conv2d | nn.Linear, ...]:
        return (*self.convs, self.head_linear)

    def _head(self, features: Tensor) -> SlotOutput:
        vector = self.head_linear(features.flatten(1))
        return SlotOutput(self._as_slots(vector), features.unsqueeze(1))

    def _window_rows(self, index: PatchIndex) -> Tensor:
        return forward_unique(index, self.convs)

    def _head_on_rows(self, rows: Tensor) -> SlotOutput:
        # The rows lie place by place, the linear layer's inputs channel by channel. Turning the
        # weight is cheaper than turning the batch.
        weight = (
            self.head_linear.weight.view(-1, NUM_MAPS, rows.shape[1]).transpose(1, 2).flatten(1)
        )
        vector = F.linear(rows.flatten(1), weight, self.head_linear.bias)
        maps = rows.transpose(1, 2).view(len(rows), 1, NUM_MAPS, *self.map_pixels)
        return SlotOutput(self._as_slots(vector), maps)

    def _as_slots(self, vector: Tensor) -> Tensor:
        return vector.view(-1, self.num_slots, self.slot_dim)
