"""Where the objects of recorded play are by OCAtari's boxes, and which of them count."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pretrain.data.store import FrameStore
from pretrain.upkeep.drawn import drawn
from pretrain.upkeep.ocatari import OcatariBoxes, read_ocatari
from slotenv.probe import TrueObjects

WRONG = {
    "assault": {
        "PlayerMissileHorizontal": "15 to 50 pixels beside the shot, or where nothing is drawn",
    },
    "asteroids": {"Asteroid": "half a rock to the right of it as often as on it"},
    "beamrider": {"Saucer": "5 to 10 pixels beside the saucer, or where nothing is drawn"},
    "demonattack": {
        "EnemyMissile": "one box for a volley of up to eight shots, in a gap as often as on one",
        "EnemyPart": "three boxes that overlap for the two halves of a demon that appears, one of "
        "them where nothing is drawn",
    },
    "enduro": {
        "Car": "as large as the player's at any distance; one far away is in a corner of its box",
    },
    "galaxian": {"EnemyShip": "half a ship beside it, for some of the ships in a formation"},
    "pitfall": {"Rope": "one pixel, the lower end of a rope of 40 pixels"},
}
"""Kinds that are not counted because OCAtari's boxes are not where the objects are, game by game,
with what pictures showed that had its boxes drawn."""

NO_OBJECT = {
    "battlezone": {"Radar_Content": "marks on the radar, a display"},
    "centipede": {"Mushroom": "stands still; its place in the list changes as others are shot"},
    "choppercommand": {
        kind: "marks on the radar, a display" for kind in ("MiniEnemy", "MiniPlayer", "MiniTruck")
    },
    "crazyclimber": {"Window": "up to 80 windows of one building, which scrolls as a whole"},
    "hero": {"BombStock": "the bombs that are left, a display"},
    "krull": {"Line": "up to 220 pieces of a web that is scenery"},
    "yarsrevenge": {"Shield_Block": "up to 60 blocks of one shield, which moves as a whole"},
}
"""Kinds that are not counted though their boxes are right: they are no objects of their own."""

_STILL = 0.01  # of the steps: what changes its place in a smaller share of them stands still
_ENOUGH = 50  # steps from which on that is said of one object of a kind that moves
_REASONS = (
    "",
    "wrong",
    "a display",
    "stands still",
    "not drawn",
    "behind another",
    "no object",
)


class Truth(NamedTuple):
    """What is known of N frames.

    Attributes:
        objects: The objects in them.
        number: (M,) int: which object of the game each is; one keeps its number.
        left_out: Kind to the reason why all of it, or some, is not counted.
    """

    objects: TrueObjects
    number: NDArray[np.int64]
    left_out: dict[str, str]

    def part(self, start: int, end: int) -> Truth:
        """Return what is known of frames ``start`` to ``end`` - 1, numbered from 0."""
        one = self.objects
        rows = np.flatnonzero((one.frame >= start) & (one.frame < end))
        objects = one._replace(
            frame=one.frame[rows] - start, kind=one.kind[rows], box=one.box[rows]
        )
        return self._replace(objects=objects, number=self.number[rows])


def ocatari_truth(game: str, store: FrameStore, folder: Path) -> Truth:
    """Return where OCAtari says that objects are; only what is on the screen.

    An object counts if it is no display, neither :data:`WRONG` nor :data:`NO_OBJECT`, moves, and is
    drawn in the frame; of several of one kind at the same place one does.

    Args:
        game: Its key.
        store: Frames and RAM.
        folder: Of OCAtari's environment.

    Raises:
        RuntimeError: As :func:`pretrain.upkeep.ocatari.read_ocatari`.
    """
    found = read_ocatari(game, store.ram, store.episode, folder)
    return truth_of(found, store, WRONG.get(game, {}), NO_OBJECT.get(game, {}))


def truth_of(
    found: OcatariBoxes, store: FrameStore, wrong: dict[str, str], no_object: dict[str, str]
) -> Truth:
    """Return the parts of boxes that are on the screen, and which of them count.

    Args:
        found: What OCAtari says.
        store: The frames.
        wrong: Kinds whose boxes are wrong, with the evidence.
        no_object: Kinds that are no objects of their own, with the reason.
    """
    first = found.rows[:, 3:5].clip(0)
    after = (found.rows[:, 3:5] + found.rows[:, 5:]).clip(max=store.preset.shape[1::-1])
    there = (found.rows[:, 5:] > 0).all(axis=1) & (after > first).all(axis=1)
    (frame, place, kind), first, after = found.rows[there, :3].T, first[there], after[there]
    number = place * len(found.kinds) + kind  # another kind at a place is another object
    still = still_ones(frame, number, kind, found.rows[there, 3:5], store.episode)
    moving = np.flatnonzero(~still & ~found.hud[kind])
    why = np.zeros(len(kind), np.int64)  # into _REASONS
    why[moving] = np.where(drawn(store, frame[moving], first[moving], after[moving]), 0, 4)
    why[still] = 3
    why[found.hud[kind]] = 2
    for reason, kinds in ((1, wrong), (6, no_object)):
        why[np.isin(kind, [k for k, name in enumerate(found.kinds) if name in kinds])] = reason
    rows = np.flatnonzero(why == 0)
    alike = np.column_stack([frame, kind, first, after])[rows]
    why[np.delete(rows, np.unique(alike, axis=0, return_index=True)[1])] = 5
    box = np.hstack([first + (after - first - 1) / 2, after - first])
    return sorted_out(frame, kind, box, number, found.kinds, why, {**wrong, **no_object})


def sorted_out(
    frame: NDArray[np.int64],
    kind: NDArray[np.int64],
    box: NDArray[np.float64],
    number: NDArray[np.int64],
    kinds: tuple[str, ...],
    why: NDArray[np.int64],
    evidence: dict[str, str],
) -> Truth:
    """Give those of a kind that do not count, for a reason, a kind of their own."""
    left_out: dict[str, list[str]] = {}
    names, counted, trusted = [], [], []
    pairs, kind_of = np.unique(np.stack([kind, why]), axis=1, return_inverse=True)
    for (k, reason), times in zip(pairs.T, np.bincount(kind_of.ravel()), strict=True):
        name, share = kinds[k], times / (kind == k).sum()
        names.append(f"{name} ({_REASONS[reason]})" if reason else name)
        counted.append(not reason)
        trusted.append(reason != 1)
        if reason and share >= 0.01:
            said = evidence[name] if reason in (1, 6) else _REASONS[reason]
            left_out.setdefault(name, []).append(f"{said} in {share:.0%}" if share < 1 else said)
    counts, fits = np.array(counted, np.bool_), np.array(trusted, np.bool_)
    objects = TrueObjects(frame, kind_of.ravel(), box, tuple(names), counts, fits)
    return Truth(objects, number, {name: ", ".join(said) for name, said in left_out.items()})


def still_ones(
    frame: NDArray[np.int64],
    number: NDArray[np.int64],
    kind: NDArray[np.int64],
    place: NDArray[Any],
    episode: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Return (M,) which objects stand still, by their steps between frames that follow."""
    order = np.lexsort([frame, number])
    times = frame[order]
    follows = (np.diff(number[order]) == 0) & (np.diff(times) == 1)
    follows &= np.diff(episode[times]) == 0
    moved = (np.diff(np.nan_to_num(place[order]), axis=0) != 0).any(axis=1) & follows
    later = order[1:]
    steps, moves = np.zeros((2, 2, len(frame)), np.int64)  # of each object, and of its kind
    for i, owner in enumerate((number, kind)):
        steps[i] = np.bincount(owner[later], follows, minlength=owner.max(initial=0) + 1)[owner]
        moves[i] = np.bincount(owner[later], moved, minlength=owner.max(initial=0) + 1)[owner]
    alone, kind_is = moves <= _STILL * steps
    still: NDArray[np.bool_] = kind_is | (alone & (steps[0] >= _ENOUGH))
    return still
