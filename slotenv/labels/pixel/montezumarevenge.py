"""Montezuma's Revenge. Checked in the first room, which random play never leaves."""

from __future__ import annotations

from slotenv.labels.base import Affine, ByteWithin
from slotenv.labels.pixel import At, ScreenObject

_FIRST_ROOM = ByteWithin(3, 1, 1)

OBJECTS = (
    ScreenObject(
        "player",
        x=At(42, Affine(offset=-1)),
        y=At(43, Affine(-1, 309), "poke; top edge, a few px off in some poses"),
    ),
    ScreenObject(
        "enemy_skull",
        x=At(47, Affine(offset=32)),
        y=At(46, Affine(-1, 408), "the same throughout the first room", "unverified"),
        presence=_FIRST_ROOM,
    ),
    ScreenObject(
        "key_monster",
        x=At(
            44,
            Affine(offset=-1),
            "moves the key of the first room, where it never changes",
            "unverified",
        ),
        y=At(
            45,
            Affine(),
            "the same throughout the first room; moves nothing",
            "unverified",
        ),
        presence=_FIRST_ROOM,
    ),
)
