"""What a label is: where in the console's RAM an object's coordinate sits and how to read it.

Tables of the ``pixel`` view are of :class:`ScreenObject`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

RAM_SIZE = 128

Status = Literal["position", "encoded", "not_position", "unresolved"]
"""What a byte is: ``position`` (affine in a screen coordinate, though it may park or wrap while
the object is away), ``encoded`` (a coordinate in a code that is not affine), ``not_position`` (not
a coordinate, though AtariARI names it as one) or ``unresolved`` (not confirmed on the screen)."""

Ram = NDArray[np.int16]
Values = NDArray[np.float64]
Mask = NDArray[np.bool_]

Decode = Callable[[Ram, int], Values]
"""From RAM (N, 128) and the index of the label's byte to the coordinate (N,)."""

Presence = Callable[[Ram], Mask]
"""From RAM (N, 128) to whether the object is on the screen (N,)."""


@dataclass(frozen=True)
class Affine:
    """Value = ``scale`` x byte + ``offset``."""

    scale: float = 1.0
    offset: float = 0.0

    def __call__(self, ram: Ram, byte: int) -> Values:
        """Return the coordinate (N,)."""
        return self.scale * ram[:, byte].astype(np.float64) + self.offset


@dataclass(frozen=True)
class Modular(Affine):
    """Value = (``scale`` x byte + ``offset``) modulo ``modulus``: the object wraps around."""

    modulus: int = 160

    def __call__(self, ram: Ram, byte: int) -> Values:
        """Return the coordinate (N,)."""
        return np.asarray(super().__call__(ram, byte) % self.modulus, dtype=np.float64)


@dataclass(frozen=True)
class Signed(Affine):
    """Value = ``scale`` x byte + ``offset``, where bytes from ``start`` on count as byte - 256."""

    start: int = 128

    def __call__(self, ram: Ram, byte: int) -> Values:
        """Return the coordinate (N,)."""
        column = ram[:, byte]
        signed = np.where(column >= self.start, column - 256, column).astype(np.float64)
        return np.asarray(self.scale * signed + self.offset, dtype=np.float64)


@dataclass(frozen=True)
class Nibbles:
    """Value = coarse position of the low nibble - fine motion of the high one, modulo 160.

    Attributes:
        coarse: Pixels that each of the 16 low nibbles stands for; the high nibble is a signed
            number of pixels to the left of that.
        offset: Added before the value wraps around at the screen's width.
    """

    coarse: tuple[int, ...] = tuple(range(0, 240, 15))
    offset: int = 0

    def __call__(self, ram: Ram, byte: int) -> Values:
        """Return the coordinate (N,)."""
        low, high = ram[:, byte] & 15, ram[:, byte] >> 4
        fine = np.where(high >= 8, high - 16, high)
        values = np.mod(np.array(self.coarse)[low] - fine + self.offset, 160)
        return np.asarray(values, dtype=np.float64)


@dataclass(frozen=True)
class Either:
    """``decode`` of the label's byte while byte ``switch`` is 0, else ``other`` of another."""

    switch: int
    decode: Decode
    other_byte: int
    other: Decode

    def __call__(self, ram: Ram, byte: int) -> Values:
        """Return the coordinate (N,)."""
        first, second = self.decode(ram, byte), self.other(ram, self.other_byte)
        return np.where(ram[:, self.switch] == 0, first, second)


@dataclass(frozen=True)
class FirstOfThree:
    """Left edge of the first object there is of a row of three, 16 pixels apart.

    The label's byte is the place of the first; the bits 4, 2 and 1 of byte ``pattern`` say which of
    the three there are.
    """

    pattern: int

    def __call__(self, ram: Ram, byte: int) -> Values:
        """Return the coordinate (N,)."""
        bits = ram[:, self.pattern]
        ahead = np.where(bits & 4, 0, np.where(bits & 2, 16, 32))
        return ((ram[:, byte] + ahead) % 256).astype(np.float64)


@dataclass(frozen=True)
class Always:
    """The object is on the screen all the time."""

    def __call__(self, ram: Ram) -> Mask:
        """Return presence (N,)."""
        return np.ones(len(ram), dtype=np.bool_)


@dataclass(frozen=True)
class ByteWithin:
    """The object is on the screen while ``low <= byte <= high``."""

    byte: int
    low: int
    high: int

    def __call__(self, ram: Ram) -> Mask:
        """Return presence (N,)."""
        column = ram[:, self.byte]
        return (column >= self.low) & (column <= self.high)


@dataclass(frozen=True)
class ValueWithin:
    """The object is on the screen while ``low <= value <= high`` of a decoded byte."""

    decode: Decode
    byte: int
    low: float
    high: float

    def __call__(self, ram: Ram) -> Mask:
        """Return presence (N,)."""
        values = self.decode(ram, self.byte)
        return (values >= self.low) & (values <= self.high)


@dataclass(frozen=True)
class AllOf:
    """The object is on the screen while all rules say so."""

    rules: tuple[Presence, ...]

    def __call__(self, ram: Ram) -> Mask:
        """Return presence (N,)."""
        return np.asarray(np.logical_and.reduce([rule(ram) for rule in self.rules]), dtype=np.bool_)


@dataclass(frozen=True)
class AnyOf:
    """The object is on the screen while one rule says so."""

    rules: tuple[Presence, ...]

    def __call__(self, ram: Ram) -> Mask:
        """Return presence (N,)."""
        return np.asarray(np.logical_or.reduce([rule(ram) for rule in self.rules]), dtype=np.bool_)


@dataclass(frozen=True, kw_only=True)
class Label:
    """One coordinate of one object.

    Attributes:
        name: Unique in its game, e.g. ``"ball_x"``.
        object: Name of the object it belongs to, e.g. ``"ball"``.
        axis: ``"x"`` (rightwards), ``"y"`` (downwards on the screen, if decoded) or ``"column"``.
        byte: Index into the RAM.
        decode: From RAM to the value.
        presence: When the object is on the screen.
        status: What the byte is.
        evidence: How that is known.
    """

    name: str
    object: str
    axis: str
    byte: int
    decode: Decode = Affine()
    presence: Presence = Always()
    status: Status = "position"
    evidence: str = ""


class At(NamedTuple):
    """Where one coordinate of an object is.

    Attributes:
        byte: Index into the RAM.
        decode: From RAM to the coordinate.
        evidence: How that is known. Default: the byte was changed ("poke"), and the object's left
            or top edge moved as ``decode`` says.
    """

    byte: int
    decode: Decode = Affine()
    evidence: str = ""


class ScreenObject(NamedTuple):
    """An object of a game, by its coordinates.

    Attributes:
        name: As AtariARI calls it, if it does.
        x: Its left edge; None if that never changes.
        y: Its top edge; None if that never changes.
        presence: When it is on the screen.
    """

    name: str
    x: At | None = None
    y: At | None = None
    presence: Presence = Always()

    def labels(self) -> Iterator[Label]:
        """Yield the label of each coordinate, x before y."""
        for axis, edge, at in (("x", "left", self.x), ("y", "top", self.y)):
            if at is not None:
                yield Label(
                    name=f"{self.name}_{axis}",
                    object=self.name,
                    axis=axis,
                    byte=at.byte,
                    decode=at.decode,
                    presence=self.presence,
                    evidence=at.evidence or f"poke; {edge} edge",
                )
