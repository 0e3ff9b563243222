"""River Raid."""

from __future__ import annotations

from slotenv.labels.base import Affine, ByteWithin, Label

_MISSILE = ByteWithin(50, 1, 179)
_PLAYER = ByteWithin(58, 1, 255)


LABELS: tuple[Label, ...] = (
    Label(
        name="player_x",
        object="player",
        axis="x",
        byte=51,
        decode=Affine(offset=1),
        presence=_PLAYER,
        evidence="poke; left edge, 1 px more or less by tilt",
    ),
    Label(
        name="missile_x",
        object="missile",
        axis="x",
        byte=117,
        decode=Affine(offset=-1),
        presence=_MISSILE,
        evidence="left edge, found by its y; 180 in byte 50 while there is none",
    ),
    Label(
        name="missile_y",
        object="missile",
        axis="y",
        byte=50,
        decode=Affine(scale=-1, offset=162),
        presence=_MISSILE,
        evidence="poke; top edge; 180 while there is none",
    ),
)
