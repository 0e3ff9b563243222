"""Fewer slots: rare ones are dropped, those that are parts of one thing are merged."""

from __future__ import annotations

import torch
from torch import Tensor

from slotenv.encoders.object_mixture.assignment import Assignment, Mixture

LEAST_SHARE = 1e-3  # of all pixels, below which a slot is dropped
_FEWEST_FRAMES = 3  # with both there: of fewer, nothing can be said
_TOGETHER = 0.6  # of the frames in which the rarer one is there, the other must be, too
_APART = 2.0  # in sizes of both: farther from each other they are two things
_GIVE = 0.15  # of how far they move: by so much the offset of parts of one thing varies
_PIXEL = 0.0125  # half screens, about a pixel: so much it varies in addition
_LEAST_GIVE = 0.025  # two pixels, also for what does not move


def drop_rare(mixture: Mixture) -> Mixture:
    """Drop slots that hardly have pixels, but for the one that has the most."""
    kept = mixture.weight.exp() > LEAST_SHARE
    return mixture.select(kept if kept.any() else mixture.weight == mixture.weight.max())


def merge(mixture: Mixture, found: Assignment) -> Mixture:
    """Merge slots that are near each other, at a constant offset, whenever both are there."""
    there = found.there
    order = torch.argsort(mixture.weight, descending=True).tolist()
    gone: set[int] = set()
    mixture = Mixture(*(field.clone() for field in mixture))
    for position, i in enumerate(order):
        if i in gone:
            continue
        for j in order[position + 1 :]:
            if j not in gone and _are_one(mixture, there, found.places, i, j):
                _absorb(mixture, found.places[there[:, i] & there[:, j]], i, j)
                gone.add(j)
    return mixture.select(torch.tensor([k for k in range(len(order)) if k not in gone]))


def _are_one(mixture: Mixture, there: Tensor, places: Tensor, i: int, j: int) -> bool:
    """Return whether slots i and j are parts of one thing; (B, K) there, (B, K, 2) places."""
    both = there[:, i] & there[:, j]
    rarer = min(int(there[:, i].sum()), int(there[:, j].sum()))
    if rarer < _FEWEST_FRAMES or int(both.sum()) < _TOGETHER * rarer:
        return False
    size = mixture.size.exp()
    offset = places[both, i] - places[both, j]  # (n, 2)
    near = offset.mean(0).abs() < _APART * (size[i] + size[j])
    moves = torch.minimum(places[both, i].std(0), places[both, j].std(0))
    rigid = offset.std(0) < (_GIVE * moves + _PIXEL).clamp(min=_LEAST_GIVE)
    return bool((near & rigid).all())


def _absorb(mixture: Mixture, places: Tensor, i: int, j: int) -> None:
    """Give slot i, in place, the pixels of slot j; (n, K, 2) places in which both are there."""
    colour, weight, size = mixture.colour, mixture.weight, mixture.size
    mine, other = weight[i].exp(), weight[j].exp()
    both = mine + other
    offset = (places[:, i] - places[:, j]).mean(0)
    variance = (mine * (2 * size[i]).exp() + other * (2 * size[j]).exp()) / both
    size[i] = 0.5 * (variance + mine * other / both**2 * offset**2).log()
    colour[i] = ((mine * colour[i].exp() + other * colour[j].exp()) / both).log()
    weight[i] = both.log()
