"""Montezuma's Revenge. Checked in the first room, which random play never leaves.

Left out, since they never change there: the height of the skull (byte 46, ``Affine(-1, 408)``) and
both coordinates of the monster, whose byte 44 moves the key.
"""

from slotenv.labels.base import Affine, At, ByteWithin, ScreenObject

OBJECTS = (
    ScreenObject(
        "player",
        x=At(42, Affine(offset=-1)),
        y=At(43, Affine(-1, 309), "poke; top edge, a few px off in some poses"),
    ),
    ScreenObject(
        "enemy_skull",
        x=At(47, Affine(offset=32)),
        presence=ByteWithin(3, 1, 1),  # the room
    ),
)
