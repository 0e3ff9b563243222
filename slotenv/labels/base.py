"""What a label is: where in the console's RAM an object's coordinate sits and how to read it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

RAM_SIZE = 128

Status = Literal["position", "encoded", "not_position", "unresolved", "unverified"]
"""What a byte is: ``position`` (affine in a screen coordinate, though it may park or wrap while
the object is away), ``encoded`` (a coordinate in a code that is not affine), ``not_position`` (not
a coordinate, though AtariARI names it as one) or ``unresolved`` (not confirmed on the screen). In
the ``pixel`` tables, ``unverified`` labels did not pass the check and are left out of the view."""

Decode = Callable[[NDArray[np.int16], int], NDArray[np.float64]]
"""From RAM (N, 128) and the label's byte index to its values (N,)."""

Presence = Callable[[NDArray[np.int16]], NDArray[np.bool_]]
"""From RAM (N, 128) to whether the object is on the screen (N,)."""


class LabelValues(NamedTuple):
    """What a game's labels say at N moments.

    Attributes:
        values: (N, L) the coordinates.
        presence: (N, L) whether the label's object is on the screen; a value is meaningless where
            it is not.
    """

    values: NDArray[np.float64]
    presence: NDArray[np.bool_]


@dataclass(frozen=True)
class Affine:
    """Value = ``scale`` x byte + ``offset``."""

    scale: float = 1.0
    offset: float = 0.0

    def __call__(self, ram: NDArray[np.int16], byte: int) -> NDArray[np.float64]:
        """Decode (N, 128) bytes to (N,) values."""
        return self.scale * ram[:, byte].astype(np.float64) + self.offset


@dataclass(frozen=True)
class Modular(Affine):
    """Value = (``scale`` x byte + ``offset``) modulo ``modulus``: the object wraps around."""

    modulus: int = 160

    def __call__(self, ram: NDArray[np.int16], byte: int) -> NDArray[np.float64]:
        """Decode (N, 128) bytes to (N,) values in 0..modulus."""
        return np.asarray(super().__call__(ram, byte) % self.modulus, dtype=np.float64)


@dataclass(frozen=True)
class Signed:
    """Value = ``scale`` x byte + ``offset`` for a byte whose values from ``start`` are negative."""

    scale: float = 1.0
    offset: float = 0.0
    start: int = 128

    def __call__(self, ram: NDArray[np.int16], byte: int) -> NDArray[np.float64]:
        """Decode (N, 128) bytes to (N,) values."""
        column = ram[:, byte]
        signed = np.where(column >= self.start, column - 256, column).astype(np.float64)
        return np.asarray(self.scale * signed + self.offset, dtype=np.float64)


@dataclass(frozen=True)
class Nibbles:
    """A coordinate as the console's hardware wants it: coarse in the low nibble, fine in the high.

    Attributes:
        coarse: Pixels that each of the 16 low nibbles stands for. The high nibble, read as a signed
            number, moves the object to the left of that.
        offset: Added to the value, which wraps around at the screen's width, 160.
    """

    coarse: tuple[int, ...] = tuple(range(0, 240, 15))
    offset: int = 0

    def __call__(self, ram: NDArray[np.int16], byte: int) -> NDArray[np.float64]:
        """Decode (N, 128) bytes to (N,) values."""
        low, high = ram[:, byte] & 15, ram[:, byte] >> 4
        fine = np.where(high >= 8, high - 16, high)
        values = np.mod(np.array(self.coarse)[low] - fine + self.offset, 160)
        return np.asarray(values, dtype=np.float64)


@dataclass(frozen=True)
class Either:
    """One decode of the label's byte, or another of another byte, as a third byte decides.

    Attributes:
        switch: Byte that decides.
        decode: Applied to the label's byte while ``switch`` is 0.
        other_byte: Read while it is not.
        other: Applied to ``other_byte``.
    """

    switch: int
    decode: Decode
    other_byte: int
    other: Decode

    def __call__(self, ram: NDArray[np.int16], byte: int) -> NDArray[np.float64]:
        """Decode (N, 128) bytes to (N,) values."""
        first, second = self.decode(ram, byte), self.other(ram, self.other_byte)
        return np.where(ram[:, self.switch] == 0, first, second)


