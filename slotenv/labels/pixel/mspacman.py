"""Ms. Pac-Man. Ghosts blink: each is drawn in half of the single frames or more."""

from __future__ import annotations

from slotenv.labels.base import Affine
from slotenv.labels.pixel import At, ScreenObject

_X, _Y = Affine(offset=-12), Affine(offset=1)
_NO_FRUIT = "0 throughout random play: no fruit appears"

OBJECTS = (
    ScreenObject("enemy_sue", x=At(6, _X), y=At(12, _Y)),
    ScreenObject("enemy_inky", x=At(7, _X), y=At(13, _Y)),
    ScreenObject("enemy_pinky", x=At(8, _X), y=At(14, _Y)),
    ScreenObject("enemy_blinky", x=At(9, _X), y=At(15, _Y)),
    ScreenObject("player", x=At(10, _X), y=At(16, _Y)),
    ScreenObject(
        "fruit",
        x=At(11, _X, _NO_FRUIT, "unverified"),
        y=At(17, _Y, _NO_FRUIT, "unverified"),
    ),
)
