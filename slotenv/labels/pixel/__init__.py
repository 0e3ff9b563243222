"""Tables of the ``pixel`` view: coordinates on the 210 x 160 screen and when each object is on it.

A game is one file, named by its key, with the tuple ``OBJECTS``. Every label of the view was found
on the screen of the real emulator, by changing its byte and seeing the object move or, where the
game recomputes the byte at once, by the object's other coordinate or its colour; ``python -m
pretrain upkeep labels check`` repeats that. Labels of status ``unverified`` did not pass and are
left out of the view. Coordinates are of an object's left or top edge, may reach beyond the
playfield while the object is clipped at its border, and are exact on an emulator frame; on the
maximum of two frames an edge can be one pixel off.

Not listed: coordinates that never change (the x of Pong's paddles), and bytes that are not
coordinates (Video Pinball's flippers, the rope of Pitfall!).

The bytes are those of AtariARI, MIT License, Copyright (c) 2019 Ankesh Anand (the full notice is
in ``tables_scn.py``), but for those that the evidence calls another's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from slotenv.labels.base import Affine, Always, Decode, Label, Presence, Status


class At(NamedTuple):
    """Where one coordinate of an object is.

    Attributes:
        byte: Index into the RAM.
        decode: From RAM to the coordinate.
        evidence: How that is known. Default: its byte was changed, and the object's left or top
            edge moved as ``decode`` says.
        status: ``"position"``, or ``"unverified"`` if it did not pass the check.
    """

    byte: int
    decode: Decode = Affine()
    evidence: str = ""
    status: Status = "position"


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
                    status=at.status,
                    evidence=at.evidence or f"poke; {edge} edge",
                )
