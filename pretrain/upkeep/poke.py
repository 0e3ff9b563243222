"""The check of one label: change its byte and see its object move as far as promised.

An object is located without knowing what it looks like: its coordinate's byte is set to two other
values, and the pixels in which the untouched frame differs from both frames are the object. Takes
an emulator as an argument and imports none.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from slotenv.labels import Label

MIN_CHECKED = 6
"""Moments without which a label is not verified."""
SHIFT = 28
"""Pixels by which an object is moved: wider than most."""
_TOLERANCE = 2  # px by which a label may miss its object: poses, borders, maximum of two frames
_SHARE_WITHIN = 0.85  # of the moments must be within the tolerance; in the rest objects overlap
_SHARE_SEEN = 0.85  # of the moments it calls present must show the object: many blink or are hit
_SHARE_UNANNOUNCED = 0.1  # of the moments it calls absent may show something
_WIDEST = 140  # px; what is wider is on both sides of the screen at once
_MAX_WAIT = 4  # emulator frames to wait for a moved object to be drawn


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
        moved: RAM of the frame with the byte changed, and the object in it; None if it was not
            seen, or if the game wrote the byte again.
    """

    ram: NDArray[np.uint8]
    box: Box | None = None
    moved: tuple[NDArray[np.uint8], Box] | None = None


class Verdict(NamedTuple):
    """How a label compares with its object over all moments.

    Attributes:
        label: The label.
        method: ``poke`` (its byte moves it), ``poke <label>`` (found by its other axis) or
            ``colour``.
        checked: Moments in which it could be compared.
        within: Share of them in which it was right within the tolerance.
        worst: The largest deviation among the best 85 % of them, in pixels.
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
    def outcome(self) -> str:
        """``ok``, ``FAIL``, or ``few``: nothing is wrong but too little, or one place, was seen."""
        fits = self.within >= _SHARE_WITHIN and abs(self.offset) <= _TOLERANCE
        announced = self.seen >= _SHARE_SEEN and self.unannounced <= _SHARE_UNANNOUNCED
        enough = self.checked >= MIN_CHECKED and self.varied
        if not announced or not (fits or self.checked == 0):
            return "FAIL"
        return "ok" if enough else "few"


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


def poke(ale: Any, state: Any, label: Label, low: float, high: float) -> Look:
    """Find a label's object in the frames after a saved state, by moving it.

    It is moved to coordinates from ``low`` to ``high``; the emulator is left elsewhere.
    """
    ale.restoreState(state)
    choices = _choices(label, read_ram(ale), low, high)
    if choices is None:
        return Look(_step(ale, state, 1)[1])
    byte, first, second = choices
    for wait in range(1, _MAX_WAIT + 1):
        screen, ram = _step(ale, state, wait)
        moved_screen, moved_ram = _step(ale, state, wait, byte, first)
        other_screen, other_ram = _step(ale, state, wait, byte, second)
        box = box_of((screen != moved_screen) & (screen != other_screen))
        if box is not None:
            break
    moved_box = box_of((moved_screen != screen) & (moved_screen != other_screen))
    held = moved_ram[byte] != ram[byte] and other_ram[byte] != ram[byte]
    return Look(ram, box, (moved_ram, moved_box) if held and moved_box else None)


def _choices(
    label: Label, ram: NDArray[np.uint8], low: float, high: float
) -> tuple[int, int, int] | None:
    """Return the byte that counts now and two values that put the object elsewhere."""
    here = read_label(label, ram)[0]
    # A label may have its value in another byte at times: the first that changes it counts.
    for byte in (label.byte, *range(len(ram))):
        rams = np.repeat(ram[None].astype(np.int16), 256, axis=0)
        rams[:, byte] = np.arange(256)
        values = label.decode(rams, label.byte)
        if np.ptp(values) > 0:
            break
    present = label.presence(rams)
    usable = (present if present.any() else ~present) & (values >= low) & (values <= high)
    away = np.abs(values - np.clip(here, low, high))
    options = np.flatnonzero(usable & (away >= SHIFT / 2))
    if len(options) == 0:
        return None
    first = options[np.argmin(np.abs(away[options] - SHIFT))]
    apart = options[np.abs(values[options] - values[first]) >= SHIFT / 2]
    if len(apart) == 0:
        return None
    second = apart[np.argmin(np.abs(away[apart] - SHIFT))]
    return byte, int(first), int(second)


def _step(
    ale: Any, state: Any, frames: int, byte: int = 0, value: int | None = None
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return screen and RAM some frames after a state, with a byte set to a value before."""
    ale.restoreState(state)
    if value is not None:
        ale.setRAM(byte, value)
    for _ in range(frames):
        ale.act(0)
    return np.array(ale.getScreen()), read_ram(ale)


def judge(
    label: Label, method: str, looks: list[Look], size: tuple[int, int] | None = None
) -> Verdict:
    """Compare a label with what was seen of its object by a method, at each moment.

    An object counts where it has ``size`` (height, width), if given.
    """
    told = [(*read_label(label, look.ram), look) for look in looks]
    seen, unannounced = (
        float(np.mean([look.box is not None for _, there, look in told if there == present] or 0))
        for present in (True, False)
    )
    found = [
        (value, look.box, _shift(label, value, look, look.box))
        for value, there, look in told
        if there and look.box is not None and _is_whole(look.box, size)
    ]
    if not found:
        return Verdict(label, method, 0, 0.0, np.inf, np.inf, seen, unannounced, False)
    values, boxes, shifts = zip(*found, strict=True)
    near, far = np.transpose([box.edges(label.axis) for box in boxes]) - np.array(values)
    # A pose, a border or another object may hide one edge: the other still tells.
    edges = np.minimum(np.abs(near), np.abs(far - np.median(far)))
    wrong = np.fmin(edges, np.abs(shifts))
    varied = np.ptp(values) >= 2 * _TOLERANCE or np.sum(~np.isnan(shifts)) >= MIN_CHECKED
    return Verdict(
        label,
        method,
        checked=len(found),
        within=float(np.mean(wrong <= _TOLERANCE)),
        worst=float(np.quantile(wrong, _SHARE_WITHIN, method="lower")),
        offset=float(np.median(near)),
        seen=seen,
        unannounced=unannounced,
        varied=bool(varied),
    )


def _shift(label: Label, value: float, look: Look, box: Box) -> float:
    """Return pixels that an object in a box moved minus pixels promised; NaN if not known."""
    if look.moved is None or abs(look.moved[1].pixels - box.pixels) > 0.25 * box.pixels:
        return np.nan
    ram, other = look.moved
    moved = other.edges(label.axis)[0] - box.edges(label.axis)[0]
    return moved - (read_label(label, ram)[0] - value)


def _is_whole(box: Box, size: tuple[int, int] | None) -> bool:
    found = (box.bottom - box.top + 1, box.right - box.left + 1)
    return found[1] <= _WIDEST and size in (None, found)
