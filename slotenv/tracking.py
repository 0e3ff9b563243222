"""Slots over time: how fast objects move, and where a hidden one was last seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Slots = NDArray[np.float32]

SEEN = 0.5
"""An object is seen while its slot's presence is above this. Below, nearly all of what the slot
usually holds is missing: too few pixels to say where the whole object is.
:class:`slotenv.encoders.ObjectEncoder` measures what is usual by the same line."""

VELOCITY_STEPS = 4
"""A velocity says how far an object would go in that many steps: so fast ones are as large as other
numbers of a slot, which policies learn from as they are."""

_NEEDED = ("presence", "x", "y")


class Memory(NamedTuple):
    """What is known of the objects in n environments after a step."""

    numbers: Slots  # (n, K, D) when last seen in this episode, not multiplied by presence; 0 before
    seen: NDArray[np.bool_]  # (n, K) whether that was in this very step

    def of(self, rows: NDArray[np.intp] | list[int] | slice) -> Memory:
        """Return what is known of some of the environments."""
        return Memory(self.numbers[rows], self.seen[rows])


@dataclass(frozen=True, kw_only=True)
class Tracking:
    """What is made of the slots of n environments, step by step, and of those before them.

    Encoders whose slots have named numbers multiply the others by presence: they fade to 0 with the
    object. This is undone for what is held or compared: half of an x is another place.

    Attributes:
        slot_dim: D.
        fields: What the D numbers are, an encoder's ``slot_fields``; None if they have no names.
        hold: As for :class:`slotenv.ObjectSlotObservation`; 0 before an object was first seen. Then
            no numbers are multiplied by presence: they must not jump when the object disappears.
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
        self, slots: Slots, before: Memory | None, first: NDArray[np.bool_]
    ) -> tuple[Slots, Memory | None]:
        """Go on by one step, to slots (n, K, D); ``first`` (n,) says which start an episode.

        ``before`` is what was known after the step before, None if there was none. Returns slots
        (n, K, :attr:`width`), a new array, and what is known now; the same array and None where
        slots are neither held nor followed by their change.
        """
        if not (self.hold or self.motion):
            return slots, None
        zero = slots.dtype.type(0)
        if before is None:
            before = Memory(np.zeros_like(slots), np.zeros(slots.shape[:2], np.bool_))
        numbers = np.where(first[:, None, None], zero, before.numbers)
        whole, seen = self.read(slots)
        now = Memory(np.where(seen[..., None], whole, numbers), seen)
        shown = slots
        if self.hold:
            presence = self._column("presence")
            shown = now.numbers.copy()
            shown[..., presence] = slots[..., presence]
        if self.motion:
            # Where the object was seen in both steps these are its numbers then and now.
            both = seen & before.seen & ~first[:, None]
            change = np.where(both[..., None], whole - numbers, zero)
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
        fields: As for :class:`Tracking`, like ``hold`` and ``motion``.
        hold: Whether hidden objects stay where they were last seen.
        motion: Whether slots are followed by how they move.

    Returns:
        (N, K, :attr:`Tracking.width`), a new array.

    Raises:
        TypeError: If slots are no floats.
        ValueError: If shapes do not fit.

    Example:
        >>> slots, digests, _ = read_features(encoder.encode, dataset)  # doctest: +SKIP
        >>> held = track_recording(slots, dataset.episode, fields=encoder.slot_fields)
        ... # doctest: +SKIP
        >>> probe_features(Features(held, digests), dataset, game="pong")  # doctest: +SKIP
    """
    if not isinstance(slots, np.ndarray) or not np.issubdtype(slots.dtype, np.floating):
        kind = getattr(slots, "dtype", type(slots).__name__)
        raise TypeError(f"slots must be an array of floats, got {kind}")
    if slots.ndim != 3 or np.shape(episode) != slots.shape[:1]:
        raise ValueError(
            "a recording is slots (N, K, D) and their episodes (N,), got shapes "
            f"{slots.shape} and {np.shape(episode)}"
        )
    count, _, slot_dim = slots.shape
    tracking = Tracking(slot_dim=slot_dim, fields=fields, hold=hold, motion=motion)
    whole, seen = tracking.read(slots)
    times = np.arange(count)
    first = np.ones(count, np.bool_)
    first[1:] = episode[1:] != episode[:-1]
    start = np.maximum.accumulate(np.where(first, times, 0))  # (N,) of each frame's episode
    last = np.maximum.accumulate(np.where(seen, times[:, None], -1), axis=0)  # (N, K) seen then
    numbers = np.take_along_axis(whole, np.maximum(last, 0)[..., None], axis=0)
    numbers[last < start[:, None]] = 0
    # All steps at once: what was known before a frame is what was known after the one before it.
    before = Memory(numbers, seen).of(np.maximum(times - 1, 0))
    shown, _ = tracking.follow(slots, before, first)
    return shown.copy() if shown is slots else shown
