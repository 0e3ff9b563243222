"""Fitting the mixture to frames: how many objects there are and what they look like.

Expectation maximisation on a sample of frames. Slots are added where pixels are explained worst, a
few at a time; slots that move together as parts of one thing are merged, doubles of a thing are put
back to where they are without it, slots without pixels are dropped; until everything is explained
or there are as many slots as allowed.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from slotenv.encoders.object_mixture.assignment import Assignment, Mixture, Runs, assign

_ROUNDS = 7
_REFIT_ROUNDS = 3
_GROWN = math.log(1.25)
_NEW = 0.5  # share of a new slot's pixels that must have belonged to none before
_STEPS = 5  # of expectation maximisation in a round
_FIRST, _MORE = 10, 6  # slots that are added in the first round, and in later ones
_SMOOTHING = 0.02  # share of a slot's colours that is spread over all
_MIN_SIZE = 0.012  # half screens, about a pixel: no slot is thinner
_MIN_SPREAD = 0.02
_START_SIZE, _START_SPREAD = 0.06, 0.5
_NOBODYS = 0.1  # share of all pixels that belongs to no slot before anything is known
_DROP = 1e-3  # share of all pixels below which a slot goes
_THERE = 0.25  # of a slot's usual mass, from which on it counts as there
_ALIKE = 0.3  # of their colours in common: one slot may be the double of another
_OFTEN = 0.2  # share of the frames in which it is there that a double lies on the other
_ALONE = 0.02  # share of all frames in which a double must be somewhere else
_FAR = 6.0  # squared distance, in sizes, from which on a pixel is badly explained


def fit_mixture(
    runs: Runs, *, num_colours: int, max_slots: int, generator: torch.Generator
) -> Mixture:
    """Fit a mixture to the foreground of a sample of frames.

    Pixels are weighted by one over the square root of how many of their colour are in their frame,
    so that a ball counts nearly like a paddle.

    Args:
        runs: Of a few hundred frames.
        num_colours: C.
        max_slots: Upper limit of K.
        generator: Decides where slots start.

    Returns:
        A mixture of 1 to ``max_slots`` slots; one that means nothing if there is no foreground.
    """
    if not runs.weights.any():
        return _anything(runs, num_colours)
    runs = runs._replace(weights=_balanced(runs, num_colours))
    mixture = _empty(runs, num_colours)
    badly = runs.weights
    for round_ in range(_ROUNDS):
        if round_ < _ROUNDS - 1:
            room = min(_FIRST if round_ == 0 else _MORE, max_slots - len(mixture.weight))
            mixture = _add(mixture, runs, badly, room, generator)
        for _ in range(_STEPS):
            mixture = _update(runs, assign(mixture, runs), num_colours)
        mixture = _select(mixture, mixture.weight.exp() > _DROP)
        mixture = _merge(mixture, assign(mixture, runs))
        mixture = _part_doubles(mixture, assign(mixture, runs))
        found = assign(mixture, runs)
        badly = (found.posterior[:, -1] + _far_off(mixture, runs, found)) * runs.weights
    return mixture


def refit_mixture(
    mixture: Mixture, runs: Runs, *, max_slots: int, generator: torch.Generator
) -> Mixture:
    """Go on fitting a mixture to the foreground of other frames.

    Every slot keeps its number, its looks and its home, so that what was learned of its numbers
    stays true; only how far from home it is looked for can grow. New slots are added behind them
    where pixels belong to none.

    Args:
        mixture: Where to go on from; over all colours of ``runs``.
        runs: Of a few hundred frames.
        max_slots: Upper limit of K.
        generator: Decides where new slots start.
    """
    if not runs.weights.any():
        return mixture
    known, before = len(mixture.weight), mixture
    runs = runs._replace(weights=_balanced(runs, len(mixture.outlier)))
    nobodys = assign(before, runs).posterior[:, -1]  # (B, R)
    for round_ in range(_REFIT_ROUNDS):
        if round_ < _REFIT_ROUNDS - 1:
            badly = assign(mixture, runs).posterior[:, -1] * runs.weights
            room = min(_MORE, max_slots - len(mixture.weight))
            mixture = _add(mixture, runs, badly, room, generator)
        for _ in range(_STEPS):
            mixture = _update(runs, assign(mixture, runs), len(mixture.outlier))
            mixture = _as_known(mixture, before)
        shares = assign(mixture, runs).posterior[:, :-1] * runs.weights.unsqueeze(1)
        new = (shares * nobodys.unsqueeze(1)).sum((0, 2)) > _NEW * shares.sum((0, 2))
        kept = new & (mixture.weight.exp() > _DROP)
        kept[:known] = True
        mixture = _select(mixture, kept)
    return mixture


def _as_known(mixture: Mixture, before: Mixture) -> Mixture:
    """Put the first slots back to what they were, but for spreads that have clearly grown."""
    known = len(before.weight)
    there = (mixture.weight[:known].exp() > _DROP).unsqueeze(1)
    spread = mixture.spread[:known]
    grown = there & (spread > before.spread + _GROWN)
    before = before._replace(spread=torch.where(grown, spread, before.spread))
    colour, weight, size, home, spread = (
        torch.cat([old, new[known:]]) for old, new in zip(before[:-1], mixture[:-1], strict=True)
    )
    return Mixture(colour, weight, size, home, spread, before.outlier)


def _balanced(runs: Runs, num_colours: int) -> Tensor:
    frame = torch.arange(len(runs.colours)).unsqueeze(1) * num_colours
    kind = (frame + runs.colours).reshape(-1)
    counts = runs.weights.new_zeros(len(runs.colours) * num_colours)
    counts.index_add_(0, kind, runs.weights.reshape(-1))
    return runs.weights / counts[kind].view_as(runs.weights).clamp(min=1).sqrt()


def _empty(runs: Runs, num_colours: int) -> Mixture:
    counts = runs.weights.new_ones(num_colours)
    counts.index_add_(0, runs.colours.reshape(-1), runs.weights.reshape(-1))
    outlier = (_NOBODYS * counts / counts.sum()).log()
    none = counts.new_zeros(0, 2)
    return Mixture(counts.new_zeros(0, num_colours), counts.new_zeros(0), none, none, none, outlier)


def _anything(runs: Runs, num_colours: int) -> Mixture:
    """Return one slot of no particular colour or place: there was nothing to learn from."""
    new = runs.weights.new_full
    return Mixture(
        new((1, num_colours), -math.log(num_colours)),
        new((1,), math.log(1 - _NOBODYS)),
        new((1, 2), math.log(_START_SIZE)),
        new((1, 2), 0.0),
        new((1, 2), math.log(_START_SPREAD)),
        new((num_colours,), math.log(_NOBODYS / num_colours)),
    )


def _add(
    mixture: Mixture, runs: Runs, badly: Tensor, count: int, generator: torch.Generator
) -> Mixture:
    """Start slots at pixels drawn by how badly they are explained, each somewhere else."""
    chance = badly.reshape(-1).clone()
    rows, columns = runs.features[..., 1].reshape(-1), runs.features[..., 2].reshape(-1)
    colours = runs.colours.reshape(-1)
    num_colours = len(mixture.outlier)
    for _ in range(count):
        if not chance.sum() > 1e-6 * runs.weights.sum():
            break
        seed = torch.multinomial(chance, 1, generator=generator)
        theta = chance.new_full((1, num_colours), 0.05 / num_colours)
        theta[0, colours[seed]] += 0.95
        place = torch.stack([rows[seed], columns[seed]], 1)
        mixture = Mixture(
            torch.cat([mixture.colour, theta.log()]),
            torch.cat([mixture.weight, chance.new_full((1,), math.log(0.04))]),
            torch.cat([mixture.size, chance.new_full((1, 2), math.log(_START_SIZE))]),
            torch.cat([mixture.home, place]),
            torch.cat([mixture.spread, chance.new_full((1, 2), math.log(_START_SPREAD))]),
            mixture.outlier,
        )
        near = ((rows - rows[seed]).abs() < 0.3) & ((columns - columns[seed]).abs() < 0.5)
        chance[near & (colours == colours[seed])] *= 0.05
    return mixture


def _update(runs: Runs, found: Assignment, num_colours: int) -> Mixture:
    """The maximisation step."""
    mass = found.moments[..., 0]  # (B, K)
    slot_mass = mass.sum(0) + 1e-3
    total = runs.weights.sum()
    by_colour = mass.new_zeros(num_colours, mass.shape[1])
    shares = found.posterior * runs.weights.unsqueeze(1)  # (B, K + 1, R)
    by_colour.index_add_(0, runs.colours.reshape(-1), shares[:, :-1].transpose(1, 2).flatten(0, 1))
    theta = by_colour.T + _SMOOTHING * slot_mass.unsqueeze(1) / num_colours
    outlier = mass.new_ones(num_colours)
    outlier.index_add_(0, runs.colours.reshape(-1), shares[:, -1].reshape(-1))
    share = slot_mass / total
    left = (1 - share.sum()).clamp(min=0.02)
    # Variance of a slot's pixels around where it looked, in each frame.
    places = found.places
    sums, squares = found.moments[..., 1:3], found.moments[..., 3:5]
    scatter = squares - 2 * places * sums + places**2 * mass.unsqueeze(-1)
    size = (scatter.sum(0) / slot_mass.unsqueeze(1)).clamp(min=0) + _MIN_SIZE**2
    # Frames in which it is there count alike, however large it is in them.
    there = mass / (mass + 0.05 * mass.amax(0).clamp(min=1e-3) + 1e-6)
    there = (there / there.sum(0).clamp(min=1e-3)).unsqueeze(-1)
    home = (there * places).sum(0)
    spread = (there * (places - home) ** 2).sum(0) + _MIN_SPREAD**2
    return Mixture(
        (theta / theta.sum(1, keepdim=True)).log(),
        share.log(),
        0.5 * size.log(),
        home,
        0.5 * spread.log(),
        (left * outlier / outlier.sum()).log(),
    )


def _select(mixture: Mixture, kept: Tensor) -> Mixture:
    if not kept.any():
        kept = mixture.weight == mixture.weight.max()
    return Mixture._make([*(field[kept] for field in mixture[:-1]), mixture.outlier])


def _far_off(mixture: Mixture, runs: Runs, found: Assignment) -> Tensor:
    """Return the share of each run that went to slots whose middle is far away from it, (B, R)."""
    size = mixture.size.exp().clamp(max=0.1).unsqueeze(1)  # (K, 1, 2)
    place = runs.features[..., 1:3].unsqueeze(1)  # (B, 1, R, 2)
    distance = ((place - found.places.unsqueeze(2)) / size).square().sum(-1)  # (B, K, R)
    return (found.posterior[:, :-1] * (distance > _FAR)).sum(1)


def _merge(mixture: Mixture, found: Assignment) -> Mixture:
    """Merge slots that are near each other, at a constant offset, whenever both are there."""
    mass = found.moments[..., 0]
    usual = torch.quantile(mass, 0.95, dim=0).clamp(min=1e-3)
    there = mass > _THERE * usual
    order = torch.argsort(mixture.weight, descending=True).tolist()
    gone: set[int] = set()
    fields = [field.clone() for field in mixture]
    for position, i in enumerate(order):
        if i in gone:
            continue
        for j in order[position + 1 :]:
            if j not in gone and _are_one(fields, there, found.places, i, j):
                _absorb(fields, found.places[there[:, i] & there[:, j]], i, j)
                gone.add(j)
    kept = torch.tensor([k not in gone for k in range(len(order))], dtype=torch.bool)
    return _select(Mixture(*fields), kept)


def _part_doubles(mixture: Mixture, found: Assignment) -> Mixture:
    """Keep slots off those of the same colours that they often lie on, or drop them.

    They are no parts of one thing, which :func:`_merge` finds: elsewhere they hold something else.
    A slot that is at the score, which has the paddle's colour, goes to the paddle where no point
    has been made, and shares it with the slot that holds it. Such a slot is put back to where it is
    without the other, and looks no further away than it is then; if that is nowhere, it goes.
    """
    mass = found.moments[..., 0]
    there = mass > _THERE * torch.quantile(mass, 0.95, dim=0).clamp(min=1e-3)
    colour, size = mixture.colour.exp(), mixture.size.exp()
    alike = torch.minimum(colour[:, None], colour[None]).sum(-1) > _ALIKE  # (K, K)
    apart = (found.places[:, :, None] - found.places[:, None]).abs()  # (B, K, K, 2)
    on = (apart < 2 * (size[:, None] + size[None])).all(-1) & there[:, :, None] & there[:, None]
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
            spread[k] = 0.5 * (places.var(0) + _MIN_SPREAD**2).log()
    return _select(mixture._replace(home=home, spread=spread), kept)


def _are_one(fields: list[Tensor], there: Tensor, places: Tensor, i: int, j: int) -> bool:
    both = there[:, i] & there[:, j]
    rarer = min(int(there[:, i].sum()), int(there[:, j].sum()))
    if rarer < 3 or int(both.sum()) < 0.6 * rarer:
        return False
    size = fields[2].exp()
    offset = places[both, i] - places[both, j]  # (n, 2)
    near = offset.mean(0).abs() < 2 * (size[i] + size[j])
    moves = torch.minimum(places[both, i].std(0), places[both, j].std(0))
    rigid = offset.std(0) < (0.15 * moves + 0.0125).clamp(min=0.025)
    return bool((near & rigid).all())


def _absorb(fields: list[Tensor], places: Tensor, i: int, j: int) -> None:
    colour, weight, size = fields[:3]
    mine, other = weight[i].exp(), weight[j].exp()
    both = mine + other
    offset = (places[:, i] - places[:, j]).mean(0)
    variance = (mine * (2 * size[i]).exp() + other * (2 * size[j]).exp()) / both
    size[i] = 0.5 * (variance + mine * other / both**2 * offset**2).log()
    colour[i] = ((mine * colour[i].exp() + other * colour[j].exp()) / both).log()
    weight[i] = both.log()
