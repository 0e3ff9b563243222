"""Tennis. AtariARI names the halves of the court; byte 80 says which of them is the player's."""

from slotenv.labels.base import Affine, At, ByteWithin, Either, ScreenObject

_SIDE = 80
_TOP_Y, _BOTTOM_Y = Affine(-1, 166), Affine(-1, 167)
_LEFT = "poke; left edge, 2 px less or more by facing"

OBJECTS = (
    ScreenObject(
        "player",
        x=At(26, Either(_SIDE, Affine(), 27, Affine()), _LEFT),
        y=At(24, Either(_SIDE, _TOP_Y, 25, _BOTTOM_Y)),
    ),
    ScreenObject(
        "enemy",
        x=At(27, Either(_SIDE, Affine(), 26, Affine()), _LEFT),
        y=At(25, Either(_SIDE, _BOTTOM_Y, 24, _TOP_Y)),
    ),
    ScreenObject(
        "ball",
        x=At(16, Affine(offset=-2), "colour: left edge; 2 while there is no ball"),
        y=At(54, Affine(-1, 189), "colour: top edge; byte 17 is the height above the ground"),
        presence=ByteWithin(16, 3, 255),
    ),
)
