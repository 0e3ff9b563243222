"""Which object each foreground pixel belongs to: slots compete for pixels, each at its own place.

A slot is a component of a mixture over pixels. What is learned of it: the colours it has, how large
it is, where it is usually found and how far from there. Where it is in a given frame is not learned
but inferred, by a few rounds of expectation maximisation: pixels are shared out among slots in
proportion to how likely each would have produced them, every slot moves to the middle of its
pixels, and looks less and less far around. It is the competition of Slot Attention
(https://arxiv.org/abs/2006.15055) with an explicit place in the role of the query.

Pixels of one colour side by side are shared out together: that costs a few times less and changes
next to nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

MASS, PLACE, SQUARES, BRIGHTNESS = 0, slice(1, 3), slice(3, 5), slice(5, 6)
"""Where features and moments have what: pixels, (row, column), their squares, and brightness."""

_LOOK_AROUND = (1.0, 0.1, 0.0)  # share of the spread's variance that each round adds
_PULL_HOME = 0.01  # of a pixel: keeps the place of a slot without pixels defined
_THERE = 0.25  # of a slot's usual mass, from which on it counts as there
_USUAL = 0.95  # quantile of a slot's mass over frames that counts as its usual mass
_LOG_UNIFORM = -math.log(4.0)  # density of a pixel that may lie anywhere on the screen


class Mixture(NamedTuple):
    """What is learned of K slots over C colours. Places and lengths in half screens, (row, column).

    Attributes:
        colour: (K, C) log probability of each colour.
        weight: (K,) log share of all pixels.
        size: (K, 2) log standard deviation of its pixels within a frame.
        home: (K, 2) where it is on average.
        spread: (K, 2) log standard deviation of its place over frames.
        outlier: (C,) log share of all pixels that have a colour and belong to no slot.
    """

    colour: Tensor
    weight: Tensor
    size: Tensor
    home: Tensor
    spread: Tensor
    outlier: Tensor

    def normalised(self) -> Mixture:
        """Return it with probabilities that sum to one, whatever training did to them."""
        total = torch.cat([self.weight, self.outlier]).logsumexp(0)
        return self._replace(
            colour=self.colour.log_softmax(1),
            weight=self.weight - total,
            outlier=self.outlier - total,
        )

    def select(self, kept: Tensor) -> Mixture:
        """Return some of the slots, by their numbers or a mask."""
        return self._replace(**{name: getattr(self, name)[kept] for name in _OF_SLOTS})

    def join(self, more: Mixture) -> Mixture:
        """Return these slots with more of them behind; the pixels of no slot stay as here."""
        both = {name: torch.cat([getattr(self, name), getattr(more, name)]) for name in _OF_SLOTS}
        return self._replace(**both)


_OF_SLOTS = ("colour", "weight", "size", "home", "spread")  # what a mixture has of each slot


class Runs(NamedTuple):
    """Foreground of B frames: runs of equal pixels side by side, padded to R.

    Attributes:
        features: (B, R, 6) float, means over the pixels of a run: 1, row, column, row^2, column^2,
            brightness; as :data:`MASS` and the next say.
        colours: (B, R) int64.
        weights: (B, R) float, how many pixels each stands for, 0 for padding.
    """

    features: Tensor
    colours: Tensor
    weights: Tensor


class Assignment(NamedTuple):
    """How the foreground of B frames was shared out.

    Attributes:
        logits: (B, K + 1, R) log density of each run, mean over its pixels, under each slot and,
            last, under none.
        posterior: (B, K + 1, R) share of each run that each slot got, and, last, no slot.
        moments: (B, K, 6) the features summed over each slot's pixels.
        places: (B, K, 2) around which place each slot looked last.
    """

    logits: Tensor
    posterior: Tensor
    moments: Tensor
    places: Tensor

    @property
    def there(self) -> Tensor:
        """(B, K) whether each slot has a quarter of the pixels that it usually has."""
        mass = self.moments[..., MASS]
        return mass > _THERE * torch.quantile(mass, _USUAL, dim=0).clamp(min=1e-3)


def run_features(rows: Tensor, columns: Tensor, scatter: Tensor, brightness: Tensor) -> Tensor:
    """Return what Gaussians and moments are linear in, (B, R, 6).

    All of (B, R): the middle of each run, the variance of its pixels' columns, 0 to 1.
    """
    values = [torch.ones_like(rows), rows, columns, rows**2, columns**2 + scatter, brightness]
    return torch.stack(values, 1).transpose(1, 2)  # so in memory: assign wants runs last


def assign(
    mixture: Mixture, runs: Runs, *, look_around: Sequence[float] = _LOOK_AROUND
) -> Assignment:
    """Share the foreground of each frame out among the slots. Differentiable in the mixture.

    Every frame is treated on its own. ``look_around`` has a number for each round: how much of the
    variance of a slot's place counts in it.
    """
    batch, num_slots = len(runs.features), len(mixture.weight)
    of_slots = mixture.colour + mixture.weight[:, None]  # (K, C)
    of_none = (mixture.outlier + _LOG_UNIFORM)[None]
    table = torch.cat([of_slots, of_none]).expand(batch, -1, -1)
    shape = (batch, num_slots + 1, runs.colours.shape[1])
    colour = table.gather(2, runs.colours.unsqueeze(1).expand(shape))  # (B, K + 1, R)
    features = runs.features.transpose(1, 2).contiguous()  # (B, 6, R)
    weighted = features * runs.weights.unsqueeze(1)
    places = mixture.home.expand(batch, num_slots, 2)
    looks = torch.tensor(look_around, dtype=places.dtype, device=places.device)[:, None, None]
    variance = (2 * mixture.size).exp() + looks * (2 * mixture.spread).exp()  # (rounds, K, 2)
    normaliser = -0.5 * variance.log().sum(-1, keepdim=True) - math.log(2 * math.pi)
    precision = 1 / variance
    square = -0.5 * precision
    for i, look in enumerate(look_around):
        # What each Gaussian's log density is of the features; 0 for brightness and for no slot.
        linear = places * precision[i]  # (B, K, 2)
        constant = normaliser[i] - 0.5 * (places * linear).sum(-1, keepdim=True)
        coefficients = torch.cat([constant, linear, square[i].expand_as(places)], -1)
        logits = torch.baddbmm(colour, F.pad(coefficients, (0, 1, 0, 1)), features)
        posterior = logits.softmax(1)
        # Slots last: a product with six columns takes three times as long as one with six rows.
        moments = torch.bmm(weighted, posterior.transpose(1, 2)).transpose(1, 2)[:, :-1]
        if look > 0:
            mass = moments[..., MASS].unsqueeze(-1) + _PULL_HOME
            places = (moments[..., PLACE] + _PULL_HOME * mixture.home) / mass
    return Assignment(logits, posterior, moments, places)
