"""Freeway. Cars leave on one side and come back on the other."""

from slotenv.labels.base import Affine, At, Modular, ScreenObject

OBJECTS = (
    ScreenObject("player", y=At(14, Affine(-1, 193))),
    *(
        ScreenObject(
            f"enemy_car_{i}",
            x=At(
                108 + i,
                Modular(offset=-2 if i == 5 else -3),
                f"poke; left edge; lane {9 - i} from the top",
            ),
        )
        for i in range(10)
    ),
)
