"""How many slots there are: added where pixels are explained badly, dropped, merged and parted."""

import math

import torch
from torch import Tensor

from slotenv.encoders.object_mixture.mixture import MIN_SPREAD, Assignment, Mixture, Runs
from slotenv.encoders.readout import MASS, PLACE

LEAST_SHARE = 1e-3  # of all pixels, below which a slot is dropped

_NOBODYS = 0.1  # share of all pixels that belongs to no slot before anything is known
_START_WEIGHT = 0.04  # share of all pixels: that of one slot among 24
_START_SIZE, _START_SPREAD = 0.06, 0.5  # half screens: a sprite's size, and most of the screen
_OWN_COLOUR, _OTHERS = 0.95, 0.05  # shares of its pixel's colour and of all, of a new slot
_NEAR = (0.3, 0.5)  # rows and columns: pixels there may be of the same thing
_FADE = 0.05  # what is left of their chance to start a slot as well, if of the same colour
_NOTHING = 1e-6  # share of all pixels below which nothing is left to explain
_FAR = 6.0  # squared distance, in sizes, from which on a pixel is badly explained
_LARGEST = 0.1  # the size that counts there at most; few sprites are larger

_FEWEST_FRAMES = 3  # with both there: of fewer, nothing can be said
_TOGETHER = 0.6  # of the frames in which the rarer one is there, the other must be, too
_APART = 2.0  # in sizes of both: farther from each other they are two things
_GIVE = 0.15  # of how far they move: by so much the offset of parts of one thing varies
_PIXEL = 0.0125  # about a pixel: so much it varies in addition
_LEAST_GIVE = 0.025  # two pixels, also for what does not move

_ALIKE = 0.3  # of their colours in common: one slot may be the double of another
_ON = 2.0  # in sizes of both: nearer to each other, one lies on the other
_OFTEN = 0.2  # share of the frames in which it is there that a double lies on the other
_ALONE = 0.02  # share of all frames in which a double must be somewhere else


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
    colour = new((1, num_colours), -math.log(num_colours))
    outlier = new((num_colours,), math.log(_NOBODYS / num_colours))
    return _new_slot(colour, 1 - _NOBODYS, new((1, 2), 0.0), outlier)


def _new_slot(colour: Tensor, weight: float, home: Tensor, outlier: Tensor) -> Mixture:
    return Mixture(
        colour=colour,
        weight=colour.new_full((1,), math.log(weight)),
        size=colour.new_full((1, 2), math.log(_START_SIZE)),
        home=home,
        spread=colour.new_full((1, 2), math.log(_START_SPREAD)),
        outlier=outlier,
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
    for _ in range(count):
        if not chance.sum() > _NOTHING * runs.weights.sum():
            break
        seed = torch.multinomial(chance, 1, generator=generator)
        theta = chance.new_full((1, num_colours), _OTHERS / num_colours)
        theta[0, colours[seed]] += _OWN_COLOUR
        home = torch.stack([rows[seed], columns[seed]], 1)
        mixture = mixture.join(_new_slot(theta.log(), _START_WEIGHT, home, mixture.outlier))
        near = (rows - rows[seed]).abs() < _NEAR[0]
        near &= (columns - columns[seed]).abs() < _NEAR[1]
        chance[near & (colours == colours[seed])] *= _FADE
    return mixture


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


def part_doubles(mixture: Mixture, found: Assignment) -> Mixture:
    """Keep slots off those of the same colours that they often lie on, or drop them.

    They are not parts of one thing, which :func:`merge` finds: elsewhere they hold something else.
    A slot that is at the score, which has the paddle's colour, goes to the paddle where no point
    has been made, and shares it with the slot that holds it. Such a slot is put back to where it is
    without the other, and looks no further away than it is then; if that is nowhere, it is dropped.
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
