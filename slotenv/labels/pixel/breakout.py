"""Breakout."""

from __future__ import annotations

from slotenv.labels.base import Affine, ByteWithin, Label

# Those bytes at which the object still shares a row with the playfield, rows 32 to 194.
_BALL = ByteWithin(101, 21, 185)

LABELS: tuple[Label, ...] = (
    Label(
        name="ball_x",
        object="ball",
        axis="x",
        byte=99,
        decode=Affine(offset=-49),
        presence=_BALL,
        evidence="poke; colour: left edge; keeps its last value while there is no ball",
    ),
    Label(
        name="ball_y",
        object="ball",
        axis="y",
        byte=101,
        decode=Affine(offset=9),
        presence=_BALL,
        evidence="poke; colour: top edge; 0 while there is no ball",
    ),
    Label(
        name="player_x",
        object="player",
        axis="x",
        byte=72,
        decode=Affine(offset=-47),
        evidence="colour: left edge; the game sets it from the paddle dial",
    ),
)
