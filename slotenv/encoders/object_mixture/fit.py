"""Fitting to frames: how many objects there are, what they look like, and what is usual for them.

Expectation maximisation on a sample of frames. Slots are added where pixels are explained worst, a
few at a time; rare ones are dropped, slots that move together as parts of one thing are merged, and
doubles of a thing are put back to where they are without it; until everything is explained or there
are as many slots as allowed.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from slotenv.encoders.object_mixture import slot_count
from slotenv.encoders.object_mixture.foreground import (
    Background,
    extend_background,
    fit_background,
)
from slotenv.encoders.object_mixture.mixture import (
    Assignment,
    Mixture,
    Runs,
    assign,
    balance,
    maximise,
)
from slotenv.encoders.palette import fit_palette
from slotenv.encoders.readout import Readout, fit_readout, read_slots

MAX_SLOTS = 24  # if no other limit is asked for
FIT_FRAMES = 400  # spread over all, that the mixture and the readout are fitted to
PALETTE_FRAMES = 200  # spread over all, that colours are taken from
_FIT_RUNS = 200  # of a frame, while the mixture is fitted: what takes longest
_STARTS = 4  # where slots start is random: the best of a few is steadier than one
_COST_OF_A_SLOT = 0.01  # nats of time contrast: what a slot must add to be worth having
_TEMPERATURES = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)  # of time contrast
_EM_STEPS = 5  # of a round: new slots have to move to their pixels before they are judged
_REFIT_ADDED = (6, 6, 0)  # as Steps.added, but most of what is there is known
_GROWN = math.log(1.25)  # a spread that is larger by less may differ by chance
_NEW = 0.5  # share of a new slot's pixels that must have belonged to none before
_NEVER = -12.0  # log probability of a colour that a slot has not had
_NOBODYS = -6.0  # and of one that belongs to no slot yet


@dataclass(frozen=True, kw_only=True)
class Steps:
    """What a fit does, in this order: a study replaces steps to see what each is worth.

    Each is the function of its name; ``added`` are the slots that each round begins with adding,
    none in the last, after which slots are final.
    """

    fit_background: Callable[..., Background] = fit_background
    balance: Callable[[Runs, int], Tensor] = balance
    added: tuple[int, ...] = (10, 6, 6, 6, 6, 6, 0)
    assign: Callable[[Mixture, Runs], Assignment] = assign
    drop_rare: Callable[[Mixture], Mixture] = slot_count.drop_rare
    merge: Callable[[Mixture, Assignment], Mixture] = slot_count.merge
    part_doubles: Callable[[Mixture, Assignment], Mixture] = slot_count.part_doubles
    fit_readout: Callable[[Tensor], tuple[Readout, Tensor]] = fit_readout
    read_slots: Callable[[Tensor, Readout, Tensor], Tensor] = read_slots


FINAL = Steps()  # those of the encoder


class Parts(NamedTuple):
    """What an encoder of objects is made of."""

    mixture: Mixture
    readout: Readout
    background: Background

    def sizes_and_state(self) -> tuple[dict[str, int], dict[str, Tensor]]:
        """Return of the encoder that is made of it the sizes, by their names, and the weights."""
        num_slots, num_colours = self.mixture.colour.shape
        usual, places = self.background.sets()
        sizes = {"num_slots": num_slots, "num_colours": num_colours, "num_usual": len(usual)}
        return sizes, {
            **self.mixture._asdict(),
            **self.readout._asdict(),
            "palette": torch.from_numpy(self.background.palette.colours),
            "usual_colours": usual,
            "usual_places": places,
        }


def fit_parts(
    frames: NDArray[np.uint8],
    next_frames: NDArray[np.uint8] | None,
    *,
    pooled: bool,
    max_slots: int,
    seed: int,
    announce: Callable[[str], object],
    steps: Steps = FINAL,
    worth: Callable[[Parts], float] | None = None,
) -> Parts:
    """Find the objects in frames, of which there is one at least.

    Where slots start is random. With ``next_frames``, one step after the first of the frames,
    several starts are tried, and the one of most ``worth`` is kept: by default the one whose slots
    tell best what comes next, fewer before more where there is little between them.
    """
    palette = fit_palette(spread(frames, PALETTE_FRAMES))
    background = steps.fit_background(frames, palette, pooled=pooled)
    num_colours = len(palette.colours)
    announce(f"objects: background of {len(frames):,} frames, {num_colours} colours")
    chosen = spread(frames, FIT_FRAMES)
    runs, thinned = background.foreground(chosen), background.foreground(chosen, max_runs=_FIT_RUNS)
    generator = torch.Generator().manual_seed(seed)
    starts = _STARTS if next_frames is not None and len(next_frames) else 1
    found = []
    for number in range(1, starts + 1):
        mixture = fit_mixture(
            thinned, num_colours=num_colours, max_slots=max_slots, generator=generator, steps=steps
        )
        readout, kept = steps.fit_readout(steps.assign(mixture, runs).moments)
        if not kept.any():
            kept[mixture.weight.argmax()] = True
        announce(f"objects: start {number} of {starts}, {int(kept.sum())} slots")
        found.append(Parts(mixture.select(kept), readout.select(kept), background))
    if next_frames is None or starts == 1:
        return found[0]
    pairs = [background.foreground(one) for one in (frames[: len(next_frames)], next_frames)]

    def foresight(parts: Parts) -> float:
        mixture, readout, _ = parts
        found = [steps.assign(mixture, one).moments for one in pairs]
        slots = [steps.read_slots(mixture.home, readout, moments) for moments in found]
        return time_contrast(*slots) - _COST_OF_A_SLOT * len(mixture.weight)

    return max(found, key=worth or foresight)


def fit_mixture(
    runs: Runs,
    *,
    num_colours: int,
    max_slots: int,
    generator: torch.Generator,
    steps: Steps = FINAL,
) -> Mixture:
    """Fit a mixture of 1 to ``max_slots`` slots to the foreground of a few hundred frames.

    Without foreground there is one slot, which means nothing.
    """
    if not runs.weights.any():
        return slot_count.slot_of_anything(runs, num_colours)
    runs = runs._replace(weights=steps.balance(runs, num_colours))
    mixture = slot_count.empty_mixture(runs, num_colours)
    for count in steps.added:
        badly = slot_count.badly_explained(mixture, runs, steps.assign(mixture, runs))
        count = min(count, max_slots - len(mixture.weight))
        mixture = slot_count.add_slots(mixture, runs, badly, count, generator)
        for _ in range(_EM_STEPS):
            mixture = maximise(runs, steps.assign(mixture, runs), num_colours)
        mixture = steps.drop_rare(mixture)
        mixture = steps.merge(mixture, steps.assign(mixture, runs))
        mixture = steps.part_doubles(mixture, steps.assign(mixture, runs))
    return mixture


def refit_parts(
    parts: Parts,
    frames: NDArray[np.uint8],
    *,
    max_slots: int,
    seed: int,
    announce: Callable[[str], object],
) -> Parts:
    """Go on fitting to other frames; slots keep their order and the meaning of their numbers."""
    known = len(parts.mixture.weight)
    palette = fit_palette(spread(frames, PALETTE_FRAMES), known=parts.background.palette)
    background = extend_background(parts.background, frames, palette)
    announce(f"objects: background of {len(frames):,} frames, {len(palette.colours)} colours")
    chosen = spread(frames, FIT_FRAMES)
    new = (0, len(palette.colours) - len(parts.mixture.outlier))  # colours, behind those known
    mixture = refit_mixture(
        parts.mixture._replace(
            colour=F.pad(parts.mixture.colour, new, value=_NEVER).log_softmax(1),
            outlier=F.pad(parts.mixture.outlier, new, value=_NOBODYS),
        ),
        background.foreground(chosen, max_runs=_FIT_RUNS),
        max_slots=max_slots,
        generator=torch.Generator().manual_seed(seed),
    )
    readout, kept = fit_readout(assign(mixture, background.foreground(chosen)).moments)
    kept[:known] = True
    for field, before in zip(readout, parts.readout, strict=True):
        field[:known] = before
    announce(f"objects: {int(kept.sum()) - known} slots more than the {known} there were")
    return Parts(mixture.select(kept), readout.select(kept), background)


def refit_mixture(
    mixture: Mixture, runs: Runs, *, max_slots: int, generator: torch.Generator
) -> Mixture:
    """Go on fitting a mixture, over all colours of the runs, to the foreground of other frames.

    Known slots stay as they are; only how far from home they are looked for can grow. New slots are
    added behind them where pixels belong to none.
    """
    if not runs.weights.any():
        return mixture
    known, before = len(mixture.weight), mixture
    runs = runs._replace(weights=balance(runs, len(mixture.outlier)))
    nobodys = assign(before, runs).posterior[:, -1]  # (B, R)
    for count in _REFIT_ADDED:
        badly = assign(mixture, runs).posterior[:, -1] * runs.weights
        count = min(count, max_slots - len(mixture.weight))
        mixture = slot_count.add_slots(mixture, runs, badly, count, generator)
        for _ in range(_EM_STEPS):
            mixture = maximise(runs, assign(mixture, runs), len(mixture.outlier))
            mixture = as_known(mixture, before)
        shares = assign(mixture, runs).posterior[:, :-1] * runs.weights.unsqueeze(1)
        new = (shares * nobodys.unsqueeze(1)).sum((0, 2)) > _NEW * shares.sum((0, 2))
        kept = new & (mixture.weight.exp() > slot_count.LEAST_SHARE)
        kept[:known] = True
        mixture = mixture.select(kept)
    return mixture


def as_known(mixture: Mixture, before: Mixture) -> Mixture:
    """Put the first slots back to what they were, but for spreads that have clearly grown."""
    known = len(before.weight)
    there = (mixture.weight[:known].exp() > slot_count.LEAST_SHARE).unsqueeze(1)
    spread = mixture.spread[:known]
    grown = there & (spread > before.spread + _GROWN)
    before = before._replace(spread=torch.where(grown, spread, before.spread))
    return before.join(mixture.select(torch.arange(known, len(mixture.weight))))


def time_contrast(slots_t: Tensor, slots_tp1: Tensor) -> float:
    """Score slots by a time-contrastive loss over whole sets of slots, higher is better.

    An InfoNCE loss: the slots (N, K, D) of a moment shall be nearest, in squared distance, to those
    one step later, among those of all N; at the temperature at which they do best. The score is the
    number of nats gained over guessing, at most ln N.

    All slots of a moment are compared at once, in order. A slot that is constant adds nothing to
    the distances, and one that repeats another adds nothing new, so the score grows with what the
    slots say together: a loss that tells slots apart one by one is solved by constants, see
    https://arxiv.org/abs/2011.10287.
    """
    distance = torch.cdist(slots_t.flatten(1), slots_tp1.flatten(1)).square()
    target = torch.arange(len(distance), device=distance.device)
    losses = [float(F.cross_entropy(-distance / t, target)) for t in _TEMPERATURES]
    return math.log(len(distance)) - min(losses)


def spread(frames: NDArray[np.uint8], count: int) -> NDArray[np.uint8]:
    """Return every so many frames, for about ``count`` of them."""
    return frames[:: max(len(frames) // count, 1)]
