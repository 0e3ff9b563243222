"""Yars' Revenge.

The player's missile is left out: no byte says when there is one. Its y is byte 37 + 2; its x is on
a line with byte 38 in two thirds of the frames only.
"""

from slotenv.labels.base import Affine, At, ByteWithin, ScreenObject

_LEFT = "left edge, found by its y"

OBJECTS = (
    ScreenObject("player", x=At(32, evidence=_LEFT), y=At(31, Affine(offset=3))),
    ScreenObject("enemy", x=At(43, evidence=_LEFT), y=At(42, Affine(offset=3))),
    ScreenObject(
        "enemy_missile",
        x=At(47, evidence=_LEFT),
        y=At(46, Affine(offset=2)),
        presence=ByteWithin(23, 0, 0),
    ),
)
