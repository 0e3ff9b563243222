"""River Raid."""

from slotenv.labels.base import Affine, At, ByteWithin, ScreenObject

OBJECTS = (
    ScreenObject(
        "player",
        x=At(51, Affine(offset=1), "poke; left edge, 1 px more or less by tilt"),
        presence=ByteWithin(58, 1, 255),
    ),
    ScreenObject(
        "missile",
        x=At(117, Affine(offset=-1), "left edge, found by its y"),
        y=At(50, Affine(-1, 162), "poke; top edge; 180 while there is none"),
        presence=ByteWithin(50, 1, 179),
    ),
)
