"""Montezuma's Revenge. Checked in the first room, which random play never leaves."""

from __future__ import annotations

from slotenv.labels.base import Affine, ByteWithin, Label

_FIRST_ROOM = ByteWithin(3, 1, 1)


LABELS: tuple[Label, ...] = (
    Label(
        name="player_x",
        object="player",
        axis="x",
        byte=42,
        decode=Affine(offset=-1),
        evidence="poke; left edge",
    ),
    Label(
        name="player_y",
        object="player",
        axis="y",
        byte=43,
        decode=Affine(scale=-1, offset=309),
        evidence="poke; top edge, a few px off in some poses",
    ),
    Label(
        name="enemy_skull_x",
        object="enemy_skull",
        axis="x",
        byte=47,
        decode=Affine(offset=32),
        presence=_FIRST_ROOM,
        evidence="poke; left edge",
    ),
    Label(
        name="enemy_skull_y",
        object="enemy_skull",
        axis="y",
        byte=46,
        decode=Affine(scale=-1, offset=408),
        presence=_FIRST_ROOM,
        status="unverified",
        evidence="the same throughout the first room",
    ),
    Label(
        name="key_monster_x",
        object="key_monster",
        axis="x",
        byte=44,
        decode=Affine(offset=-1),
        presence=_FIRST_ROOM,
        status="unverified",
        evidence="moves the key of the first room, where it never changes",
    ),
    Label(
        name="key_monster_y",
        object="key_monster",
        axis="y",
        byte=45,
        presence=_FIRST_ROOM,
        status="unverified",
        evidence="the same throughout the first room; moves nothing",
    ),
)
