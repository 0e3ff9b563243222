"""Slots to begin with, and slots added where pixels are explained worst."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from slotenv.encoders.object_mixture.assignment import PLACE, Assignment, Mixture, Runs

_NOBODYS = 0.1  # share of all pixels that belongs to no slot before anything is known
_START_WEIGHT = 0.04  # share of all pixels: that of one slot among 24
_START_SIZE, _START_SPREAD = 0.06, 0.5  # half screens: a sprite's size, and most of the screen
_OWN_COLOUR, _OTHERS = 0.95, 0.05  # shares of its pixel's colour and of all, of a new slot
_NEAR = (0.3, 0.5)  # rows and columns, half screens: pixels there may be of the same thing
_FADE = 0.05  # what is left of their chance to start a slot as well, if of the same colour
_NOTHING = 1e-6  # share of all pixels below which nothing is left to explain
_FAR = 6.0  # squared distance, in sizes, from which on a pixel is badly explained
_LARGEST = 0.1  # half screens: the size that counts there at most; few sprites are larger


def empty_mixture(runs: Runs, num_colours: int) -> Mixture:
    """Return a mixture without slots: all pixels belong to none."""
    counts = runs.weights.new_ones(num_colours)
    counts.index_add_(0, runs.colours.reshape(-1), runs.weights.reshape(-1))
    outlier = (_NOBODYS * counts / counts.sum()).log()
    none = counts.new_zeros(0, 2)
    return Mixture(counts.new_zeros(0, num_colours), counts.new_zeros(0), none, none, none, outlier)


def slot_of_anything(runs: Runs, num_colours: int) -> Mixture:
    """Return one slot of no particular colour or place: there was nothing to learn from."""
    new = runs.weights.new_full
    return Mixture(
        colour=new((1, num_colours), -math.log(num_colours)),
        weight=new((1,), math.log(1 - _NOBODYS)),
        size=new((1, 2), math.log(_START_SIZE)),
        home=new((1, 2), 0.0),
        spread=new((1, 2), math.log(_START_SPREAD)),
        outlier=new((num_colours,), math.log(_NOBODYS / num_colours)),
    )


def badly_explained(mixture: Mixture, runs: Runs, found: Assignment) -> Tensor:
    """Return how many pixels of each run, (B, R), no slot took or one whose middle is far away."""
    size = mixture.size.exp().clamp(max=_LARGEST).unsqueeze(1)  # (K, 1, 2)
    away = runs.features[..., PLACE].unsqueeze(1) - found.places.unsqueeze(2)  # (B, K, R, 2)
    far = (away / size).square().sum(-1) > _FAR  # (B, K, R)
    return (found.posterior[:, -1] + (found.posterior[:, :-1] * far).sum(1)) * runs.weights


def add_slots(
    mixture: Mixture, runs: Runs, badly: Tensor, count: int, generator: torch.Generator
) -> Mixture:
    """Start slots at pixels drawn by how badly they are explained, each somewhere else.

    Fewer than ``count`` are added if nothing is left of ``badly``, (B, R) pixels of each run.
    """
    chance = badly.reshape(-1).clone()
    rows, columns = runs.features[..., PLACE].flatten(0, 1).unbind(-1)
    colours = runs.colours.reshape(-1)
    num_colours = len(mixture.outlier)
    new = chance.new_full
    for _ in range(count):
        if not chance.sum() > _NOTHING * runs.weights.sum():
            break
        seed = torch.multinomial(chance, 1, generator=generator)
        theta = new((1, num_colours), _OTHERS / num_colours)
        theta[0, colours[seed]] += _OWN_COLOUR
        slot = Mixture(
            colour=theta.log(),
            weight=new((1,), math.log(_START_WEIGHT)),
            size=new((1, 2), math.log(_START_SIZE)),
            home=torch.stack([rows[seed], columns[seed]], 1),
            spread=new((1, 2), math.log(_START_SPREAD)),
            outlier=mixture.outlier,
        )
        mixture = mixture.join(slot)
        near = (rows - rows[seed]).abs() < _NEAR[0]
        near &= (columns - columns[seed]).abs() < _NEAR[1]
        chance[near & (colours == colours[seed])] *= _FADE
    return mixture
