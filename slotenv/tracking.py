"""Slots over time: how fast objects move, and where a hidden one was last seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from slotenv.following import keep_slots

Slots = NDArray[np.float32]

SEEN = 0.5
"""An object is seen while its slot's presence is above this. Below, nearly all of what the slot
usually holds is missing: too few pixels to say where the whole object is.
:class:`slotenv.encoders.ObjectEncoder` measures what is usual by the same line."""

VELOCITY_STEPS = 4
"""A velocity says how far an object would go in that many steps: so fast ones are as large as other
numbers of a slot, which policies learn from as they are."""

MEMORY_STEPS = 16
"""An object that was not seen for more steps is gone: what flickers or passes behind another is
back by then, and where nothing has been for long there is no object."""

_NEEDED = ("presence", "x", "y")


class Memory(NamedTuple):
    """What is known of the objects in n environments after a step.

    Attributes:
        numbers: (n, K, D) when last seen, not multiplied by presence; 0 if that is too long ago.
        unseen: (n, K) how many steps ago that was, at most :data:`MEMORY_STEPS` + 1.
        change: (n, K, 2) of x and y, by how much it moved in one step, when it was last seen twice.
        order: (n, K) the slot of the encoder that is shown in each.
    """

    numbers: Slots
    unseen: NDArray[np.int64]
    change: Slots
    order: NDArray[np.intp]

    @classmethod
    def empty(cls, slots: Slots) -> Memory:
        """Return what is known before the first slots (n, K, D): nothing."""
        shape = slots.shape[:2]
        return cls(
            np.zeros_like(slots),
            np.full(shape, MEMORY_STEPS + 1),
            np.zeros((*shape, 2), slots.dtype),
            np.tile(np.arange(shape[1]), (shape[0], 1)),
        )

    def of(self, rows: NDArray[np.intp] | list[int] | slice) -> Memory:
        """Return what is known of some of the environments."""
        return Memory._make(field[rows] for field in self)

    def where(self, mask: NDArray[np.bool_], other: Memory) -> Memory:
        """Return this in the environments of ``mask``, (n,), and ``other`` in the rest."""
        rows = mask[:, None]
        return Memory(
            np.where(rows[..., None], self.numbers, other.numbers),
            np.where(rows, self.unseen, other.unseen),
            np.where(rows[..., None], self.change, other.change),
            np.where(rows, self.order, other.order),
        )


@dataclass(frozen=True, kw_only=True)
class Tracking:
    """What is made of the slots of n environments, step by step, and of those before them.

    Encoders whose slots have named numbers multiply the others by presence: they fade to 0 with the
    object. This is undone for what is held or compared: half of an x is another place.

    Attributes:
        slot_dim: D.
        fields: What the D numbers are, an encoder's ``slot_fields``; None if they have no names.
        hold: As for :class:`slotenv.ObjectSlotObservation`; 0 before an object was first seen.
            Numbers of held slots are not multiplied by presence: they must not jump when the object
            disappears.
        motion: As there; the change of numbers with names is :data:`VELOCITY_STEPS` times that of x
            and y.

    Raises:
        ValueError: If there are not D fields, with presence, x and y among them, or if numbers
            without names are to be held.
    """

    slot_dim: int
    fields: tuple[str, ...] | None = None
    hold: bool = False
    motion: bool = False

    def __post_init__(self) -> None:
        if self.fields is None:
            if self.hold:
                raise ValueError(
                    "hold=True needs an encoder whose slots say where their object is "
                    "(slot_fields), such as objects. Leave hold out."
                )
        elif len(self.fields) != self.slot_dim or not set(_NEEDED) <= set(self.fields):
            raise ValueError(
                f"slots of {self.slot_dim} numbers need as many fields, among them "
                f"{', '.join(_NEEDED)}; got {len(self.fields)}: {', '.join(self.fields)}"
            )

    @property
    def width(self) -> int:
        """Numbers per slot of what :meth:`follow` returns: D, D + 2 or 2D."""
        change = self.slot_dim if self.fields is None else 2
        return self.slot_dim + (change if self.motion else 0)

    def follow(
        self,
        slots: Slots,
        before: Memory | None,
        first: NDArray[np.bool_],
        *,
        alike: tuple[tuple[int, ...], ...] = (),
        held: tuple[int, ...] | None = None,
    ) -> tuple[Slots, Memory | None]:
        """Go on by one step, to slots (n, K, D); ``first`` (n,) says which start an episode.

        ``before`` is what was known after the step before, None if there was none. ``alike`` are
        the encoder's ``alike_slots``, whose things keep their slots, ``held`` its ``held_slots``,
        all by default. Returns slots (n, K, :attr:`width`), a new array, and what is known now; the
        same array and None where slots are neither held nor followed by their change.
        """
        if not (self.hold or self.motion):
            return slots, None
        if before is None:
            before = Memory.empty(slots)
        elif first.any():
            before = before.where(~first, Memory.empty(slots))
        whole, seen = self.read(slots)
        order = self._order(whole, seen, before, alike)
        if alike:
            slots, whole = (np.take_along_axis(a, order[..., None], 1) for a in (slots, whole))
            seen = np.take_along_axis(seen, order, 1)
        now, change = self._remember(whole, seen, before, order)
        shown = slots
        if self.hold:
            presence = self._column("presence")
            own = slice(None) if held is None else list(held)
            shown = slots.copy()
            shown[:, own] = now.numbers[:, own]
            shown[..., presence] = slots[..., presence]
        if self.motion:
            shown = np.concatenate([shown, change], axis=2)
        return shown, now

    def _remember(
        self, whole: Slots, seen: NDArray[np.bool_], before: Memory, order: NDArray[np.intp]
    ) -> tuple[Memory, Slots]:
        """Return what is known now, and how the numbers changed, (n, K, 2 or D)."""
        zero = whole.dtype.type(0)
        unseen = np.where(seen, 0, np.minimum(before.unseen + 1, MEMORY_STEPS + 1))
        gone = unseen > MEMORY_STEPS
        numbers = np.where(seen[..., None], whole, np.where(gone[..., None], zero, before.numbers))
        # Where the object was seen in both steps these are its numbers then and now.
        both = seen & (before.unseen == 0)
        change = np.where(both[..., None], whole - before.numbers, zero)
        if self.fields is None:
            return Memory(numbers, unseen, before.change, order), change
        step = change[..., [self._column("x"), self._column("y")]]
        last = np.where(seen[..., None], step, np.where(gone[..., None], zero, before.change))
        return Memory(numbers, unseen, last, order), VELOCITY_STEPS * step

    def _order(
        self,
        whole: Slots,
        seen: NDArray[np.bool_],
        before: Memory,
        alike: tuple[tuple[int, ...], ...],
    ) -> NDArray[np.intp]:
        """Return which slot of the encoder each slot has, (n, K): its thing's own, or its own."""
        order = np.tile(np.arange(seen.shape[1]), (len(seen), 1))
        known = before.unseen <= MEMORY_STEPS
        for group in alike:
            own, place = np.array(group), [self._column("x"), self._column("y")]
            # Where nothing is known, things are where they were encoded.
            for n in np.flatnonzero(known[:, own].any(1) & seen[:, own].any(1)):
                expected = before.numbers[n, own][:, place] + before.change[n, own]
                things = whole[n, own][:, place], seen[n, own]
                order[n, own] = own[keep_slots(*things, expected, known[n, own])]
        return order

    def read(self, slots: Slots) -> tuple[Slots, NDArray[np.bool_]]:
        """Return numbers (n, K, D) that are not multiplied by presence, and who is seen (n, K).

        Numbers of objects that are not seen are left as they are.
        """
        if self.fields is None:
            return slots, np.ones(slots.shape[:2], np.bool_)
        presence = slots[..., self._column("presence")]
        seen = presence > SEEN
        divisor = np.where(seen, presence, 1).astype(slots.dtype)
        whole: Slots = slots / divisor[..., None]
        return whole, seen

    def _column(self, name: str) -> int:
        assert self.fields is not None
        return self.fields.index(name)


