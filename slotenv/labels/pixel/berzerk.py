"""Berzerk. Robots 6 and 7 and Evil Otto are left out: random play hardly ever shows them."""

from slotenv.labels.base import Affine, AllOf, At, ByteWithin, ScreenObject

_PLAYING = ByteWithin(80, 0, 8)

OBJECTS = (
    ScreenObject(
        "player",
        x=At(19, Affine(offset=4), "left edge, found by its y"),
        y=At(11, Affine(offset=5)),
        presence=_PLAYING,
    ),
    ScreenObject(
        "player_missile",
        x=At(22, Affine(offset=2)),
        y=At(23, Affine(2, 1), "poke; top edge, 2 px more or less by direction"),
        presence=ByteWithin(15, 1, 255),
    ),
    ScreenObject(
        "robot_missile",
        x=At(29, Affine(offset=2)),
        y=At(30, Affine(2)),
        presence=ByteWithin(24, 1, 255),
    ),
    *(
        ScreenObject(
            f"enemy_robots_{i}",
            x=At(65 + i, Affine(offset=6)),
            y=At(56 + i, Affine(2, 3), "poke; top edge, or found by its x"),
            presence=AllOf((ByteWithin(65 + i, 1, 255), _PLAYING)),
        )
        for i in range(6)
    ),
)
