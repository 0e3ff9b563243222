"""Berzerk."""

from __future__ import annotations

from slotenv.labels.base import Affine, AllOf, ByteWithin
from slotenv.labels.pixel import At, ScreenObject

_PLAYING = ByteWithin(80, 0, 8)
_ROBOT_X, _ROBOT_Y = Affine(offset=6), Affine(2, 3)

OBJECTS = (
    ScreenObject(
        "player",
        x=At(19, Affine(offset=4), "left edge, found by its y"),
        y=At(11, Affine(offset=5)),
        presence=_PLAYING,
    ),
    ScreenObject(
        "player_missile",
        x=At(22, Affine(offset=2)),
        y=At(23, Affine(2, 1), "poke; top edge, 2 px more or less by direction"),
        presence=ByteWithin(15, 1, 255),
    ),
    ScreenObject(
        "robot_missile",
        x=At(29, Affine(offset=2)),
        y=At(30, Affine(2)),
        presence=ByteWithin(24, 1, 255),
    ),
    *(
        ScreenObject(
            f"enemy_robots_{i}",
            x=At(65 + i, _ROBOT_X),
            y=At(56 + i, _ROBOT_Y, "poke; top edge, or found by its x"),
            presence=AllOf((ByteWithin(65 + i, 1, 255), _PLAYING)),
        )
        for i in range(6)
    ),
    *(
        ScreenObject(
            f"enemy_robots_{i}",
            x=At(65 + i, _ROBOT_X, "too rare in random play", "unverified"),
            y=At(56 + i, _ROBOT_Y, "too rare in random play", "unverified"),
        )
        for i in (6, 7)
    ),
    ScreenObject(
        "enemy_evilOtto",
        x=At(46, Affine(), "the same throughout random play: he never appears", "unverified"),
        y=At(
            89,
            Affine(),
            "takes three values though he never appears, and moves nothing",
            "unverified",
        ),
    ),
)