def track_recording(
    slots: Slots,
    episode: NDArray[np.integer[Any]],
    *,
    fields: tuple[str, ...] | None,
    alike: tuple[tuple[int, ...], ...] = (),
    held: tuple[int, ...] | None = None,
    hold: bool = True,
    motion: bool = False,
) -> Slots:
    """Return what the wrappers would have shown of frames in the order they were played.

    Args:
        slots: (N, K, D) float, as the encoder gives them.
        episode: (N,) the episode of each frame; one starts where the number changes.
        fields: As for :class:`Tracking`, like ``hold`` and ``motion``.
        alike: The encoder's ``alike_slots``; as if there were none by default.
        held: Its ``held_slots``; all by default.
        hold: Whether hidden objects stay where they were last seen, for a while.
        motion: Whether slots are followed by how they move.

    Returns:
        (N, K, :attr:`Tracking.width`), a new array.

    Raises:
        TypeError: If slots are no floats.
        ValueError: If shapes do not fit.

    Example:
        >>> slots, digests, _ = read_features(encoder.encode, dataset)  # doctest: +SKIP
        >>> held = track_recording(
        ...     slots,
        ...     dataset.episode,
        ...     fields=encoder.slot_fields,
        ...     alike=encoder.alike_slots,
        ...     held=encoder.held_slots,
        ... )  # doctest: +SKIP
        >>> probe_features(Features(held, digests), dataset, game="pong")  # doctest: +SKIP
    """
    _check_recording(slots, episode)
    count, _, slot_dim = slots.shape
    tracking = Tracking(slot_dim=slot_dim, fields=fields, hold=hold, motion=motion)
    if alike and (hold or motion):
        order = slot_order(slots, episode, fields=fields, alike=alike)
        slots = np.take_along_axis(slots, order[..., None], axis=1)
    whole, seen = tracking.read(slots)
    times = np.arange(count)
    first = _starts(episode)
    start = np.maximum.accumulate(np.where(first, times, 0))  # (N,) of each frame's episode
    last = np.maximum.accumulate(np.where(seen, times[:, None], -1), axis=0)  # (N, K) seen then
    last = np.where(last < start[:, None], -MEMORY_STEPS - 1, last)
    unseen = np.minimum(times[:, None] - last, MEMORY_STEPS + 1)
    numbers = np.take_along_axis(whole, np.maximum(last, 0)[..., None], axis=0)
    numbers[unseen > MEMORY_STEPS] = 0
    # All steps at once: what was known before a frame is what was known after the one before it.
    known = Memory.empty(slots)._replace(numbers=numbers, unseen=unseen)
    shown, _ = tracking.follow(slots, known.of(np.maximum(times - 1, 0)), first, held=held)
    return shown.copy() if shown is slots else shown


