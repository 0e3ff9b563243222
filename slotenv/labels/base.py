"""What a label is: where in the console's RAM an object's coordinate sits and how to read it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

RAM_SIZE = 128

Status = Literal["position", "encoded", "not_position", "unresolved"]
"""What a byte is: ``position`` (affine in a screen coordinate, though it may park or wrap while
the object is away), ``encoded`` (a coordinate in a code that no line undoes), ``not_position``
(something else under a coordinate's name) or ``unresolved`` (not confirmed on the screen)."""

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
            TypeError: If ``ram`` is no uint8 array.
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
        # Arithmetic on uint8 wraps around (or overflows) without a word: cast first.
        ram_wide = np.atleast_2d(ram).astype(np.int16)
        values = [label.decode(ram_wide, label.byte) for label in self.labels]
        presence = [label.presence(ram_wide) for label in self.labels]
        return LabelValues(np.stack(values, axis=1), np.stack(presence, axis=1))
