"""Breakout."""

from slotenv.labels.base import Affine, At, ByteWithin, ScreenObject

OBJECTS = (
    ScreenObject(
        "ball",
        x=At(99, Affine(offset=-49), "poke; colour: left edge; stays while there is no ball"),
        y=At(101, Affine(offset=9), "poke; colour: top edge; 0 while there is no ball"),
        # Those bytes at which it still shares a row with the playfield, rows 32 to 194.
        presence=ByteWithin(101, 21, 185),
    ),
    ScreenObject(
        "player",
        x=At(72, Affine(offset=-47), "colour: left edge; the game sets it from the paddle dial"),
    ),
)
