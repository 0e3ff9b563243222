"""Space Invaders. The height of the formation and the bullets are not where AtariARI has them."""

from __future__ import annotations

from slotenv.labels.base import Affine, ByteWithin, Label

_BULLET_0 = ByteWithin(81, 0, 94)
_BULLET_1 = ByteWithin(82, 0, 94)
_PLAYER_BULLET = ByteWithin(85, 0, 245)


LABELS: tuple[Label, ...] = (
    Label(
        name="player_x",
        object="player",
        axis="x",
        byte=28,
        decode=Affine(offset=-1),
        evidence="poke; colour: left edge; away for a second when hit",
    ),
    Label(
        name="enemies_x",
        object="enemies",
        axis="x",
        byte=26,
        decode=Affine(offset=-1),
        evidence="poke; colour: left edge of the first column of the formation",
    ),
    Label(
        name="enemies_y",
        object="enemies",
        axis="y",
        byte=16,
        decode=Affine(scale=2, offset=31),
        evidence="poke; colour: top edge of the first row; byte 24 is shapes",
    ),
    Label(
        name="enemy_missile_0_x",
        object="enemy_missile_0",
        axis="x",
        byte=83,
        decode=Affine(offset=-2),
        presence=_BULLET_0,
        evidence="poke; left edge",
    ),
    Label(
        name="enemy_missile_0_y",
        object="enemy_missile_0",
        axis="y",
        byte=81,
        decode=Affine(scale=2, offset=4),
        presence=_BULLET_0,
        evidence="poke; top edge, 1 px off by shape; from 95 on below the ground",
    ),
    Label(
        name="enemy_missile_1_x",
        object="enemy_missile_1",
        axis="x",
        byte=84,
        decode=Affine(offset=-2),
        presence=_BULLET_1,
        evidence="poke; left edge",
    ),
    Label(
        name="enemy_missile_1_y",
        object="enemy_missile_1",
        axis="y",
        byte=82,
        decode=Affine(scale=2, offset=4),
        presence=_BULLET_1,
        evidence="poke; top edge, 1 px off by shape; from 95 on below the ground",
    ),
    Label(
        name="player_missile_x",
        object="player_missile",
        axis="x",
        byte=87,
        decode=Affine(offset=-2),
        presence=_PLAYER_BULLET,
        evidence="poke; left edge",
    ),
    Label(
        name="player_missile_y",
        object="player_missile",
        axis="y",
        byte=85,
        decode=Affine(scale=2, offset=4),
        presence=_PLAYER_BULLET,
        evidence="poke; top edge; 246 while there is none",
    ),
)
