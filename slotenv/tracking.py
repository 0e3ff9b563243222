"""Slots over time: how fast objects move, and where a hidden one was last seen.

Arrays only. :class:`Tracking` goes step by step, for n environments at once;
:func:`track_recording` does the same to a whole recording.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Slots = NDArray[np.float32]

SEEN = 0.5
"""An object is seen while its slot's presence is above this. Below, nearly all of what the slot
usually holds is missing: too few pixels to say where the whole object is. Where
:class:`slotenv.encoders.ObjectMixtureEncoder` measures what is usual, it draws the same line."""

VELOCITY_STEPS = 4
"""A velocity says how far an object would go in that many steps: what is fast has a velocity as
large as other numbers of a slot, and policies learn from both as they are."""

_NEEDED = ("presence", "x", "y")


class Memory(NamedTuple):
    """What is known of n environments after a step.

    Attributes:
        numbers: (n, K, D) each slot's numbers when its object was last seen in this episode, not
            multiplied by presence; 0 before it was first seen.
        seen: (n, K) whether it was seen in that very step.
    """

    numbers: Slots
    seen: NDArray[np.bool_]

    def of(self, rows: NDArray[np.intp] | list[int]) -> Memory:
        """Return what is known of some of the environments."""
        return Memory(self.numbers[rows], self.seen[rows])

    def forget(self, rows: NDArray[np.bool_]) -> Memory:
        """Return the same, with nothing known of the environments (n,) that start an episode."""
        numbers = np.where(rows[:, None, None], self.numbers.dtype.type(0), self.numbers)
        return Memory(numbers, np.where(rows[:, None], False, self.seen))


@dataclass(frozen=True, kw_only=True)
class Tracking:
    """What is made of slots and of those before them.

    Encoders whose slots have named numbers multiply the others by presence, so that they fade to 0
    with the object. For changes and for what is held this is undone: the x of an object that is
    half hidden would be half as large, which is another place.

    Attributes:
        slot_dim: D.
        fields: What the D numbers are, an encoder's ``slot_fields``; None if they have no names.
        hold: Whether the numbers of an object that is not seen, except its presence, stay as they
            were when it was last seen in this episode; 0 before it was first seen. Numbers of an
            object that is seen are then not multiplied by presence either: they must not jump when
            it disappears. Presence itself stays as the encoder gives it.
        motion: Whether slots are followed by how they move. Where their numbers have names, by the
            velocity of x and y, :data:`VELOCITY_STEPS` times their change since the step before, 0
            unless the object was seen in both steps; else by the change of all D numbers. 0 in the
            first step of an episode.

    Raises:
        ValueError: If there are not D fields, with presence, x and y among them, or if numbers
            without names are to be held.
    """

    slot_dim: int
    fields: tuple[str, ...] | None = None
    hold: bool = False
    motion: bool = False

    def __post_init__(self) -> None:
        if self.hold and self.fields is None:
            raise ValueError(
                "hold=True needs an encoder whose slots say where their object is (slot_fields), "
                "such as object_mixture. Leave hold out."
            )
        if self.fields is None:
            return
        missing = [name for name in _NEEDED if name not in self.fields]
        if len(self.fields) != self.slot_dim or missing:
            raise ValueError(
                f"slots of {self.slot_dim} numbers need as many fields, among them "
                f"{', '.join(_NEEDED)}; got {len(self.fields)}: {', '.join(self.fields)}"
            )

    @property
    def width(self) -> int:
        """Numbers per slot of what :meth:`follow` returns: D, D + 2 or 2D."""
        change = self.slot_dim if self.fields is None else 2
        return self.slot_dim + (change if self.motion else 0)

    @property
    def stateless(self) -> bool:
        """Whether :meth:`follow` returns slots as they are, whatever was before."""
        return not (self.hold or self.motion)

    def nothing(self, count: int, num_slots: int) -> Memory:
        """Return what is known of that many environments before their first step."""
        numbers = np.zeros((count, num_slots, self.slot_dim), np.float32)
        return Memory(numbers, np.zeros((count, num_slots), np.bool_))

    def follow(self, slots: Slots, before: Memory) -> tuple[Slots, Memory]:
        """Go on by one step.

        Args:
            slots: (n, K, D) of this step.
            before: What was known after the step before.

        Returns:
            (n, K, :attr:`width`), a new array unless :attr:`stateless`, and what is known now.
        """
        whole, seen = self.read(slots)
        now = Memory(np.where(seen[..., None], whole, before.numbers), seen)
        shown = slots
        if self.hold:
            presence = self._column("presence")
            shown = now.numbers.copy()
            shown[..., presence] = slots[..., presence]
        if self.motion:
            # Where the object was seen in both steps these are its numbers then and now.
            both = (seen & before.seen)[..., None]
            change = np.where(both, whole - before.numbers, slots.dtype.type(0))
            if self.fields is not None:
                change = VELOCITY_STEPS * change[..., [self._column("x"), self._column("y")]]
            shown = np.concatenate([shown, change], axis=2)
        return shown, now

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
    hold: bool = True,
    motion: bool = False,
) -> Slots:
    """Return what the wrappers would have shown of frames in the order they were played.

    Args:
        slots: (N, K, D) float, as the encoder gives them.
        episode: (N,) the episode of each frame; one starts where the number changes.
        fields: The encoder's ``slot_fields``.
        hold: As for :class:`Tracking`.
        motion: As for :class:`Tracking`.

    Returns:
        (N, K, D), (N, K, D + 2) or (N, K, 2D), a new array.

    Raises:
        TypeError: If slots are no floats.
        ValueError: If shapes do not fit, or as :class:`Tracking`.

    Example:
        Held slots as features of a probe:

        >>> slots, digests = read_features(encoder.encode, dataset)  # doctest: +SKIP
        >>> held = track_recording(slots, dataset.episode, fields=encoder.slot_fields)
        ... # doctest: +SKIP
        >>> probe_features(Features(held, digests), dataset, game="pong")  # doctest: +SKIP
    """
    _check_recording(slots, episode)
    count, _, slot_dim = slots.shape
    tracking = Tracking(slot_dim=slot_dim, fields=fields, hold=hold, motion=motion)
    if tracking.stateless:
        return slots.copy()
    whole, seen = tracking.read(slots)
    times = np.arange(count)
    starts = np.ones(count, np.bool_)
    starts[1:] = episode[1:] != episode[:-1]
    start = np.maximum.accumulate(np.where(starts, times, 0))  # (N,) of each frame's episode
    last = np.maximum.accumulate(np.where(seen, times[:, None], -1), axis=0)  # (N, K) seen then
    numbers = np.take_along_axis(whole, np.maximum(last, 0)[..., None], axis=0)
    numbers[last < start[:, None]] = 0
    after = Memory(numbers, seen)
    # All steps at once: what was known before a frame is what was known after the one before it.
    return tracking.follow(slots, after.of(np.maximum(times - 1, 0)).forget(starts))[0]


def _check_recording(slots: Any, episode: Any) -> None:
    kind = getattr(slots, "dtype", type(slots).__name__)
    if not isinstance(slots, np.ndarray) or not np.issubdtype(slots.dtype, np.floating):
        raise TypeError(f"slots must be an array of floats, got {kind}")
    if slots.ndim != 3 or np.shape(episode) != slots.shape[:1]:
        raise ValueError(
            "a recording is slots (N, K, D) and their episodes (N,), got shapes "
            f"{slots.shape} and {np.shape(episode)}"
        )