@dataclass(frozen=True)
class FirstOfThree:
    """Left edge of the first of up to three objects, 16 pixels apart, that share an anchor.

    Attributes:
        pattern: Byte whose bits 4, 2 and 1 say whether the first, second and third are there.
    """

    pattern: int

    def __call__(self, ram: NDArray[np.int16], byte: int) -> NDArray[np.float64]:
        """Decode (N, 128) bytes to (N,) values in 0..255; from 160 on it is beyond the border."""
        bits = ram[:, self.pattern]
        ahead = np.where(bits & 4, 0, np.where(bits & 2, 16, 32))
        return ((ram[:, byte] + ahead) % 256).astype(np.float64)


@dataclass(frozen=True)
class Always:
    """The object is on the screen all the time."""

    def __call__(self, ram: NDArray[np.int16]) -> NDArray[np.bool_]:
        """Return (N,) true."""
        return np.ones(len(ram), dtype=np.bool_)


@dataclass(frozen=True)
class ByteWithin:
    """The object is on the screen while ``low <= byte <= high``."""

    byte: int
    low: int
    high: int

    def __call__(self, ram: NDArray[np.int16]) -> NDArray[np.bool_]:
        """Return (N,) presence."""
        column = ram[:, self.byte]
        return (column >= self.low) & (column <= self.high)


@dataclass(frozen=True)
class ValueWithin:
    """The object is on the screen while ``low <= value <= high`` of a decoded byte."""

    decode: Decode
    byte: int
    low: float
    high: float

    def __call__(self, ram: NDArray[np.int16]) -> NDArray[np.bool_]:
        """Return (N,) presence."""
        values = self.decode(ram, self.byte)
        return (values >= self.low) & (values <= self.high)


@dataclass(frozen=True)
class AllOf:
    """The object is on the screen while all rules say so."""

    rules: tuple[Presence, ...]

    def __call__(self, ram: NDArray[np.int16]) -> NDArray[np.bool_]:
        """Return (N,) presence."""
        return np.asarray(np.logical_and.reduce([rule(ram) for rule in self.rules]), dtype=np.bool_)


@dataclass(frozen=True)
class AnyOf:
    """The object is on the screen while one rule says so."""

    rules: tuple[Presence, ...]

    def __call__(self, ram: NDArray[np.int16]) -> NDArray[np.bool_]:
        """Return (N,) presence."""
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


@dataclass(frozen=True, kw_only=True)
class GameLabels:
    """The labels of one game under one view.

    Attributes:
        game: Lower-case game name, e.g. ``"mspacman"``.
        view: ``"scn"`` (raw bytes, as in the paper) or ``"pixel"`` (screen coordinates).
        labels: What is scored, in a fixed order.
        num_objects: Labelled objects before any label is filtered out: the paper's number of
            slots K. The labels here may cover fewer.
    """

    game: str
    view: str
    labels: tuple[Label, ...]
    num_objects: int

    @property
    def names(self) -> tuple[str, ...]:
        """Name of each label."""
        return tuple(label.name for label in self.labels)

    @property
    def objects(self) -> tuple[str, ...]:
        """Object of each label; an object with two coordinates occurs twice."""
        return tuple(label.object for label in self.labels)

    @property
    def axes(self) -> tuple[str, ...]:
        """Axis of each label."""
        return tuple(label.axis for label in self.labels)

    def read(self, ram: NDArray[np.uint8]) -> LabelValues:
        """Read all labels.

        Args:
            ram: uint8 (128,) for one moment or (N, 128) for many.

        Returns:
            Values and presence, each (N, L); N is 1 for a single moment.

        Raises:
            TypeError: If ``ram`` is not a uint8 array.
            ValueError: If it has another shape.

        Example:
            >>> labels_for("pong", view="pixel").read(read_ram(env)).values  # doctest: +SKIP
        """
        kind = f"{type(ram).__name__} of dtype {getattr(ram, 'dtype', None)}"
        if not isinstance(ram, np.ndarray) or ram.dtype != np.uint8:
            raise TypeError(f"labels need the RAM as a uint8 array, got {kind}")
        if ram.ndim not in (1, 2) or ram.shape[-1] != RAM_SIZE:
            raise ValueError(
                f"labels need RAM of shape ({RAM_SIZE},) or (N, {RAM_SIZE}), got {ram.shape}"
            )
        # Arithmetic on uint8 silently wraps around (or overflows): cast first.
        ram_wide = np.atleast_2d(ram).astype(np.int16)
        values = [label.decode(ram_wide, label.byte) for label in self.labels]
        presence = [label.presence(ram_wide) for label in self.labels]
        return LabelValues(np.stack(values, axis=1), np.stack(presence, axis=1))
