"""Bowling."""

from slotenv.labels.base import Affine, At, ScreenObject

OBJECTS = (
    ScreenObject("ball", x=At(30, Affine(offset=7)), y=At(41, Affine(-2, 163))),
    ScreenObject(
        "player",
        x=At(29, Affine(offset=8)),
        y=At(40, Affine(-2, 141), "poke; top edge; found by its x"),
    ),
)
