"""Pong. The paddles' x never changes."""

from slotenv.labels.base import Affine, At, ByteWithin, ScreenObject

# Presence: those bytes at which the object still shares a row with the playfield, rows 34 to 193.
OBJECTS = (
    ScreenObject(
        "player",
        y=At(51, Affine(offset=-13), "colour: top edge, on even rows; set from the paddle dial"),
    ),
    ScreenObject(
        "enemy",
        y=At(50, Affine(offset=-15), "colour: top edge; recomputed; from above at a new game"),
        presence=ByteWithin(50, 34, 208),
    ),
    ScreenObject(
        "ball",
        x=At(49, Affine(offset=-49), "poke; colour: left edge; about 205 while there is no ball"),
        y=At(54, Affine(offset=-14), "poke; colour: top edge; 0 while there is no ball"),
        presence=ByteWithin(54, 45, 207),
    ),
)
