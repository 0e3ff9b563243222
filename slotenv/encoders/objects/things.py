"""From frames to things: looks, kinds, lanes, and how many slots each needs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from slotenv.encoders.objects import looks as of_looks
from slotenv.encoders.objects.groups import Group, find_groups, ranked
from slotenv.encoders.objects.kinds import FEWEST, Steps, find_kinds, look_around
from slotenv.encoders.objects.layout import Layout, display_of, find_layout
from slotenv.encoders.objects.names import (
    PLACES,
    SIZES,
    Names,
    features,
    find_names,
    passing_of,
)
from slotenv.encoders.objects.parts import cut_off, patterns, second_images
from slotenv.encoders.objects.pieces import (
    Ints,
    Pieces,
    Runs,
    Screen,
    find_pieces,
)
from slotenv.encoders.objects.sharing import Things
from slotenv.encoders.objects.touching import two_that_touch

_MOST_FOLLOWED = 8  # things of one group: more are a formation, in which places are names
_WITH_DISPLAYS = 24  # slots: as long as there are fewer, displays have some, too


def find_things(
    runs: Runs,
    steps: tuple[Runs, Runs] | None,
    *,
    num_frames: int,
    screen: Screen,
    pooled: bool,
    max_slots: int,
    seed: int,
) -> Things | None:
    """Find the things in the foreground of a sample of frames; None if there are none.

    Args:
        runs: The foreground of ``num_frames`` frames.
        steps: That of other frames, and of those one step later: tells what moves, and what becomes
            what.
        num_frames: How many frames ``runs`` are of.
        screen: Of the frames. The playing field is found.
        pooled: Whether frames may be the maximum of two, in which what moves is there twice.
        max_slots: K at most.
        seed: Decides where lanes start.
    """
    layout = find_layout(runs, steps, screen)
    screen = screen._replace(field=layout.field)
    shown = [display_of(one, layout.displays) for one in (runs, *(steps or ()))]
    displays = _displays(layout, runs, shown[0], num_frames)
    runs, *before_and_after = (
        one.select(of < 0) for one, of in zip((runs, *(steps or ())), shown, strict=True)
    )
    runs, piece, pieces = find_pieces(runs, screen, apart=runs.scenery)
    before_after = [find_pieces(one, screen, apart=one.scenery)[2] for one in before_and_after]
    parts = [pieces, *before_after]
    described = np.concatenate([of_looks.describe(part) for part in parts])
    frames_in_all = sum(int(part.frame.max(initial=-1)) + 1 for part in parts)
    found = of_looks.cluster(described, frames_in_all)
    look, *others = np.split(found, np.cumsum([len(part.frame) for part in parts])[:-1])
    num_looks = int(found.max(initial=-1)) + 1
    passing = None
    if before_after:
        passing = Steps(before_after[0], others[0], before_after[1], others[1])
    groups = []
    if num_looks:
        groups = _groups(
            pieces,
            look,
            piece,
            runs,
            passing,
            num_frames=num_frames,
            screen=screen,
            pooled=pooled,
            seed=seed,
        )
    return _slots_for([*groups, *displays], pieces, look, max_slots, passing, screen)


def _displays(layout: Layout, runs: Runs, shown: Ints, num_frames: int) -> list[Group]:
    """Return the displays of a layout as groups, from which of them each run is in."""
    return [
        Group(
            rows=np.zeros(0, np.int64),
            count=np.bincount(np.unique(runs.frame[shown == number]), minlength=num_frames),
            in_order=False,
            in_lane=False,
            still=True,
            display=display,
        )
        for number, display in enumerate(layout.displays)
        if (shown == number).any()
    ]


def _groups(
    pieces: Pieces,
    look: Ints,
    piece: Ints,
    runs: Runs,
    passing: Steps | None,
    *,
    num_frames: int,
    screen: Screen,
    pooled: bool,
    seed: int,
) -> list[Group]:
    """Return the groups of things that pieces are; second images lose their ``look``."""
    num_looks = int(look.max(initial=-1)) + 1
    seen = look_around(pieces, look, num_looks, num_frames, passing)
    if pooled:
        look[second_images(pieces, look, ~seen.still)] = -1
        seen = look_around(pieces, look, num_looks, num_frames, passing)
    no_things = cut_off(seen, pieces, look)
    no_things |= two_that_touch(seen, pieces, look, piece, runs, screen)
    no_things |= patterns(pieces, look, num_looks, screen)
    kind = find_kinds(replace(seen, scenery=seen.scenery | no_things))
    return find_groups(kind, seen, pieces, look, passing, num_frames=num_frames, seed=seed)


def _slots_for(
    groups: list[Group],
    pieces: Pieces,
    look: Ints,
    max_slots: int,
    passing: Steps | None,
    screen: Screen,
) -> Things | None:
    """Give groups slots, first things before second ones, and what moves before displays."""
    wishes = [
        (-(group.count > one).mean() / (one + 1), number)
        for number, group in enumerate(groups)
        for one in range(group.at_once)
        if (group.count > one).mean() >= FEWEST
    ]
    moving = sorted(wish for wish in wishes if not groups[wish[1]].still)[:max_slots]
    displays = sorted(wish for wish in wishes if groups[wish[1]].still)
    left = max(min(max_slots, _WITH_DISPLAYS) - len(moving), 0)
    sizes = np.bincount(
        [number for _, number in [*moving, *displays[:left]]], minlength=len(groups)
    )
    order = sorted(
        np.flatnonzero(sizes), key=lambda g: (groups[g].still, -(groups[g].count > 0).mean())
    )
    if not order:
        return None
    label, group_of = np.full(len(look), -1), list[int]()
    names = [
        _names_of(groups[g], int(sizes[g]), pieces, look, passing)
        if (part := groups[g].display) is None
        else _at(part, screen.shape)
        for g in order
    ]
    for number, g in enumerate(order):
        group = groups[g]
        for kind_of_look in np.unique(look[group.rows]):
            label[group.rows[look[group.rows] == kind_of_look]] = len(group_of)
            group_of.append(number)
    looks = of_looks.learn(pieces, label, len(group_of))
    places = [one.mean[:, PLACES] for one in names]
    roams = [
        not groups[g].still
        and 1 < len(one.mean) <= _MOST_FOLLOWED
        and not (groups[g].in_order or one.by_size)
        for g, one in zip(order, names, strict=True)
    ]
    display = [np.zeros(4, np.int64) if (d := groups[g].display) is None else d for g in order]
    return Things(
        looks=looks,
        group=np.array(group_of or [0]),
        first=np.concatenate([[0], np.cumsum(sizes[order])]),
        in_order=np.array([one.in_order for one in names]),
        roams=np.array(roams),
        home=np.concatenate(
            [
                np.broadcast_to(place.mean(0), place.shape) if roam else place
                for place, roam in zip(places, roams, strict=True)
            ]
        ),
        place=np.concatenate(places),
        size=np.concatenate([one.mean[:, SIZES] for one in names]),
        spread=np.concatenate([one.spread for one in names]),
        display=np.stack(display),
        field=np.array([0, 0, *screen.shape]) if screen.field is None else screen.field,
        absence=np.zeros(int(sizes[order].sum()), np.float32),
    )


def _names_of(group: Group, count: int, pieces: Pieces, look: Ints, passing: Steps | None) -> Names:
    """Return how the things of a group are told apart."""
    rows, rank = ranked(group, pieces)
    steps = []
    if passing is not None and count > 1 and not (group.in_lane or group.still):
        steps = passing_of(passing, np.unique(look[rows]))
    z = features(pieces.select(rows))
    return find_names(pieces.frame[rows], z, rank, count, steps, in_order=group.in_order)


def _at(display: Ints, shape: tuple[int, int]) -> Names:
    """Return the name of a display: where it is, and how large."""
    first, last = display[:2] / np.array(shape), display[2:] / np.array(shape)
    size = np.log(2 * (last - first) / 12**0.5)
    mean = np.concatenate([first + last - 1, size]).astype(np.float32)
    return Names(False, mean[None], np.zeros((1, 4), np.float32))
