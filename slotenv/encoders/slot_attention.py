"""Slot Attention: slots that compete for the places of a feature map, in a few rounds."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from slotenv.checks import whole_number
from slotenv.encoders.base import SlotEncoder, SlotOutput
from slotenv.encoders.unique_patches import (
    DistinctWindows,
    find_windows,
    forward_unique,
    map_pixels,
)
from slotenv.frames import FramePreset

_EPSILON = 1e-8
_MOST_ITERATIONS = 100  # the paper goes up to 7; each takes as long as the one before


class PlacedWindows(NamedTuple):
    """The distinct windows of a batch, and the distinct pairs of a window and its place.

    Attributes:
        windows: Distinct windows of the trunk's last layer.
        rows: (n,) int64, each pair's window.
        places: (n,) int64, each pair's place, 0 to h * w - 1.
        positions: (B, h * w) int64: which pair lies at each place of each frame.
    """

    windows: DistinctWindows
    rows: Tensor
    places: Tensor
    positions: Tensor


class SlotAttention(nn.Module):
    """The attention module: in each round, slots share out the places and read what they got.

    A round: attention = softmax over slots of ``q(slot) . k(place) / sqrt(D)``; each slot's update
    is the mean of ``v(place)`` weighted by its attention over the places; a GRU cell takes it in;
    a residual MLP (hidden layer 2 D) follows. Places and slots are layer-normalised before the
    linear maps q, k and v, which have no bias.

    Source: https://arxiv.org/abs/2006.15055, algorithm 1.

    Args:
        slot_dim: D, length of a slot.
        feature_dim: Numbers per place.
        iterations: Rounds.
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
        """Run all rounds; gradients go through each of them.

        Args:
            slots: (B, K, D) initial slots.
            keys: (B, N, D), one per place.
            values: (B, N, D).

        Returns:
            slots (B, K, D) and the attention of the last round (B, K, N), which sums to one over
            slots at every place.
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


class SlotAttentionEncoder(SlotEncoder):
    """Slot Attention behind the first two convolutions of Slot Contrastive Networks' encoder.

    Two convolutions (3 to 32 channels 8x8 stride 4, 64 channels 4x4 stride 2, ReLU after each) give
    64 features at 24 x 18 places for a 210 x 160 frame. A linear map of the four coordinates
    (row, column, and their distances to the other end, in 0..1) is added, then LayerNorm, an MLP
    and :class:`SlotAttention`.

    The third convolution of the other encoders is left out: its 11 x 8 places of 16 pixels are
    coarse for objects of a few pixels, between which slots can only choose where they lie at
    different places, and it is the costliest layer. What is left sees 20 x 20 pixels.

    It deviates from the paper in one more point. There, initial slots are drawn from one Gaussian
    and may come out in any order. Here each slot learns its own initial vector, as slot models for
    video do: a frame always has the same slots, and slot k means the same in every frame, which a
    probe, an agent and a loss over time rely on.

    On a CPU the layers before the attention run on the distinct windows of a batch only, and what
    follows the position embedding on the distinct pairs of window and place; results change by
    rounding only.

    Source: https://arxiv.org/abs/2006.15055, section 2 and appendix E; learned initial slots:
    https://arxiv.org/abs/2111.12594.

    Args:
        num_slots: K.
        slot_dim: D, length of a slot vector.
        iterations: Rounds of attention; the paper's is 3.
        preprocess: The frames.

    Raises:
        TypeError: If a number is not whole.
        ValueError: If a number is out of bounds or frames are too small; the message says what
            fits.
    """

    architecture = "slot_attention"

    def __init__(
        self,
        *,
        num_slots: int,
        slot_dim: int = 32,
        iterations: int = 3,
        preprocess: FramePreset | dict[str, Any],
    ) -> None:
        super().__init__(num_slots=num_slots, slot_dim=slot_dim, preprocess=preprocess)
        iterations = whole_number("iterations", iterations, low=1, high=_MOST_ITERATIONS)
        self.conv1 = nn.Conv2d(3, 32, 8, 4)
        self.conv2 = nn.Conv2d(32, 64, 4, 2)
        frame = self.preprocess.height, self.preprocess.width
        self.height, self.width = (map_pixels(side, self.convs) for side in frame)
        if min(self.height, self.width) < 1:
            raise ValueError(
                f"frames must be at least 20 x 20 pixels for this encoder, got "
                f"{frame[0]} x {frame[1]}"
            )
        width = self.conv2.out_channels
        self.register_buffer("coordinates", _coordinates(self.height, self.width), persistent=False)
        self.position = nn.Linear(4, width)
        self.norm = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))
        self.attention = SlotAttention(
            slot_dim=self.slot_dim, feature_dim=width, iterations=iterations
        )
        self.initial_slots = nn.Parameter(torch.randn(self.num_slots, self.slot_dim))
        for conv in self.convs:
            nn.init.orthogonal_(conv.weight, gain=math.sqrt(2))
            assert conv.bias is not None
            nn.init.zeros_(conv.bias)
        self.float()  # whatever torch.set_default_dtype says

    coordinates: Tensor

    @property
    def convs(self) -> tuple[nn.Conv2d, nn.Conv2d]:
        """The trunk's layers, each followed by ReLU."""
        return self.conv1, self.conv2

    def architecture_kwargs(self) -> dict[str, Any]:
        """Return K, D, the number of rounds and the frames."""
        return {
            "num_slots": self.num_slots,
            "slot_dim": self.slot_dim,
            "iterations": self.attention.iterations,
            "preprocess": self.preprocess.to_dict(),
        }

    def forward(self, images: Tensor) -> SlotOutput:
        """Encode images.

        Args:
            images: float (B, 3, H, W) in [0, 1].

        Returns:
            slots (B, K, D) and, as maps (B, K, 1, h, w), the attention of the last round; at every
            place it sums to one over slots.
        """
        for conv in self.convs:
            images = F.relu(conv(images))
        features = images.flatten(2).transpose(1, 2)  # (B, h * w, C)
        return self._attend(self._keys_and_values(features, self.position(self.coordinates)))

    def prepare(self, frames: NDArray[np.uint8]) -> PlacedWindows | Tensor:
        """Find the distinct windows; return the frames themselves where that would not pay."""
        if self.device.type != "cpu":
            return torch.from_numpy(frames)
        windows = find_windows(frames, self.convs, instead_of=self.convs)
        if windows is None:
            return torch.from_numpy(frames)
        positions = windows.positions.numpy()
        num_places = positions.shape[1]
        pairs, inverse = np.unique(
            positions * num_places + np.arange(num_places), return_inverse=True
        )
        rows, places = map(torch.from_numpy, np.divmod(pairs, num_places))
        return PlacedWindows(
            windows, rows, places, torch.from_numpy(inverse.reshape(positions.shape))
        )

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
        return SlotOutput(slots, attention.view(batch, -1, 1, self.height, self.width))


def _coordinates(height: int, width: int) -> Tensor:
    """Return (height * width, 4): row, column and their complements, each in 0..1."""
    rows, columns = torch.linspace(0, 1, height), torch.linspace(0, 1, width)
    row, column = torch.meshgrid(rows, columns, indexing="ij")
    return torch.stack([row, column, 1 - row, 1 - column], -1).flatten(0, 1)