def slot_order(
    slots: Slots,
    episode: NDArray[np.integer[Any]],
    *,
    fields: tuple[str, ...] | None,
    alike: tuple[tuple[int, ...], ...],
) -> NDArray[np.intp]:
    """Return which of the encoder's slots the wrappers show in each, (N, K).

    Slots of things that are alike change places so that each thing keeps its own; others stay where
    they are. Boxes are brought in that order by
    ``np.take_along_axis(boxes, order[..., None], axis=1)``.

    Takes and raises what :func:`track_recording` does.
    """
    _check_recording(slots, episode)
    count, num_slots, slot_dim = slots.shape
    order = np.tile(np.arange(num_slots), (count, 1))
    own = np.array([slot for group in alike for slot in group], np.intp)
    if not len(own):
        return order
    ends = np.cumsum([len(group) for group in alike])
    groups = tuple(tuple(range(e - len(g), e)) for e, g in zip(ends.tolist(), alike, strict=True))
    tracking = Tracking(slot_dim=slot_dim, fields=fields, hold=True)
    first, memory = _starts(episode), None
    for t in range(count):
        now = slice(t, t + 1)
        _, memory = tracking.follow(slots[now, own], memory, first[now], alike=groups)
        if memory is not None:
            order[t, own] = own[memory.order[0]]
    return order


def _check_recording(slots: Slots, episode: NDArray[np.integer[Any]]) -> None:
    if not isinstance(slots, np.ndarray) or not np.issubdtype(slots.dtype, np.floating):
        kind = getattr(slots, "dtype", type(slots).__name__)
        raise TypeError(f"slots must be an array of floats, got {kind}")
    if slots.ndim != 3 or np.shape(episode) != slots.shape[:1]:
        raise ValueError(
            "a recording is slots (N, K, D) and their episodes (N,), got shapes "
            f"{slots.shape} and {np.shape(episode)}"
        )


def _starts(episode: NDArray[np.integer[Any]]) -> NDArray[np.bool_]:
    """Return which frames, (N,), are the first of their episode."""
    first = np.ones(len(episode), np.bool_)
    first[1:] = episode[1:] != episode[:-1]
    return first
