"""Seaquest. An obstacle is the first of up to three sprites in its lane; lane 0 is the lowest."""

from slotenv.labels.base import (
    Affine,
    AllOf,
    At,
    ByteWithin,
    FirstOfThree,
    ScreenObject,
    ValueWithin,
)


def _obstacle(lane: int) -> ScreenObject:
    byte, pattern = 30 + lane, 36 + lane
    first = FirstOfThree(pattern)
    return ScreenObject(
        f"enemy_obstacle_{lane}",
        x=At(byte, first, "poke; left edge of the first in the lane; waits beyond the border"),
        presence=AllOf((ByteWithin(pattern, 1, 7), ValueWithin(first, byte, 1, 159))),
    )


OBJECTS = (
    ScreenObject("player", x=At(70), y=At(97, Affine(offset=33))),
    ScreenObject(
        "player_missile",
        x=At(103, evidence="poke; left edge; 0 while there is none"),
        presence=ByteWithin(103, 1, 159),
    ),
    *(_obstacle(lane) for lane in range(4)),
    *(
        ScreenObject(
            f"diver_or_enemy_missile_{lane}",
            x=At(71 + lane, evidence="poke; left edge; 0 for none; diver and missile take turns"),
            presence=ByteWithin(71 + lane, 1, 159),
        )
        for lane in range(4)
    ),
)
