"""The maximisation step: what is learned of slots from the pixels that they got."""

from __future__ import annotations

import torch
from torch import Tensor

from slotenv.encoders.object_mixture.assignment import (
    MASS,
    PLACE,
    SQUARES,
    Assignment,
    Mixture,
    Runs,
)

MIN_SPREAD = 0.02  # half screens: no slot keeps closer to its home, however still it stood
_MIN_SIZE = 0.012  # half screens, about a pixel: no slot is thinner
_MIN_MASS = 1e-3  # pixels: keeps what is learned of a slot without any defined
_SMOOTHING = 0.02  # share of a slot's colours that is spread over all: none is impossible
_LEAST_OF_NOBODY = 0.02  # share of all pixels that can always belong to no slot
_LITTLE = 0.05  # of a slot's largest mass: a frame in which it has this counts half


def balance(runs: Runs, num_colours: int) -> Tensor:
    """Weigh pixels by one over the root of how many of their colour are in their frame, (B, R).

    So a ball counts nearly like a paddle.
    """
    frame = torch.arange(len(runs.colours)).unsqueeze(1) * num_colours
    kind = (frame + runs.colours).reshape(-1)
    counts = runs.weights.new_zeros(len(runs.colours) * num_colours)
    counts.index_add_(0, kind, runs.weights.reshape(-1))
    return runs.weights / counts[kind].view_as(runs.weights).clamp(min=1).sqrt()


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
