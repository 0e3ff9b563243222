"""Which slot each piece of a frame belongs to: by its look, then by place and order."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from slotenv.encoders.objects.background import Background
from slotenv.encoders.objects.layout import display_of
from slotenv.encoders.objects.looks import Looks
from slotenv.encoders.objects.names import features, nearest
from slotenv.encoders.objects.pieces import (
    Floats,
    Ints,
    Pieces,
    Runs,
    Screen,
    gather,
    position_within,
)
from slotenv.encoders.objects.touching import separate

# Of slots, groups and the screen: weights of an encoder have these names, too.
_OF_SLOTS = (
    "first",
    "in_order",
    "roams",
    "home",
    "place",
    "size",
    "spread",
    "display",
    "field",
    "absence",
)
_SAME_ROW = 0.04  # half screens: rows of things that stand in rows are farther apart


class Things(NamedTuple):
    """What is learned: G groups of things that are alike, of looks, each with slots of its own.

    A group are the things of one kind, in one lane if they keep to lanes.

    Attributes:
        looks: L looks; one that comes in several groups is there for each.
        group: (L,) the group of each look.
        first: (G + 1,) the slots of group g are ``first[g]`` to ``first[g + 1]`` - 1.
        in_order: (G,) bool, whether its things are told apart from left to right, as they pass each
            other's places in a lane; else by where the slots usually are.
        roams: (G,) bool, whether nothing but their places tells its things apart, which pass each
            other's: they are to be followed from step to step.
        home: (K, 2) what a slot's places are relative to: where its things are on average, row and
            column; of a group that roams, all of them.
        place: (K, 2) where a slot's own things are on average.
        size: (K, 2) log of their height and width.
        spread: (K, 4) log of how far from home and from that size they are.
        display: (G, 4) the display that a group is, as :class:`Layout` has them: it is of no look,
            and has one slot; 0 for groups that are none.
        field: (4,) the playing field, as there.
        absence: (K,) for how many steps a slot stays empty, on average; 0 if that is not known.
    """

    looks: Looks
    group: Ints
    first: Ints
    in_order: NDArray[np.bool_]
    roams: NDArray[np.bool_]
    home: Floats
    place: Floats
    size: Floats
    spread: Floats
    display: Ints
    field: Ints
    absence: Floats

    def state(self) -> dict[str, Tensor]:
        """Return it as weights of an encoder, by their names."""
        arrays = {f"look_{name}": value for name, value in self.looks._asdict().items()}
        arrays["look_group"] = self.group
        arrays |= {name: getattr(self, name) for name in _OF_SLOTS}
        return {name: torch.from_numpy(np.ascontiguousarray(a)) for name, a in arrays.items()}

    @classmethod
    def of_state(cls, state: Mapping[str, Tensor]) -> "Things":
        """Return what the weights of an encoder say."""

        def array(name: str) -> NDArray[Any]:
            found: NDArray[Any] = state[name].detach().cpu().numpy()
            return found

        looks = Looks(*(array(f"look_{name}") for name in Looks._fields))
        return cls(looks, array("look_group"), *map(array, _OF_SLOTS))

    @property
    def roaming(self) -> tuple[tuple[int, ...], ...]:
        """The slots of each group that roams."""
        first = self.first.tolist()
        return tuple(tuple(range(first[g], first[g + 1])) for g in np.flatnonzero(self.roams))

    def moments_of(self, background: Background, runs: Runs, num_frames: int) -> Floats:
        """Return the moments of the piece in each slot, (B, K, 6), 0 where there is none."""
        moments = np.zeros((num_frames, len(self.home), 6), np.float32)
        screen = Screen(background.usual.shape[:2], background.brightness, self.field)
        shown = display_of(runs, self.display)
        if (in_display := shown >= 0).any():
            cell, of = np.unique(
                runs.frame[in_display] * len(self.display) + shown[in_display], return_inverse=True
            )
            displays = gather(runs.select(in_display), of, screen)
            slot = self.first[cell % len(self.display)]
            moments[displays.frame, slot] = displays.moments
            runs = runs.select(~in_display)
        pieces, fit = separate(self.looks, runs, screen)
        slot = share_out(self, pieces, fit)
        rows = np.flatnonzero(slot >= 0)
        moments[pieces.frame[rows], slot[rows]] = pieces.moments[rows]
        return moments


def share_out(things: Things, pieces: Pieces, fit: Floats) -> Ints:
    """Return the slot of each piece, (N,), -1 for none. No slot has two pieces of a frame.

    ``fit`` is (N, L), as :func:`slotenv.encoders.objects.looks.fit_of` returns it.
    """
    slot = np.full(len(pieces.frame), -1, np.int64)
    if not len(slot):
        return slot
    look = fit.argmax(1)
    best = np.take_along_axis(fit, look[:, None], 1)[:, 0]
    rows = np.flatnonzero(best > 0)
    group = things.group[look[rows]]
    cell = pieces.frame[rows] * len(things.in_order) + group
    size = np.diff(things.first)
    # Of more things than slots, those that fit best.
    order = np.lexsort((-best[rows], cell))
    kept = order[position_within(cell[order]) < size[group[order]]]
    rows, group, cell = rows[kept], group[kept], cell[kept]
    order = reading_order(cell, pieces.middle[rows], things.in_order[group])
    rows, group, cell = rows[order], group[order], cell[order]
    slot[rows] = things.first[group] + position_within(cell)
    free = (size[group] > 1) & (~things.in_order[group])
    z, mean = features(pieces.select(rows)), np.concatenate([things.place, things.size], axis=1)
    for start, end in _stretches(np.where(free, cell, -1)):
        if free[start]:
            own = slice(things.first[group[start]], things.first[group[start] + 1])
            taken = nearest(z[start:end], mean[own], things.spread[own])
            slot[rows[start:end]] = own.start + taken
    return slot


def reading_order(cell: Ints, middle: Floats, in_order: NDArray[np.bool_]) -> Ints:
    """Return how to sort things (n,) by cell, and in one from left to right.

    Where they are not ``in_order``, (n,), row by row: things whose middles are near each other's
    rows are in one.
    """
    down = np.lexsort((middle[:, 0], cell))
    row = np.zeros(len(cell), np.int64)
    new = (np.diff(middle[down, 0]) > _SAME_ROW) | (np.diff(cell[down]) != 0)
    row[down[1:]] = np.cumsum(new)
    order: Ints = np.lexsort((middle[:, 1], np.where(in_order, 0, row), cell))
    return order


def _stretches(cell: Ints) -> list[tuple[int, int]]:
    """Return the begin and end of stretches of equal cells."""
    if not len(cell):
        return []
    cuts = np.flatnonzero(np.diff(cell)) + 1
    return list(zip([0, *cuts.tolist()], [*cuts.tolist(), len(cell)], strict=True))
