"""Demon Attack. The ship is byte 16; AtariARI's 22 is its missile. All x are in nibbles."""

from __future__ import annotations

from slotenv.labels.base import Affine, ByteWithin, Label, Nibbles

_ENEMY_1 = ByteWithin(29, 1, 255)
_ENEMY_2 = ByteWithin(30, 1, 255)
_ENEMY_3 = ByteWithin(31, 1, 255)


LABELS: tuple[Label, ...] = (
    Label(
        name="player_x",
        object="player",
        axis="x",
        byte=16,
        decode=Nibbles(offset=12),
        evidence="poke; left edge",
    ),
    Label(
        name="missile_x",
        object="missile",
        axis="x",
        byte=22,
        decode=Nibbles(offset=14),
        evidence="poke; left edge; rides on the ship",
    ),
    Label(
        name="missile_y",
        object="missile",
        axis="y",
        byte=21,
        decode=Affine(scale=-1, offset=177),
        evidence="poke; top edge",
    ),
    Label(
        name="enemy1_x",
        object="enemy1",
        axis="x",
        byte=13,
        decode=Nibbles(offset=12),
        presence=_ENEMY_1,
        evidence="poke; left edge of the left half",
    ),
    Label(
        name="enemy1_y",
        object="enemy1",
        axis="y",
        byte=69,
        decode=Affine(scale=-1, offset=176),
        presence=_ENEMY_1,
        evidence="poke; top edge",
    ),
    Label(
        name="enemy2_x",
        object="enemy2",
        axis="x",
        byte=14,
        decode=Nibbles(offset=12),
        presence=_ENEMY_2,
        evidence="poke; left edge of the left half",
    ),
    Label(
        name="enemy2_y",
        object="enemy2",
        axis="y",
        byte=70,
        decode=Affine(scale=-1, offset=176),
        presence=_ENEMY_2,
        evidence="poke; top edge",
    ),
    Label(
        name="enemy3_x",
        object="enemy3",
        axis="x",
        byte=15,
        decode=Nibbles(offset=12),
        presence=_ENEMY_3,
        evidence="poke; left edge of the left half",
    ),
    Label(
        name="enemy3_y",
        object="enemy3",
        axis="y",
        byte=71,
        decode=Affine(scale=-1, offset=176),
        presence=_ENEMY_3,
        evidence="poke; top edge",
    ),
)
