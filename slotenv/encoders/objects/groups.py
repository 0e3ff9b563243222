"""Groups of things that are alike: of one kind, in one lane if they keep to lanes."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from slotenv.encoders.objects.kinds import AT_ONCE, FEWEST, Seen, Steps
from slotenv.encoders.objects.lanes import find_lanes, is_narrow, that_are_left
from slotenv.encoders.objects.looks import MIN_SIZE
from slotenv.encoders.objects.pieces import Floats, Ints, Pieces, position_within
from slotenv.encoders.objects.sharing import reading_order

_TAKE_TURNS = 0.1  # share of the frames in which the rarer of two is there
_LIKE_SIZE = 0.5  # log of the factor between two extents
_SAME_LANE = 0.02  # half screens between the middles of two lanes, if they have no spread
_FIXED = 0.5  # of its own extent: what never moves farther is a display


@dataclass(frozen=True, kw_only=True)
class Group:
    """Things of one kind, in one lane: which pieces they were, and how many at once.

    ``count`` are how many of them were in each of n frames; ``in_order`` says that they are told
    apart from left to right; ``in_lane`` that the kind has several rows or columns, of which this
    is one; ``still`` that they never leave their places. ``display`` is the part of the screen that
    a display has; it has no pieces of its own, all that is in it is one.
    """

    rows: Ints
    count: Ints
    in_order: bool
    in_lane: bool
    still: bool
    display: Ints | None = None

    @property
    def at_once(self) -> int:
        """How many there are at once, but for the fullest frames."""
        return int(np.ceil(np.quantile(self.count[self.count > 0], AT_ONCE)))


def find_groups(
    kind: Ints,
    seen: Seen,
    pieces: Pieces,
    look: Ints,
    passing: Steps | None,
    *,
    num_frames: int,
    seed: int,
) -> list[Group]:
    """Return the groups that kinds fall into, and what kinds in one lane are joined to.

    Args:
        kind: (L,) the kind of each look, -1 for none.
        seen: What was seen of looks.
        pieces: Of a sample of frames.
        look: (N,) the look of each.
        passing: Pieces of other frames, and of those one step later.
        num_frames: How many frames ``pieces`` are of.
        seed: Decides where lanes start.
    """
    groups = [
        group
        for number in range(int(kind.max(initial=-1)) + 1)
        for group in _groups_of(number, kind, seen, pieces, look, passing, num_frames, seed)
    ]
    groups = _join_lanes(groups, pieces)
    return [replace(group, still=group.still or _never_leaves(group, pieces)) for group in groups]


def _groups_of(
    number: int,
    kind: Ints,
    seen: Seen,
    pieces: Pieces,
    look: Ints,
    passing: Steps | None,
    num_frames: int,
    seed: int,
) -> list[Group]:
    members = np.flatnonzero(kind == number)
    rows = np.flatnonzero(np.isin(look, members))
    still = bool(seen.still[members].all())
    count = _counts(pieces, rows, num_frames)
    whole = Group(rows=rows, count=count, in_order=False, in_lane=False, still=still)
    lane, across = np.zeros(len(rows), np.int64), None
    if whole.at_once > 1 and not still:
        lane, across = find_lanes(pieces.middle[rows], seed)
    left = np.zeros(int(lane.max(initial=0)) + 1, np.bool_)
    if across is not None and passing is not None:
        line = pieces.middle[rows, across]
        lines = np.array([line[lane == one].mean() for one in range(len(left))])
        left = _are_left(lines, across, members, passing)
        lane[left[lane]] = left.argmax()  # all of them are one
    found = []
    for one in range(int(lane.max(initial=0)) + 1):
        own = rows[lane == one]
        count = _counts(pieces, own, num_frames)
        if (count > 0).mean() >= FEWEST:
            in_lane = across is not None and not left[one]
            in_order = across == 0 if in_lane else bool(is_narrow(pieces.middle[own])[0])
            found.append(
                Group(rows=own, count=count, in_order=in_order, in_lane=in_lane, still=still)
            )
    return found


def _are_left(lines: Floats, across: int, members: Ints, passing: Steps) -> NDArray[np.bool_]:
    """Return (m,) which lanes, across an axis, things of some looks leave."""
    places = [
        (part.frame[own], part.middle[own, across])
        for part, of in (passing[:2], passing[2:])
        for own in [np.isin(of, members)]
    ]
    return that_are_left(lines, *places)


def _counts(pieces: Pieces, rows: Ints, num_frames: int) -> Ints:
    return np.bincount(pieces.frame[rows], minlength=num_frames)


def _join_lanes(groups: list[Group], pieces: Pieces) -> list[Group]:
    """Join groups in one lane that take turns there and are of like size, one pair at a time."""
    groups = list(groups)
    one = 0
    while one < len(groups):
        for other in range(one + 1, len(groups)):
            if _share_a_lane(groups[one], groups[other], pieces):
                first, second = groups[one], groups.pop(other)
                rows = np.concatenate([first.rows, second.rows])
                groups[one] = replace(first, rows=rows, count=first.count + second.count)
                break
        else:
            one += 1
    return groups


def _share_a_lane(one: Group, other: Group, pieces: Pieces) -> bool:
    if one.still or other.still:
        return False
    middle = [pieces.middle[group.rows] for group in (one, other)]
    narrow = is_narrow(middle[0]) & is_narrow(middle[1])
    if narrow.sum() != 1:
        return False
    axis = int(narrow.argmax())
    lines = [m[:, axis] for m in middle]
    if abs(lines[0].mean() - lines[1].mean()) > max(lines[0].std() + lines[1].std(), _SAME_LANE):
        return False
    both = ((one.count > 0) & (other.count > 0)).sum()
    if both > _TAKE_TURNS * min((one.count > 0).sum(), (other.count > 0).sum()):
        return False
    sizes = [
        0.5 * np.log(np.maximum(pieces.variance[g.rows], MIN_SIZE**2)).mean(0) for g in (one, other)
    ]
    return bool(np.abs(sizes[0] - sizes[1]).max() < _LIKE_SIZE)


def ranked(group: Group, pieces: Pieces) -> tuple[Ints, Ints]:
    """Return the group's pieces in reading order, and which of its frame each is."""
    frame, middle = pieces.frame[group.rows], pieces.middle[group.rows]
    order = reading_order(frame, middle, np.full(len(frame), group.in_order))
    return group.rows[order], position_within(frame[order])


def _never_leaves(group: Group, pieces: Pieces) -> bool:
    """Return whether none of the group leaves its place, though a digit has other shapes."""
    rows, rank = ranked(group, pieces)
    own = np.sqrt(12 * np.maximum(pieces.variance[group.rows].mean(0), MIN_SIZE**2))
    far = [pieces.middle[rows[rank == one]].std(0) for one in range(group.at_once)]
    return bool((np.stack(far) < _FIXED * own).all())
