"""What each slot of an encoder holds, in words and numbers, from frames of play."""

from __future__ import annotations

import colorsys
from collections import Counter
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from slotenv.tracking import SEEN

MOVES = 0.2
"""Pixels a step, on average, from which on a slot counts as moving: what stands still, and is now
and then partly covered, stays below."""

_MARGIN = 4  # pixels of a picture around the box
_NEVER = "never seen"
_DARK, _PALE = 0.2, 0.15  # brightness and saturation below which there is no hue to speak of
_GREYS = ((0.2, "black"), (0.8, "grey"), (1.0, "white"))  # up to which brightness
_HUES = (  # up to how many degrees of the colour circle
    (15, "red"),
    (45, "orange"),
    (70, "yellow"),
    (165, "green"),
    (200, "light blue"),
    (260, "blue"),
    (300, "purple"),
    (345, "pink"),
    (360, "red"),
)
_BROWN = 0.65  # brightness below which orange is called brown


@dataclass(frozen=True, kw_only=True)
class SlotDescription:
    """What one slot held in some frames; :meth:`slotenv.SlotEncoder.describe` makes it.

    A slot is seen in a frame if its presence is above :data:`slotenv.tracking.SEEN`. Of a slot that
    was never seen ``present`` and ``speed`` are 0, place and size NaN, the colour black, and the
    picture has no pixels.

    Attributes:
        index: Number of the slot, from 0.
        name: Its colour, width x height in pixels, and whether it moves; with its number behind
            where two slots of an encoder would be called the same.
        present: Share of the frames in which it is seen, 0 to 1.
        x: Median of the middle's column over the frames in which it is seen, in pixels, like
            the following three.
        y: The middle's row.
        width: Its width.
        height: Its height.
        colour: The commonest colour of the foreground in its box, (red, green, blue), 0 to 255.
        speed: Mean distance of the middle between frames one after the other in both of which it is
            seen, in pixels a step; 0 if there are no two.
        moves: Whether the speed is above :data:`slotenv.encoders.description.MOVES`.
        picture: uint8 (h, w, 3), what is around its box in the frame where it is wholly there and
            nearest to its median place and size.
    """

    index: int
    name: str
    present: float
    x: float
    y: float
    width: float
    height: float
    colour: tuple[int, int, int]
    speed: float
    moves: bool
    picture: NDArray[np.uint8] = field(repr=False, compare=False)

    def __str__(self) -> str:
        """Return it as a line of text."""
        if not self.present:
            return f"slot {self.index}: {_NEVER}"
        speed = f", {self.speed:.1f} pixels a step" if self.moves else ""
        return (
            f"slot {self.index}: {self.name}: seen in {self.present:.0%} of frames, "
            f"around ({self.x:.0f}, {self.y:.0f}){speed}"
        )


def describe_slots(
    frames: NDArray[np.uint8], boxes: NDArray[np.float32], foreground: NDArray[np.bool_]
) -> list[SlotDescription]:
    """Describe K slots that were seen in T frames, one step after the other.

    Args:
        frames: (T, H, W, 3), T at least 1.
        boxes: (T, K, 5) as :meth:`slotenv.SlotEncoder.boxes` returns them, inside the frame.
        foreground: (T, H, W) which pixels are no background.
    """
    slots = [_describe(k, frames, boxes[:, k], foreground) for k in range(boxes.shape[1])]
    names = Counter(slot.name for slot in slots)
    return [
        slot if names[slot.name] == 1 else replace(slot, name=f"{slot.name} (slot {slot.index})")
        for slot in slots
    ]


def colour_name(colour: tuple[int, int, int]) -> str:
    """Return the usual word for a colour, (red, green, blue) from 0 to 255.

    Example:
        >>> colour_name((236, 236, 236)), colour_name((213, 130, 74)), colour_name((92, 186, 92))
        ('white', 'orange', 'green')
    """
    hue, saturation, value = colorsys.rgb_to_hsv(*(channel / 255 for channel in colour))
    if value < _DARK or saturation < _PALE:
        return next(name for most, name in _GREYS if value <= most)
    name = next(name for most, name in _HUES if hue * 360 <= most)
    return "brown" if name == "orange" and value < _BROWN else name


def _describe(
    index: int,
    frames: NDArray[np.uint8],
    boxes: NDArray[np.float32],
    foreground: NDArray[np.bool_],
) -> SlotDescription:
    """Describe the slot that has the boxes (T, 5)."""
    seen = boxes[:, 0] > SEEN
    times = np.flatnonzero(seen)
    if not len(times):
        return SlotDescription(
            index=index,
            name=_NEVER,
            present=0.0,
            **dict.fromkeys(("x", "y", "width", "height"), float("nan")),
            colour=(0, 0, 0),
            speed=0.0,
            moves=False,
            picture=np.zeros((0, 0, 3), np.uint8),
        )
    usual = np.median(boxes[times, 1:], axis=0)
    both = seen[1:] & seen[:-1]
    steps = np.hypot(*np.diff(boxes[:, 1:3].astype(np.float64), axis=0)[both].T)
    speed = float(steps.mean()) if both.any() else 0.0
    colour = _commonest(frames, boxes, foreground, times)
    x, y, width, height = (float(number) for number in usual)
    moves = speed > MOVES
    shape = f"{colour_name(colour)}, {width:.0f} x {height:.0f}"
    whole = times[boxes[times, 0] == boxes[times, 0].max()]
    typical = whole[np.abs(boxes[whole, 1:] - usual).sum(axis=1).argmin()]
    return SlotDescription(
        index=index,
        name=f"{shape}, {'moves' if moves else 'stands still'}",
        present=float(seen.mean()),
        x=x,
        y=y,
        width=width,
        height=height,
        colour=colour,
        speed=speed,
        moves=moves,
        picture=frames[typical][_inside(boxes[typical], margin=_MARGIN)].copy(),
    )


def _inside(box: NDArray[np.float32], *, margin: int = 0) -> tuple[slice, slice]:
    """Return the rows and columns of a box, at least one of each, and a margin around them."""
    _, x, y, width, height = box.tolist()
    ends = []
    for middle, size in ((y, height), (x, width)):
        first = max(round(middle - size / 2 + 0.5), 0)
        last = max(round(middle + size / 2 + 0.5), first + 1)
        ends.append(slice(max(first - margin, 0), last + margin))
    rows, columns = ends
    return rows, columns


def _commonest(
    frames: NDArray[np.uint8],
    boxes: NDArray[np.float32],
    foreground: NDArray[np.bool_],
    times: NDArray[np.intp],
) -> tuple[int, int, int]:
    """Return the commonest colour of the foreground inside the boxes of some of the frames.

    It is the commonest of all pixels there if none of them is foreground.
    """
    places = [(t, *_inside(boxes[t])) for t in times]
    crops = [(frames[place], foreground[place]) for place in places]
    pixels = np.concatenate([crop[mask] for crop, mask in crops])
    if not len(pixels):
        pixels = np.concatenate([crop.reshape(-1, 3) for crop, _ in crops])
    codes, counts = np.unique(pixels @ np.array([1 << 16, 1 << 8, 1]), return_counts=True)
    code = int(codes[counts.argmax()])
    return code >> 16, code >> 8 & 255, code & 255
