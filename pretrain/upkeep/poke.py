"""The check of a label: change its byte, see its object move as far as promised.

An object is located without knowing what it looks like: its coordinate's byte is set to two other
values, and the pixels in which the untouched frame differs from both frames are the object. Takes
an emulator as an argument and imports none.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from slotenv.labels.base import Label

TOLERANCE = 2
"""Pixels by which a label may miss its object: poses, borders and the maximum of two frames."""
SHARE_WITHIN = 0.85
"""Share of the moments that must be within the tolerance; in the rest objects overlap."""
SHARE_SEEN = 0.85
"""Share of the moments with the object present in which it must be seen: many blink or are hit."""
SHARE_UNANNOUNCED = 0.1
"""Share of the moments with the object absent in which something may yet be seen."""
MIN_CHECKED = 6
"""Moments without which a label is not verified."""
SHIFT = 28
"""Pixels by which an object is moved: wider than most."""
WRAPPED = 140
"""Width of what is on both sides of the screen at once."""
MAX_WAIT = 4
"""Emulator frames to wait for a moved object to be drawn."""


class Box(NamedTuple):
    """Bounds of an object on the screen, both ends included, and how many pixels it has."""

    top: int
    bottom: int
    left: int
    right: int
    pixels: int

    def edges(self, axis: str) -> tuple[int, int]:
        """Return the edge that a label of that axis names, and the one opposite."""
        return (self.left, self.right) if axis == "x" else (self.top, self.bottom)


class Look(NamedTuple):
    """What was seen of one label's object at one moment.

    Attributes:
        ram: RAM of the untouched frame.
        box: The object in it, or None if it was not seen.
        moved_ram: RAM of the frame with the byte changed; None if none was.
        moved_box: The object in that, or None.
        held: Whether the changed byte outlived the frame.
    """

    ram: NDArray[np.uint8]
    box: Box | None = None
    moved_ram: NDArray[np.uint8] | None = None
    moved_box: Box | None = None
    held: bool = False


class Verdict(NamedTuple):
    """How a label compares with its object over all moments.

    Attributes:
        label: The label.
        method: ``poke`` (its byte moves it), ``poke <label>`` (found by its other axis) or
            ``colour``.
        checked: Moments in which it could be compared.
        within: Share of them in which it was right within the tolerance.
        worst: The largest deviation among the best ``SHARE_WITHIN`` of them, in pixels.
        offset: Median of found edge minus value, in pixels.
        seen: Share of the moments it calls present in which the object was seen.
        unannounced: Share of the moments it calls absent in which the object was seen.
        varied: Whether the object was seen in different places, or moved to some.
    """

    label: Label
    method: str
    checked: int
    within: float
    worst: float
    offset: float
    seen: float
    unannounced: float
    varied: bool

    @property
    def passed(self) -> bool:
        """Whether the label may be in the view."""
        return self._fits and self._is_there_when_announced and self._was_seen_enough

    @property
    def undecided(self) -> bool:
        """Whether it was not passed only for being seen too seldom, or in one place."""
        fits = self._fits or self.checked == 0
        return fits and self._is_there_when_announced and not self._was_seen_enough

    @property
    def _fits(self) -> bool:
        return self.within >= SHARE_WITHIN and abs(self.offset) <= TOLERANCE

    @property
    def _is_there_when_announced(self) -> bool:
        return self.seen >= SHARE_SEEN and self.unannounced <= SHARE_UNANNOUNCED

    @property
    def _was_seen_enough(self) -> bool:
        return self.checked >= MIN_CHECKED and self.varied


def read_ram(ale: Any) -> NDArray[np.uint8]:
    """Return the 128 bytes of the console's RAM."""
    return np.array(ale.getRAM(), dtype=np.uint8)


def read_label(label: Label, ram: NDArray[np.uint8]) -> tuple[float, bool]:
    """Return a label's value and presence at one moment."""
    wide = ram[None].astype(np.int16)
    return float(label.decode(wide, label.byte)[0]), bool(label.presence(wide)[0])


def box_of(mask: NDArray[np.bool_]) -> Box | None:
    """Return the bounds of a mask, or None if it has fewer than two pixels."""
    ys, xs = np.nonzero(mask)
    if len(ys) < 2:
        return None
    return Box(int(ys.min()), int(ys.max()), int(xs.min()), int(xs.max()), len(ys))


