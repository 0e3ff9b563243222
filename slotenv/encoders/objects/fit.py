"""Fitting to frames: background, things, and what is usual for each slot."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from slotenv.encoders.objects.background import Background, extend_background, fit_background
from slotenv.encoders.objects.layout import display_of, whole_screen
from slotenv.encoders.objects.looks import Looks, no_looks
from slotenv.encoders.objects.pieces import Runs, Screen
from slotenv.encoders.objects.sharing import Things
from slotenv.encoders.objects.things import find_things
from slotenv.encoders.objects.touching import unknown
from slotenv.encoders.palette import fit_palette
from slotenv.encoders.readout import MASS, Readout, fit_readout

MAX_SLOTS = 44  # if no other limit is asked for: Space Invaders has 36 aliens
PALETTE_FRAMES = 200  # spread over all, that colours are taken from
_STEPS = 1_000  # pairs of frames, spread over all, that say what moves
_COUNTED_FRAMES = 20  # spread over all, that tell how many runs there are
_MOST_RUNS = 4_000_000  # of all frames: of textured ones, fewer frames are looked at
_NEVER = -12.0  # log probability of a colour that a look has not had


class Learned(NamedTuple):
    """What an encoder of objects is made of."""

    background: Background
    things: Things
    readout: Readout

    def sizes_and_state(self) -> tuple[dict[str, int], dict[str, Tensor]]:
        """Return of the encoder that is made of it the sizes, by their names, and the weights."""
        usual, places = self.background.sets()
        sizes = {
            "num_slots": len(self.things.home),
            "num_colours": len(self.background.palette.colours),
            "num_usual": len(usual),
            "num_looks": len(self.things.group),
            "num_groups": len(self.things.in_order),
        }
        return sizes, {
            **self.things.state(),
            **self.readout._asdict(),
            "palette": torch.from_numpy(self.background.palette.colours),
            "usual_colours": usual,
            "usual_places": places,
        }


def fit(
    frames: NDArray[np.uint8],
    next_frames: NDArray[np.uint8] | None,
    *,
    pooled: bool,
    max_slots: int,
    seed: int,
    announce: Callable[[str], object],
) -> Learned:
    """Find the things in frames, of which there is one at least.

    Without ``next_frames``, one step after the first of the frames, nothing is known of what moves
    and what becomes what. Without foreground there is one slot, which is always empty.
    """
    palette = fit_palette(frames[:: max(len(frames) // PALETTE_FRAMES, 1)])
    background = fit_background(frames, palette, pooled=pooled)
    announce(f"objects: background of {len(frames):,} frames, {len(palette.colours)} colours")
    steps = _steps(background, frames, next_frames)
    frames = _affordable(background, frames)
    runs = background.foreground(frames)
    things = find_things(
        runs,
        steps,
        num_frames=len(frames),
        screen=_screen(background),
        pooled=pooled,
        max_slots=max_slots,
        seed=seed,
    )
    if things is None:
        things = _nothing(len(palette.colours), background.usual.shape[:2])
    things = things._replace(absence=_absence(things, background, steps))
    announce(f"objects: {len(things.group)} looks, {len(things.home)} slots")
    return Learned(background, things, _usual_for(things, background, runs, len(frames)))


def refit(
    before: Learned,
    frames: NDArray[np.uint8],
    next_frames: NDArray[np.uint8] | None,
    *,
    max_slots: int,
    seed: int,
    announce: Callable[[str], object],
) -> Learned:
    """Go on fitting to other frames: new things get slots behind those that there are.

    What is of a known look stays where it is; the numbers of known slots keep their meaning.
    """
    palette = fit_palette(
        frames[:: max(len(frames) // PALETTE_FRAMES, 1)], known=before.background.palette
    )
    background = extend_background(before.background, frames, palette)
    announce(f"objects: background of {len(frames):,} frames, {len(palette.colours)} colours")
    known = len(before.things.home)
    new_colours = len(palette.colours) - before.things.looks.colours.shape[1]
    looks = before.things.looks
    padded = np.pad(looks.colours, ((0, 0), (0, new_colours)), constant_values=_NEVER)
    old = before.things._replace(looks=looks._replace(colours=padded))
    steps = _steps(background, frames, next_frames)
    frames = _affordable(background, frames)
    runs = background.foreground(frames)
    more = None
    if max_slots > known:
        more = find_things(
            _unknown(old, background, runs),
            steps and (_unknown(old, background, steps[0]), _unknown(old, background, steps[1])),
            num_frames=len(frames),
            screen=_screen(background),
            pooled=background.pooled,
            max_slots=max_slots - known,
            seed=seed,
        )
    things = old if more is None else _joined(old, more)
    absence = _absence(things, background, steps)
    things = things._replace(absence=np.concatenate([old.absence, absence[known:]]))
    announce(f"objects: {len(things.home) - known} slots more than the {known} there were")
    readout = _usual_for(things, background, runs, len(frames))
    for field, was in zip(readout, before.readout, strict=True):
        field[:known] = was
    return Learned(background, things, readout)


def _screen(background: Background) -> Screen:
    return Screen(background.usual.shape[:2], background.brightness)


def _affordable(background: Background, frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return every so many of the frames, so that they have no more than so many runs."""
    some = frames[:: max(len(frames) // _COUNTED_FRAMES, 1)]
    runs = len(background.foreground(some).frame) / len(some) * len(frames)
    return frames[:: math.ceil(max(runs, 1) / _MOST_RUNS)]


def _steps(
    background: Background, frames: NDArray[np.uint8], next_frames: NDArray[np.uint8] | None
) -> tuple[Runs, Runs] | None:
    if next_frames is None or not len(next_frames):
        return None
    count = min(_STEPS, len(next_frames))
    chosen = np.linspace(0, len(next_frames) - 1, count).astype(int)
    return background.foreground(frames[chosen]), background.foreground(next_frames[chosen])


def _unknown(things: Things, background: Background, runs: Runs) -> Runs:
    """Return the runs of what is not known, outside displays."""
    screen = _screen(background)._replace(field=things.field)
    runs = runs.select(display_of(runs, things.display) < 0)
    return unknown(things.looks, runs, screen)


def _usual_for(things: Things, background: Background, runs: Runs, num_frames: int) -> Readout:
    """Measure what is usual for each slot; a piece is there from its first pixel on.

    Slots that take pixels one by one are there in part. A piece is of a look, or it is not: a share
    of its usual pixels would only tell of the edge that cuts it off. In a group that roams, a thing
    may have any slot: the same is usual for all.
    """
    moments = torch.from_numpy(things.moments_of(background, runs, num_frames))
    readout, _ = fit_readout(moments, fewest=0.0)
    for own in map(list, things.roaming):
        low = (readout.look[own] - readout.look_range[own]).amin(0)
        high = (readout.look[own] + readout.look_range[own]).amax(0)
        readout.moves[own] = readout.moves[own].amax(0)
        readout.look[own] = (low + high) / 2
        readout.look_range[own] = (high - low) / 2
    return readout._replace(usual_mass=torch.ones_like(readout.usual_mass))


def _absence(
    things: Things, background: Background, steps: tuple[Runs, Runs] | None
) -> NDArray[np.float32]:
    """Return for how many steps each slot stays empty, on average, (K,); 0 if nothing is known.

    That is how often it is empty, for each time that it becomes so. In a group that roams a thing
    may have any slot: what is true of the slot that is soonest taken again is of all.
    """
    if steps is None:
        return np.zeros(len(things.home), np.float32)
    count = max(int(runs.frame.max(initial=-1)) for runs in steps) + 1
    before, after = (things.moments_of(background, runs, count)[..., MASS] > 0 for runs in steps)
    empty, vanishes = (~before).sum(0), (before & ~after).sum(0)
    absence: NDArray[np.float32] = (empty / np.maximum(vanishes, 1)).astype(np.float32)
    for own in map(list, things.roaming):
        absence[own] = absence[own].min()
    return absence


def _joined(old: Things, more: Things) -> Things:
    return Things(
        looks=Looks(*(np.concatenate(pair) for pair in zip(old.looks, more.looks, strict=True))),
        group=np.concatenate([old.group, more.group + len(old.in_order)]),
        first=np.concatenate([old.first, more.first[1:] + old.first[-1]]),
        in_order=np.concatenate([old.in_order, more.in_order]),
        roams=np.concatenate([old.roams, more.roams]),
        home=np.concatenate([old.home, more.home]),
        place=np.concatenate([old.place, more.place]),
        size=np.concatenate([old.size, more.size]),
        spread=np.concatenate([old.spread, more.spread]),
        display=np.concatenate([old.display, more.display]),
        field=old.field,
        absence=np.concatenate([old.absence, more.absence]),
    )


def _nothing(num_colours: int, shape: tuple[int, int]) -> Things:
    """Return one slot that is always empty: there was nothing to learn from."""
    zeros = np.zeros((1, 2), np.float32)
    return Things(
        no_looks(num_colours),
        group=np.zeros(1, np.int64),
        first=np.array([0, 1]),
        in_order=np.zeros(1, bool),
        roams=np.zeros(1, bool),
        home=zeros,
        place=zeros,
        size=zeros,
        spread=np.zeros((1, 4), np.float32),
        display=np.zeros((1, 4), np.int64),
        field=whole_screen(shape).field,
        absence=np.zeros(1, np.float32),
    )
