"""Tennis. AtariARI names the halves of the court; byte 80 says which of them is the player's."""

from __future__ import annotations

from slotenv.labels.base import Affine, ByteWithin, Either, Label

_BALL = ByteWithin(16, 3, 255)
_TOP_Y = Affine(scale=-1, offset=166)
_BOTTOM_Y = Affine(scale=-1, offset=167)


LABELS: tuple[Label, ...] = (
    Label(
        name="player_x",
        object="player",
        axis="x",
        byte=26,
        decode=Either(80, Affine(), 27, Affine()),
        evidence="poke; left edge, 2 px less or more by facing",
    ),
    Label(
        name="player_y",
        object="player",
        axis="y",
        byte=24,
        decode=Either(80, _TOP_Y, 25, _BOTTOM_Y),
        evidence="poke; top edge",
    ),
    Label(
        name="enemy_x",
        object="enemy",
        axis="x",
        byte=27,
        decode=Either(80, Affine(), 26, Affine()),
        evidence="poke; left edge, 2 px less or more by facing",
    ),
    Label(
        name="enemy_y",
        object="enemy",
        axis="y",
        byte=25,
        decode=Either(80, _BOTTOM_Y, 24, _TOP_Y),
        evidence="poke; top edge",
    ),
    Label(
        name="ball_x",
        object="ball",
        axis="x",
        byte=16,
        decode=Affine(offset=-2),
        presence=_BALL,
        evidence="colour: left edge; 2 while there is no ball",
    ),
    Label(
        name="ball_y",
        object="ball",
        axis="y",
        byte=54,
        decode=Affine(scale=-1, offset=189),
        presence=_BALL,
        evidence="colour: top edge; byte 17 is the height above the ground",
    ),
)
