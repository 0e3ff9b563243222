"""Frostbite. An ice floe's x is that of the first of its row, which wraps around."""

from __future__ import annotations

from slotenv.labels.base import Affine, AllOf, ByteWithin, Modular
from slotenv.labels.pixel import At, ScreenObject

_ACTIVE = ByteWithin(107, 1, 255)

OBJECTS = (
    *(
        ScreenObject(
            f"{row}_row_iceflow",
            x=At(byte, Modular(offset=-8), "poke; left edge of the first floe"),
        )
        for row, byte in (("top", 34), ("second", 33), ("third", 32), ("fourth", 31))
    ),
    ScreenObject(
        "enemy_bear",
        x=At(104, Affine(), "140 throughout random play: no bear appears", "unverified"),
    ),
    ScreenObject(
        "player",
        x=At(102),
        y=At(100, Affine(offset=29)),
        presence=ByteWithin(107, 0, 17),
    ),
    *(
        ScreenObject(
            f"enemy_{i}",
            x=At(84 + i, Affine(), "poke; left edge; 0 while there is none; the species changes"),
            presence=AllOf((ByteWithin(84 + i, 1, 159), _ACTIVE)),
        )
        for i in range(4)
    ),
)
