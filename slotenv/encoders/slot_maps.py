"""The paper's encoder: feature maps of a CNN split into K slot maps, each encoded by one head."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from slotenv.encoders.base import SlotOutput
from slotenv.encoders.trunk import NUM_MAPS, WindowEncoder, large_linear
from slotenv.encoders.unique_patches import PatchIndex, forward_unique

_HEAD_KERNEL = 3


class SlotMapEncoder(WindowEncoder):
    """Slot Contrastive Networks' encoder.

    The 128 feature maps of the trunk are cut to the largest multiple of K and split
    into K groups of ``c = 128 // K``: the slot maps. One shared head (convolution c to c // 2, 3x3,
    ReLU, flatten, linear) turns each into a slot vector.

    ``maps`` of the output are the slot maps, (B, K, c, h, w), left out where only distinct windows
    are computed.

    Source: https://arxiv.org/abs/2007.09294, section 2.1; layer sizes from the authors' code.

    Args:
        num_slots: K, 1 to 64.
        slot_dim: D.
        preprocess: The frames, 76 x 76 pixels or more.
    """

    architecture = "slot_maps"
    _smallest_map = _HEAD_KERNEL
    _head_layers = ("head_conv", "head_linear")

    def _make_head(self) -> None:
        if self.num_slots > NUM_MAPS // 2:
            raise ValueError(
                f"{NUM_MAPS} feature maps give {NUM_MAPS // 2} slots of two maps at most, "
                f"got num_slots={self.num_slots}"
            )
        self.maps_per_slot = NUM_MAPS // self.num_slots
        hidden = self.maps_per_slot // 2
        height, width = (n - _HEAD_KERNEL + 1 for n in self.map_pixels)
        self.head_conv = nn.Conv2d(self.maps_per_slot, hidden, _HEAD_KERNEL)
        self.head_linear = large_linear(hidden * height * width, self.slot_dim)

    @property
    def _sliding(self) -> tuple[nn.Conv2d, ...]:
        return (*self.convs, self.head_conv)

    def _head(self, features: Tensor) -> SlotOutput:
        batch, c = features.shape[0], self.maps_per_slot
        maps = features[:, : self.num_slots * c]
        maps = maps.reshape(batch, self.num_slots, c, *features.shape[2:])  # (B, K, c, h, w)
        hidden = F.relu(self.head_conv(maps.flatten(0, 1)))  # (B * K, c // 2, h', w')
        slots = self.head_linear(hidden.flatten(1)).view(batch, self.num_slots, self.slot_dim)
        return SlotOutput(slots, maps)

    def _window_rows(self, index: PatchIndex) -> Tensor:
        """Return the head's convolution for each distinct window, (n, K * c // 2)."""
        c = self.maps_per_slot
        rows = forward_unique(index, self.convs)  # (n_3, 128)
        windows = F.embedding(index.gathers[-1], rows[:, : self.num_slots * c])
        windows = windows.view(len(windows), -1, self.num_slots, c).transpose(1, 2)
        weight = self.head_conv.weight.permute(0, 2, 3, 1).flatten(1)  # (c // 2, 9 * c)
        return F.relu(F.linear(windows.flatten(2), weight, self.head_conv.bias)).flatten(1)

    def _head_on_rows(self, rows: Tensor) -> SlotOutput:
        batch, places, _ = rows.shape  # (B, h' * w', K * c // 2)
        hidden = rows.view(batch, places, self.num_slots, -1)
        weight = self.head_linear.weight.view(self.slot_dim, -1, places)
        slots = torch.einsum("bpkc,dcp->bkd", hidden, weight)
        return SlotOutput(slots + self.head_linear.bias)
