"""Boxing."""

from slotenv.labels.base import Affine, At, ScreenObject

_TOP = "poke; colour: top edge, 1 px lower in some poses"

OBJECTS = (
    ScreenObject(
        "player",
        x=At(32, Affine(offset=5), "poke; colour: left edge facing right, 2 px less facing left"),
        y=At(34, Affine(offset=38), _TOP),
    ),
    ScreenObject(
        "enemy",
        x=At(33, Affine(offset=3), "poke; colour: left edge facing left, 2 px more facing right"),
        y=At(35, Affine(offset=37), _TOP),
    ),
)
