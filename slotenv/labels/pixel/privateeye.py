"""Private Eye. The height is byte 97; AtariARI's 86 is derived from it and coarse.

The dove is left out: its bytes move another object in each room, and none in some.
"""

from slotenv.labels.base import Affine, At, ScreenObject

OBJECTS = (
    ScreenObject(
        "player",
        x=At(63, evidence="left edge of the driver, found by its y"),
        y=At(97, Affine(-1, 150)),
    ),
)
