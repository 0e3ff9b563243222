"""Pitfall! The rope is left out: its byte is recomputed every frame and moves nothing."""

from slotenv.labels.base import Affine, At, ScreenObject

OBJECTS = (
    ScreenObject(
        "player",
        x=At(97, Affine(offset=1), "poke; left edge, 3 px more on the way up"),
        y=At(105, Affine(offset=72)),
    ),
    ScreenObject("enemy_logs", x=At(98, evidence="poke; left edge of the first")),
    ScreenObject(
        "enemy_scorpion",
        x=At(99, evidence="poke; left edge; in rooms with a ladder that of the wall below ground"),
    ),
)