class Poker:
    """Moves one label's object by changing RAM.

    Args:
        ale: The emulator.
        label: What to move.
        low: Lowest coordinate to move it to.
        high: Highest one.
    """

    def __init__(self, ale: Any, label: Label, low: float, high: float) -> None:
        self._ale = ale
        self._label = label
        self._low = low
        self._high = high

    def look(self, state: Any) -> Look:
        """Find the object in the frames after a saved state; leaves the emulator elsewhere."""
        self._ale.restoreState(state)
        choices = self._choices(read_ram(self._ale))
        if choices is None:
            return Look(self._step(state, 0, None, 1)[1])
        for wait in range(1, MAX_WAIT + 1):
            look = self._compare(state, choices, wait)
            if look.box is not None:
                break
        return look

    def _choices(self, ram: NDArray[np.uint8]) -> tuple[int, int, int] | None:
        """Return the byte that counts now and two values that put the object elsewhere."""
        here = read_label(self._label, ram)[0]
        # A label may have its value in another byte at times: the first that changes it counts.
        for byte in (self._label.byte, *range(len(ram))):
            rams = np.repeat(ram[None].astype(np.int16), 256, axis=0)
            rams[:, byte] = np.arange(256)
            values = self._label.decode(rams, self._label.byte)
            if np.ptp(values) > 0:
                break
        present = self._label.presence(rams)
        usable = (
            (present if present.any() else ~present)
            & (values >= self._low)
            & (values <= self._high)
        )
        away = np.abs(values - np.clip(here, self._low, self._high))
        options = np.flatnonzero(usable & (away >= SHIFT / 2))
        if len(options) == 0:
            return None
        first = options[np.argmin(np.abs(away[options] - SHIFT))]
        apart = options[np.abs(values[options] - values[first]) >= SHIFT / 2]
        if len(apart) == 0:
            return None
        second = apart[np.argmin(np.abs(away[apart] - SHIFT))]
        return byte, int(first), int(second)

    def _compare(self, state: Any, choices: tuple[int, int, int], wait: int) -> Look:
        byte, first, second = choices
        screen, ram = self._step(state, byte, None, wait)
        moved_screen, moved_ram = self._step(state, byte, first, wait)
        other_screen, other_ram = self._step(state, byte, second, wait)
        held = int(moved_ram[byte]) != ram[byte] and int(other_ram[byte]) != ram[byte]
        box = box_of((screen != moved_screen) & (screen != other_screen))
        moved_box = box_of((moved_screen != screen) & (moved_screen != other_screen))
        return Look(ram, box, moved_ram, moved_box, held)

    def _step(
        self, state: Any, byte: int, value: int | None, wait: int
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        self._ale.restoreState(state)
        if value is not None:
            self._ale.setRAM(byte, value)
        for _ in range(wait):
            self._ale.act(0)
        return np.array(self._ale.getScreen()), read_ram(self._ale)


def judge(
    label: Label, method: str, looks: list[Look], sizes: tuple[tuple[int, int], ...] = ()
) -> Verdict:
    """Compare a label with what was seen of its object.

    Args:
        label: The label.
        method: How the object was found; goes into the verdict.
        looks: What was seen, one for each moment.
        sizes: (height, width) that the object must have to count; empty: any.
    """
    presence = [read_label(label, look.ram)[1] for look in looks]
    present = [look for look, is_there in zip(looks, presence, strict=True) if is_there]
    absent = [look for look, is_there in zip(looks, presence, strict=True) if not is_there]
    found = [look for look in present if look.box is not None and _is_whole(look.box, sizes)]
    seen, unannounced = _share_seen(present), _share_seen(absent)
    if not found:
        return Verdict(label, method, 0, 0.0, np.inf, np.inf, seen, unannounced, False)
    near, far, shift = np.transpose([_deviations(label, look) for look in found])
    # A pose, a border or another object may hide one edge: the other still tells.
    edges = np.minimum(np.abs(near), np.abs(far - np.median(far)))
    wrong = np.fmin(edges, np.abs(shift))
    within = float(np.mean(wrong <= TOLERANCE))
    worst = float(np.quantile(wrong, SHARE_WITHIN, method="lower"))
    values = [read_label(label, look.ram)[0] for look in found]
    varied = np.ptp(values) >= 2 * TOLERANCE or np.sum(~np.isnan(shift)) >= MIN_CHECKED
    offset = float(np.median(near))
    return Verdict(
        label, method, len(found), within, worst, offset, seen, unannounced, bool(varied)
    )


def _deviations(label: Label, look: Look) -> tuple[float, float, float]:
    """Return both edges minus the value, and pixels moved minus pixels promised (NaN: unknown)."""
    assert look.box is not None
    value = read_label(label, look.ram)[0]
    near, far = look.box.edges(label.axis)
    shift = np.nan
    other = look.moved_box
    if other is not None and look.moved_ram is not None and look.held:
        moved = read_label(label, look.moved_ram)[0]
        is_as_large = abs(other.pixels - look.box.pixels) <= 0.25 * look.box.pixels
        shift = other.edges(label.axis)[0] - near - (moved - value) if is_as_large else np.nan
    return near - value, far - value, float(shift)


def _is_whole(box: Box, sizes: tuple[tuple[int, int], ...]) -> bool:
    if box.right - box.left >= WRAPPED:
        return False
    size = (box.bottom - box.top + 1, box.right - box.left + 1)
    return not sizes or size in sizes


def _share_seen(looks: list[Look]) -> float:
    return float(np.mean([look.box is not None for look in looks])) if looks else 0.0
