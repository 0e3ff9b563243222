"""Pong. The paddles' x never changes."""

from __future__ import annotations

from slotenv.labels.base import Affine, ByteWithin, Label

# Those bytes at which the object still shares a row with the playfield, rows 34 to 193.
_BALL = ByteWithin(54, 45, 207)
_ENEMY = ByteWithin(50, 34, 208)

LABELS: tuple[Label, ...] = (
    Label(
        name="player_y",
        object="player",
        axis="y",
        byte=51,
        decode=Affine(offset=-13),
        evidence="colour: top edge, drawn on even rows; the game sets it from the dial",
    ),
    Label(
        name="enemy_y",
        object="enemy",
        axis="y",
        byte=50,
        decode=Affine(offset=-15),
        presence=_ENEMY,
        evidence="colour: top edge; the game recomputes it; slides in from above at a new game",
    ),
    Label(
        name="ball_x",
        object="ball",
        axis="x",
        byte=49,
        decode=Affine(offset=-49),
        presence=_BALL,
        evidence="poke; colour: left edge; parked at 205 or so while there is no ball",
    ),
    Label(
        name="ball_y",
        object="ball",
        axis="y",
        byte=54,
        decode=Affine(offset=-14),
        presence=_BALL,
        evidence="poke; colour: top edge; 0 while there is no ball",
    ),
)
