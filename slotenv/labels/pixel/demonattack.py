"""Demon Attack. The ship is byte 16; AtariARI's 22 is its missile. All x are in nibbles."""

from slotenv.labels.base import Affine, At, ByteWithin, Nibbles, ScreenObject

OBJECTS = (
    ScreenObject("player", x=At(16, Nibbles(offset=12))),
    ScreenObject(
        "missile",
        x=At(22, Nibbles(offset=14), "poke; left edge; rides on the ship"),
        y=At(21, Affine(-1, 177)),
    ),
    *(
        ScreenObject(
            f"enemy{i}",
            x=At(12 + i, Nibbles(offset=12), "poke; left edge of the left half"),
            y=At(68 + i, Affine(-1, 176)),
            presence=ByteWithin(28 + i, 1, 255),
        )
        for i in (1, 2, 3)
    ),
)
