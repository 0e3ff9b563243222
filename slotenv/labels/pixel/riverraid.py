"""River Raid."""

from __future__ import annotations

from slotenv.labels.base import Affine, ByteWithin
from slotenv.labels.pixel import At, ScreenObject

OBJECTS = (
    ScreenObject(
        "player",
        x=At(51, Affine(offset=1), "poke; left edge, 1 px more or less by tilt"),
        presence=ByteWithin(58, 1, 255),
    ),
    ScreenObject(
        "missile",
        x=At(
            117,
            Affine(offset=-1),
            "left edge, found by its y; 180 in byte 50 while there is none",
        ),
        y=At(50, Affine(-1, 162), "poke; top edge; 180 while there is none"),
        presence=ByteWithin(50, 1, 179),
    ),
)
