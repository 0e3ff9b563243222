"""Fitting the mixture to frames: how many objects there are and what they look like.

Expectation maximisation on a sample of frames. Slots are added where pixels are explained worst, a
few at a time; rare ones are dropped, slots that move together as parts of one thing are merged, and
doubles of a thing are put back to where they are without it; until everything is explained or there
are as many slots as allowed.
"""

from __future__ import annotations

import math

import torch

from slotenv.encoders.object_mixture.adding import (
    add_slots,
    badly_explained,
    empty_mixture,
    slot_of_anything,
)
from slotenv.encoders.object_mixture.assignment import Mixture, Runs, assign
from slotenv.encoders.object_mixture.maximisation import balance, maximise
from slotenv.encoders.object_mixture.merging import LEAST_SHARE
from slotenv.encoders.object_mixture.steps import FINAL, Steps

_EM_STEPS = 5  # of a round: new slots have to move to their pixels before they are judged
_REFIT_ADDED = (6, 6, 0)  # as Steps.added, but most of what is there is known
_GROWN = math.log(1.25)  # a spread that is larger by less may differ by chance
_NEW = 0.5  # share of a new slot's pixels that must have belonged to none before


def fit_mixture(
    runs: Runs,
    *,
    num_colours: int,
    max_slots: int,
    generator: torch.Generator,
    steps: Steps = FINAL,
) -> Mixture:
    """Fit a mixture of 1 to ``max_slots`` slots to the foreground of a few hundred frames.

    The generator decides where slots start. Without foreground there is one, which means nothing.
    """
    if not runs.weights.any():
        return slot_of_anything(runs, num_colours)
    runs = runs._replace(weights=steps.balance(runs, num_colours))
    mixture = empty_mixture(runs, num_colours)
    for count in steps.added:
        badly = badly_explained(mixture, runs, steps.assign(mixture, runs))
        count = min(count, max_slots - len(mixture.weight))
        mixture = add_slots(mixture, runs, badly, count, generator)
        for _ in range(_EM_STEPS):
            mixture = maximise(runs, steps.assign(mixture, runs), num_colours)
        mixture = steps.drop_rare(mixture)
        mixture = steps.merge(mixture, steps.assign(mixture, runs))
        mixture = steps.part_doubles(mixture, steps.assign(mixture, runs))
    return mixture


def refit_mixture(
    mixture: Mixture, runs: Runs, *, max_slots: int, generator: torch.Generator
) -> Mixture:
    """Go on fitting a mixture to the foreground of other frames.

    Every slot keeps its number, its looks and its home, so that what was learned of its numbers
    stays true; only how far from home it is looked for can grow. New slots are added behind them
    where pixels belong to none. The mixture must be over all colours of ``runs`` already.
    """
    if not runs.weights.any():
        return mixture
    known, before = len(mixture.weight), mixture
    runs = runs._replace(weights=balance(runs, len(mixture.outlier)))
    nobodys = assign(before, runs).posterior[:, -1]  # (B, R)
    for count in _REFIT_ADDED:
        badly = assign(mixture, runs).posterior[:, -1] * runs.weights
        count = min(count, max_slots - len(mixture.weight))
        mixture = add_slots(mixture, runs, badly, count, generator)
        for _ in range(_EM_STEPS):
            mixture = maximise(runs, assign(mixture, runs), len(mixture.outlier))
            mixture = as_known(mixture, before)
        shares = assign(mixture, runs).posterior[:, :-1] * runs.weights.unsqueeze(1)
        new = (shares * nobodys.unsqueeze(1)).sum((0, 2)) > _NEW * shares.sum((0, 2))
        kept = new & (mixture.weight.exp() > LEAST_SHARE)
        kept[:known] = True
        mixture = mixture.select(kept)
    return mixture


def as_known(mixture: Mixture, before: Mixture) -> Mixture:
    """Put the first slots back to what they were, but for spreads that have clearly grown."""
    known = len(before.weight)
    there = (mixture.weight[:known].exp() > LEAST_SHARE).unsqueeze(1)
    spread = mixture.spread[:known]
    grown = there & (spread > before.spread + _GROWN)
    before = before._replace(spread=torch.where(grown, spread, before.spread))
    return before.join(mixture.select(torch.arange(known, len(mixture.weight))))
