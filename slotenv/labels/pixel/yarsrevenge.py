"""Yars' Revenge."""

from __future__ import annotations

from slotenv.labels.base import Affine, ByteWithin
from slotenv.labels.pixel import At, ScreenObject

_LEFT = "left edge, found by its y"

OBJECTS = (
    ScreenObject("player", x=At(32, evidence=_LEFT), y=At(31, Affine(offset=3))),
    ScreenObject(
        "player_missile",
        x=At(
            38,
            Affine(),
            "on a line with what byte 37 moves in two thirds of the frames",
            "unverified",
        ),
        y=At(
            37,
            Affine(offset=2),
            "moves its missile, but no byte found says when there is one",
            "unverified",
        ),
    ),
    ScreenObject("enemy", x=At(43, evidence=_LEFT), y=At(42, Affine(offset=3))),
    ScreenObject(
        "enemy_missile",
        x=At(47, evidence=_LEFT),
        y=At(46, Affine(offset=2)),
        presence=ByteWithin(23, 0, 0),
    ),
)
