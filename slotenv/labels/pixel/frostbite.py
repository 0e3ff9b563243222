"""Frostbite. An ice floe's x is that of the first of its row.

The bear is left out: random play never meets it.
"""

from slotenv.labels.base import Affine, AllOf, At, ByteWithin, Modular, ScreenObject

_ACTIVE = ByteWithin(107, 1, 255)

OBJECTS = (
    *(
        ScreenObject(f"{row}_row_iceflow", At(byte, Modular(offset=-8)))
        for row, byte in (("top", 34), ("second", 33), ("third", 32), ("fourth", 31))
    ),
    ScreenObject("player", At(102), At(100, Affine(offset=29)), ByteWithin(107, 0, 17)),
    *(
        ScreenObject(
            f"enemy_{i}",
            x=At(84 + i, Affine(), "poke; left edge; 0 while there is none; the species changes"),
            presence=AllOf((ByteWithin(84 + i, 1, 159), _ACTIVE)),
        )
        for i in range(4)
    ),
)
