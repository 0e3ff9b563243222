"""Space Invaders. The height of the formation and the bullets are not where AtariARI has them."""

from slotenv.labels.base import Affine, At, ByteWithin, ScreenObject

OBJECTS = (
    ScreenObject(
        "player",
        x=At(28, Affine(offset=-1), "poke; colour: left edge; away for a second when hit"),
    ),
    ScreenObject(
        "enemies",
        x=At(26, Affine(offset=-1), "poke; colour: left edge of the first column of the formation"),
        y=At(16, Affine(2, 31), "poke; colour: top edge of the first row; byte 24 is shapes"),
    ),
    *(
        ScreenObject(
            f"enemy_missile_{i}",
            x=At(83 + i, Affine(offset=-2)),
            y=At(81 + i, Affine(2, 4), "poke; top edge, 1 px off by shape; from 95 below ground"),
            presence=ByteWithin(81 + i, 0, 94),
        )
        for i in (0, 1)
    ),
    ScreenObject(
        "player_missile",
        x=At(87, Affine(offset=-2)),
        y=At(85, Affine(2, 4), "poke; top edge; 246 while there is none"),
        presence=ByteWithin(85, 0, 245),
    ),
)
