"""Slots as a mixture over foreground pixels, and the two steps of expectation maximisation.

A slot is a component of a mixture over pixels. What is learned of it: the colours it has, how large
it is, where it is usually found and how far from there. Where it is in a given frame is not learned
but inferred, by a few rounds of expectation maximisation: pixels are shared out among slots in
proportion to how likely each would have produced them, every slot moves to the middle of its
pixels, and looks less and less far around. It is the competition of Slot Attention
(https://arxiv.org/abs/2006.15055) with an explicit place in the role of the query.

Pixels of one colour side by side are shared out together: that costs a few times less and changes
next to nothing. Places and lengths are in half screens, (row, column).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from slotenv.encoders.readout import MASS, PLACE, SQUARES

MIN_SPREAD = 0.02  # no slot keeps closer to its home, however still it stood
_LOOK_AROUND = (1.0, 0.1, 0.0)  # share of the spread's variance that each round adds
_PULL_HOME = 0.01  # of a pixel: keeps the place of a slot without pixels defined
_THERE = 0.25  # of a slot's usual mass, from which on it counts as there
_USUAL = 0.95  # quantile of a slot's mass over frames that counts as its usual mass
_LOG_UNIFORM = -math.log(4.0)  # density of a pixel that may lie anywhere on the screen
_MIN_SIZE = 0.012  # about a pixel: no slot is thinner
_MIN_MASS = 1e-3  # pixels: keeps what is learned of a slot without any defined
_SMOOTHING = 0.02  # share of a slot's colours that is spread over all: none is impossible
_LEAST_OF_NOBODY = 0.02  # share of all pixels that can always belong to no slot
_LITTLE = 0.05  # of a slot's largest mass: a frame in which it has this counts half


class Mixture(NamedTuple):
    """What is learned of K slots over C colours."""

    colour: Tensor  # (K, C) log probability of each colour
    weight: Tensor  # (K,) log share of all pixels
    size: Tensor  # (K, 2) log standard deviation of its pixels within a frame
    home: Tensor  # (K, 2) where it is on average
    spread: Tensor  # (K, 2) log standard deviation of its place over frames
    outlier: Tensor  # (C,) log share of all pixels that have a colour and belong to no slot

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
        return Mixture._make([*(field[kept] for field in self[:-1]), self.outlier])

    def join(self, more: Mixture) -> Mixture:
        """Return these slots with more of them behind; the pixels of no slot stay as here."""
        pairs = zip(self[:-1], more[:-1], strict=True)
        return Mixture._make([*map(torch.cat, pairs), self.outlier])


class Runs(NamedTuple):
    """Foreground of B frames: runs of equal pixels side by side, padded to R."""

    features: Tensor  # (B, R, 6) float, means over the pixels of a run, as :func:`run_features`
    colours: Tensor  # (B, R) int64
    weights: Tensor  # (B, R) float, how many pixels each stands for, 0 for padding


class Assignment(NamedTuple):
    """How the foreground of B frames was shared out; the last of K + 1 is no slot."""

    logits: Tensor  # (B, K + 1, R) log density of each run, mean over its pixels, under each slot
    posterior: Tensor  # (B, K + 1, R) share of each run that each slot got
    moments: Tensor  # (B, K, 6) the features summed over each slot's pixels
    places: Tensor  # (B, K, 2) around which place each slot looked last

    @property
    def there(self) -> Tensor:
        """(B, K) whether each slot has a quarter of the pixels that it usually has."""
        mass = self.moments[..., MASS]
        return mass > _THERE * torch.quantile(mass, _USUAL, dim=0).clamp(min=1e-3)


def run_features(rows: Tensor, columns: Tensor, scatter: Tensor, brightness: Tensor) -> Tensor:
    """Return what Gaussians and moments are linear in: 1, row, column, squares, brightness.

    Given (B, R) the middle of each run, the variance of its pixels' columns, and 0 to 1; (B, R, 6).
    """
    values = [torch.ones_like(rows), rows, columns, rows**2, columns**2 + scatter, brightness]
    return torch.stack(values, 1).transpose(1, 2)  # so in memory: assign wants runs last


def balance(runs: Runs, num_colours: int) -> Tensor:
    """Weigh pixels by one over the root of how many of their colour are in their frame, (B, R).

    So a ball counts nearly like a paddle.
    """
    frame = torch.arange(len(runs.colours)).unsqueeze(1) * num_colours
    kind = (frame + runs.colours).reshape(-1)
    counts = runs.weights.new_zeros(len(runs.colours) * num_colours)
    counts.index_add_(0, kind, runs.weights.reshape(-1))
    return runs.weights / counts[kind].view_as(runs.weights).clamp(min=1).sqrt()


def assign(
    mixture: Mixture, runs: Runs, *, look_around: Sequence[float] = _LOOK_AROUND
) -> Assignment:
    """Share the foreground of each frame out among the slots. Differentiable in the mixture.

    ``look_around`` has a number for each round: how much of the variance of a slot's place counts.
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


def maximise(runs: Runs, found: Assignment, num_colours: int) -> Mixture:
    """Return the mixture under which pixels are likeliest, shared out as they were found."""
    moments, places = found.moments, found.places
    mass = moments[..., MASS]  # (B, K)
    slot_mass = mass.sum(0) + _MIN_MASS  # (K,)
    shares = found.posterior * runs.weights.unsqueeze(1)  # (B, K + 1, R)
    by_colour = mass.new_zeros(num_colours, mass.shape[1])
    by_colour.index_add_(0, runs.colours.reshape(-1), shares[:, :-1].transpose(1, 2).flatten(0, 1))
    theta = by_colour.T + _SMOOTHING * slot_mass.unsqueeze(1) / num_colours
    outlier = mass.new_ones(num_colours)
    outlier.index_add_(0, runs.colours.reshape(-1), shares[:, -1].reshape(-1))
    share = slot_mass / runs.weights.sum()
    left = (1 - share.sum()).clamp(min=_LEAST_OF_NOBODY)
    # Variance of a slot's pixels around where it looked, in each frame.
    scatter = moments[..., SQUARES] - 2 * places * moments[..., PLACE]
    scatter = scatter + places**2 * mass.unsqueeze(-1)
    size = (scatter.sum(0) / slot_mass.unsqueeze(1)).clamp(min=0) + _MIN_SIZE**2
    # Frames in which it is there count alike, however large it is in them.
    there = mass / (mass + _LITTLE * mass.amax(0).clamp(min=_MIN_MASS) + 1e-6)
    there = (there / there.sum(0).clamp(min=1e-3)).unsqueeze(-1)
    home = (there * places).sum(0)
    spread = (there * (places - home) ** 2).sum(0) + MIN_SPREAD**2
    return Mixture(
        colour=(theta / theta.sum(1, keepdim=True)).log(),
        weight=share.log(),
        size=0.5 * size.log(),
        home=home,
        spread=0.5 * spread.log(),
        outlier=(left * outlier / outlier.sum()).log(),
    )
