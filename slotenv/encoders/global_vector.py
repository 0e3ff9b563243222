"""ST-DIM's encoder: one vector for the whole frame, cut into K slots, and the feature maps."""

import torch.nn.functional as F
from torch import Tensor

from slotenv.encoders.base import SlotOutput
from slotenv.encoders.trunk import NUM_MAPS, WindowEncoder, large_linear


class GlobalVectorEncoder(WindowEncoder):
    """A frame's features as one vector of K * D numbers, without any structure of slots.

    The 128 feature maps of the trunk are flattened; one linear layer makes the
    vector, whose k-th part of D numbers is called slot k. ST-DIM's own encoder has one more 3x3
    convolution before the linear layer; here the trunk is the other methods'.

    ``maps`` of the output are all feature maps as one group, (B, 1, 128, h, w): the local features,
    of length :attr:`map_channels`, that ST-DIM contrasts.

    Source: https://arxiv.org/abs/1906.08226, on the trunk of https://arxiv.org/abs/2007.09294.
    """

    architecture = "global_vector"
    map_channels = NUM_MAPS
    _head_layers = ("head_linear",)

    def _make_head(self) -> None:
        height, width = self.map_pixels
        outputs = self.num_slots * self.slot_dim
        self.head_linear = large_linear(NUM_MAPS * height * width, outputs)

    def _head(self, features: Tensor) -> SlotOutput:
        slots = self.head_linear(features.flatten(1)).view(-1, self.num_slots, self.slot_dim)
        return SlotOutput(slots, features.unsqueeze(1))

    def _head_on_rows(self, rows: Tensor) -> SlotOutput:
        # The rows lie place by place, the linear layer's inputs channel by channel. Turning the
        # weight is cheaper than turning the batch.
        weight = self.head_linear.weight.view(-1, NUM_MAPS, rows.shape[1]).transpose(1, 2)
        vector = F.linear(rows.flatten(1), weight.flatten(1), self.head_linear.bias)
        maps = rows.transpose(1, 2).view(len(rows), 1, NUM_MAPS, *self.map_pixels)
        return SlotOutput(vector.view(-1, self.num_slots, self.slot_dim), maps)
