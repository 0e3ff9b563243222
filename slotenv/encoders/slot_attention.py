"""Slot Attention: slots that compete for the places of a feature map, in a few rounds."""

import math
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from slotenv.checks import whole_number
from slotenv.encoders.base import SlotOutput
from slotenv.encoders.trunk import ConvTrunkEncoder
from slotenv.encoders.unique_patches import DistinctWindows, find_windows, forward_unique

_EPSILON = 1e-8
_MOST_ITERATIONS = 100  # the paper goes up to 7; each takes as long as the one before


class PlacedWindows(NamedTuple):
    """The distinct windows of a batch, and the distinct pairs of a window and its place."""

    windows: DistinctWindows  # of the trunk's last layer
    rows: Tensor  # (n,) int64, each pair's window
    places: Tensor  # (n,) int64, each pair's place, 0 to h * w - 1
    positions: Tensor  # (B, h * w) int64: which pair lies at each place of each frame


class SlotAttention(nn.Module):
    """The attention module: in each round, slots share out the places and read what they got.

    A round: attention = softmax over slots of ``q(slot) . k(place) / sqrt(D)``; each slot's update
    is the mean of ``v(place)`` weighted by its attention over the places; a GRU cell takes it in;
    a residual MLP (hidden layer 2 D) follows. Places and slots are layer-normalised before the
    linear maps q, k and v, which have no bias.

    Source: https://arxiv.org/abs/2006.15055, algorithm 1.
    """

    def __init__(self, *, slot_dim: int, feature_dim: int, iterations: int) -> None:
        super().__init__()
        self.iterations = iterations
        self.norm_features = nn.LayerNorm(feature_dim)
        # A bias here would shift the scores of all slots alike, which their softmax cannot see.
        self.norm_slots = nn.LayerNorm(slot_dim, bias=False)
        self.norm_mlp = nn.LayerNorm(slot_dim)
        self.query = nn.Linear(slot_dim, slot_dim, bias=False)
        self.key = nn.Linear(feature_dim, slot_dim, bias=False)
        self.value = nn.Linear(feature_dim, slot_dim, bias=False)
        # As in the authors' code. PyTorch's own start gives scores a third as large, and slots that
        # all begin with the same share of every place.
        for layer in (self.query, self.key, self.value):
            nn.init.xavier_uniform_(layer.weight)
        self.gru = nn.GRUCell(slot_dim, slot_dim)
        self.mlp = nn.Sequential(
            nn.Linear(slot_dim, 2 * slot_dim), nn.ReLU(), nn.Linear(2 * slot_dim, slot_dim)
        )

    def read(self, features: Tensor) -> Tensor:
        """Turn features (..., C) into keys and values (..., 2 D), side by side."""
        features = self.norm_features(features)
        return torch.cat([self.key(features), self.value(features)], -1)

    def forward(self, slots: Tensor, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Run all rounds from initial slots (B, K, D); keys and values (B, N, D) are of places.

        Returns slots (B, K, D) and the attention of the last round (B, K, N), which sums to one
        over slots at every place. Gradients go through all rounds.
        """
        shape, width = slots.shape, slots.shape[-1]
        keys = keys.transpose(1, 2) / math.sqrt(width)  # (B, D, N)
        attention = torch.empty(0)
        for _ in range(self.iterations):
            attention = torch.matmul(self.query(self.norm_slots(slots)), keys).softmax(1)
            weights = attention + _EPSILON  # a slot that has lost every place still has a mean
            weights = weights / weights.sum(-1, keepdim=True)
            updates = torch.matmul(weights, values)
            slots = self.gru(updates.reshape(-1, width), slots.reshape(-1, width)).view(shape)
            slots = slots + self.mlp(self.norm_mlp(slots))
        return slots, attention


class SlotAttentionEncoder(ConvTrunkEncoder):
    """Slot Attention behind the first two convolutions of Slot Contrastive Networks' encoder.

    The convolutions give 64 features at 24 x 18 places for a 210 x 160 frame, each of 20 x 20
    pixels. A linear map of the four coordinates (row, column, and their distances to the other end,
    in 0..1) is added, then LayerNorm, an MLP and :class:`SlotAttention`. The third convolution is
    left out: its 11 x 8 places are too coarse for slots to tell small objects apart, and it is the
    costliest layer.

    In the paper, initial slots are drawn from one Gaussian and may come out in any order. Here each
    slot learns its own initial vector, as slot models for video do: slot k means the same in every
    frame, which a probe, an agent and a loss over time rely on.

    ``maps`` of the output (B, K, 1, h, w) are the attention of the last round; at every place it
    sums to one over slots. On a CPU the convolutions run on the distinct windows of a batch only,
    and what follows on the distinct pairs of window and place; results change by rounding only.

    Source: https://arxiv.org/abs/2006.15055, section 2 and appendix E; learned initial slots:
    https://arxiv.org/abs/2111.12594.

    Args:
        num_slots: K.
        slot_dim: D.
        iterations: Rounds of attention, 1 to 100; the paper's is 3.
        preprocess: The frames, 20 x 20 pixels or more.
    """

    architecture = "slot_attention"
    _depth = 2

    coordinates: Tensor

    def __init__(self, *, iterations: int = 3, **more: Any) -> None:
        self.iterations = whole_number("iterations", iterations, low=1, high=_MOST_ITERATIONS)
        super().__init__(**more)

    def _make_head(self) -> None:
        width = self.conv2.out_channels
        self.register_buffer("coordinates", _coordinates(*self.map_pixels), persistent=False)
        self.position = nn.Linear(4, width)
        self.norm = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))
        self.attention = SlotAttention(
            slot_dim=self.slot_dim, feature_dim=width, iterations=self.iterations
        )
        self.initial_slots = nn.Parameter(torch.randn(self.num_slots, self.slot_dim))

    def _head(self, features: Tensor) -> SlotOutput:
        features = features.flatten(2).transpose(1, 2)  # (B, h * w, C)
        return self._attend(self._keys_and_values(features, self.position(self.coordinates)))

    def prepare(self, frames: NDArray[np.uint8]) -> PlacedWindows | Tensor:
        """Find the distinct windows; return the frames themselves where that would not pay."""
        windows = None
        if self.device.type == "cpu":
            windows = find_windows(frames, self.convs, instead_of=self.convs)
        if windows is None:
            return torch.from_numpy(frames)
        positions = windows.positions.numpy()
        num_places = positions.shape[1]
        numbers = positions * num_places + np.arange(num_places)
        pairs, inverse = np.unique(numbers, return_inverse=True)
        found = (*np.divmod(pairs, num_places), inverse.reshape(numbers.shape))
        return PlacedWindows(windows, *map(torch.from_numpy, found))

    def forward_prepared(self, prepared: PlacedWindows | Tensor) -> SlotOutput:
        """Encode what :meth:`prepare` returned."""
        if not isinstance(prepared, PlacedWindows):
            return super().forward_prepared(prepared)
        rows = forward_unique(prepared.windows.full_index, self.convs)
        features = F.embedding(prepared.rows, rows)
        embedded = F.embedding(prepared.places, self.position(self.coordinates))
        both = self._keys_and_values(features, embedded)  # (n, 2 D)
        return self._attend(F.embedding(prepared.positions, both))

    def _keys_and_values(self, features: Tensor, embedded: Tensor) -> Tensor:
        return self.attention.read(self.mlp(self.norm(features + embedded)))

    def _attend(self, keys_and_values: Tensor) -> SlotOutput:
        batch = keys_and_values.shape[0]
        # Thousands of places share one mean: the rounds are too delicate for half precision, and
        # too cheap to need it.
        with torch.autocast(keys_and_values.device.type, enabled=False):
            keys, values = keys_and_values.float().chunk(2, -1)
            initial = self.initial_slots.float().expand(batch, -1, -1)
            slots, attention = self.attention(initial, keys, values)
        return SlotOutput(slots, attention.view(batch, -1, 1, *self.map_pixels))


def _coordinates(height: int, width: int) -> Tensor:
    """Return (height * width, 4): row, column and their complements, each in 0..1."""
    rows, columns = torch.linspace(0, 1, height), torch.linspace(0, 1, width)
    row, column = torch.meshgrid(rows, columns, indexing="ij")
    return torch.stack([row, column, 1 - row, 1 - column], -1).flatten(0, 1)
