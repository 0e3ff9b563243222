"""Which object each foreground pixel belongs to: slots compete for pixels, each at its own place.

A slot is a component of a mixture over pixels. What is learned of it: the colours it has, how large
it is, where it is usually found and how far from there. Where it is in a given frame is not learned
but inferred, by a few rounds of expectation maximisation: pixels are shared out among slots in
proportion to how likely each would have produced them, every slot moves to the middle of its
pixels, and looks less and less far around. It is the competition of Slot Attention
(https://arxiv.org/abs/2006.15055) with an explicit place in the role of the query.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

_LOOK_AROUND = (1.0, 0.25, 0.04, 0.0)  # share of the spread's variance that each round adds
_PULL_HOME = 0.01  # of a pixel: keeps the place of a slot without pixels defined
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


class Pixels(NamedTuple):
    """Foreground pixels of B frames, padded to P.

    Attributes:
        features: (B, P, 6) float: 1, row, column, row^2, column^2, row x column.
        colours: (B, P) int64.
        weights: (B, P) float, 0 for padding.
    """

    features: Tensor
    colours: Tensor
    weights: Tensor


class Assignment(NamedTuple):
    """How the pixels of B frames were shared out.

    Attributes:
        shares: (B, P, K) share of each pixel's weight that each slot got.
        moments: (B, K, 6) the features summed over each slot's shares; the first is its mass in
            pixels.
        places: (B, K, 2) around which place each slot looked last.
        unexplained: (B, P) share of each pixel's weight that no slot got.
        log_likelihood: (B, P) log density of each pixel.
    """

    shares: Tensor
    moments: Tensor
    places: Tensor
    unexplained: Tensor
    log_likelihood: Tensor


def pixel_features(rows: Tensor, columns: Tensor) -> Tensor:
    """Return the features of pixels (B, P) that Gaussians and moments are linear in, (B, P, 6)."""
    ones = torch.ones_like(rows)
    return torch.stack([ones, rows, columns, rows**2, columns**2, rows * columns], -1)


def assign(mixture: Mixture, pixels: Pixels) -> Assignment:
    """Share the pixels of each frame out among the slots. Differentiable in the mixture.

    Args:
        mixture: K slots.
        pixels: Of B frames; every frame is treated on its own.
    """
    batch, num_slots = len(pixels.features), len(mixture.weight)
    colour = F.embedding(pixels.colours, (mixture.colour + mixture.weight[:, None]).T)  # (B, P, K)
    outlier = (mixture.outlier + _LOG_UNIFORM)[pixels.colours].unsqueeze(-1)
    places = mixture.home.expand(batch, num_slots, 2)
    for look in _LOOK_AROUND:
        variance = (2 * mixture.size).exp() + look * (2 * mixture.spread).exp()  # (K, 2)
        gaussian = torch.matmul(pixels.features, _coefficients(places, variance).transpose(1, 2))
        logits = torch.cat([colour + gaussian, outlier], -1)  # (B, P, K + 1)
        shares = logits.softmax(-1) * pixels.weights.unsqueeze(-1)
        moments = torch.matmul(shares[..., :-1].transpose(1, 2), pixels.features)  # (B, K, 6)
        if look > 0:
            sums, mass = moments[..., 1:3], moments[..., :1]
            places = (sums + _PULL_HOME * mixture.home) / (mass + _PULL_HOME)
    return Assignment(shares[..., :-1], moments, places, shares[..., -1], logits.logsumexp(-1))


def _coefficients(places: Tensor, variance: Tensor) -> Tensor:
    """Return what a Gaussian's log density is of the pixel features, (B, K, 6)."""
    linear = places / variance  # (B, K, 2)
    constant = (-0.5 * places * linear - 0.5 * variance.log()).sum(-1) - math.log(2 * math.pi)
    square = (-0.5 / variance).expand_as(places)
    zero = torch.zeros_like(constant)
    return torch.stack(
        [constant, linear[..., 0], linear[..., 1], square[..., 0], square[..., 1], zero], -1
    )
