"""Slots that lie on another of the same colours are put back to where they are without it."""

from __future__ import annotations

import torch

from slotenv.encoders.object_mixture.assignment import MASS, Assignment, Mixture
from slotenv.encoders.object_mixture.maximisation import MIN_SPREAD

_ALIKE = 0.3  # of their colours in common: one slot may be the double of another
_ON = 2.0  # in sizes of both: nearer to each other, one lies on the other
_OFTEN = 0.2  # share of the frames in which it is there that a double lies on the other
_ALONE = 0.02  # share of all frames in which a double must be somewhere else


def part_doubles(mixture: Mixture, found: Assignment) -> Mixture:
    """Keep slots off those of the same colours that they often lie on, or drop them.

    They are not parts of one thing, which :mod:`~slotenv.encoders.object_mixture.merging` finds:
    elsewhere they hold something else. A slot that is at the score, which has the paddle's colour,
    goes to the paddle where no point has been made, and shares it with the slot that holds it. Such
    a slot is put back to where it is without the other, and looks no further away than it is then;
    if that is nowhere, it is dropped.
    """
    mass, there = found.moments[..., MASS], found.there
    colour, size = mixture.colour.exp(), mixture.size.exp()
    alike = torch.minimum(colour[:, None], colour[None]).sum(-1) > _ALIKE  # (K, K)
    apart = (found.places[:, :, None] - found.places[:, None]).abs()  # (B, K, K, 2)
    on = (apart < _ON * (size[:, None] + size[None])).all(-1) & there[:, :, None] & there[:, None]
    on &= alike & ~torch.eye(len(alike), dtype=torch.bool)
    often = on.sum(0) > _OFTEN * there.sum(0)[:, None]  # of the frames in which the first is there
    alone = there & ~on.any(2)
    own = (mass * alone).sum(0) / alone.sum(0).clamp(min=1)  # (K,) how large each is by itself
    kept = torch.ones(mass.shape[1], dtype=torch.bool)
    home, spread = mixture.home.clone(), mixture.spread.clone()
    for k in torch.argsort(own).tolist():
        larger = often[k] & kept & (own > own[k])
        if not larger.any():
            continue
        places = found.places[there[:, k] & ~(on[:, k] & larger).any(1), k]
        kept[k] = len(places) > max(1, _ALONE * len(mass))
        if kept[k]:
            home[k] = places.mean(0)
            spread[k] = 0.5 * (places.var(0) + MIN_SPREAD**2).log()
    return mixture._replace(home=home, spread=spread).select(kept)
