"""Ms. Pac-Man. Ghosts blink: each is drawn in half of the single frames or more.

The fruit is left out: random play never gets one.
"""

from slotenv.labels.base import Affine, At, ScreenObject

_X, _Y = Affine(offset=-12), Affine(offset=1)

OBJECTS = (
    ScreenObject("enemy_sue", x=At(6, _X), y=At(12, _Y)),
    ScreenObject("enemy_inky", x=At(7, _X), y=At(13, _Y)),
    ScreenObject("enemy_pinky", x=At(8, _X), y=At(14, _Y)),
    ScreenObject("enemy_blinky", x=At(9, _X), y=At(15, _Y)),
    ScreenObject("player", x=At(10, _X), y=At(16, _Y)),
)
