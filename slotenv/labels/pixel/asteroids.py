"""Asteroids. The low nibble of an x counts half turns: odd ones start from the left border.

Rocks 4 to 6 and 10 to 14 are left out: random play shows them too rarely to verify them.
"""

from slotenv.labels.base import Affine, AllOf, AnyOf, At, ByteWithin, Nibbles, ScreenObject, Signed

_COARSE = (81, -6, 96, 9, 111, 24, 126, 39, 141, 54, 156, 69, 171, 84, 186, 99)
_MISSILE_Y = Affine(2, 17)


def _rock(number: int, x_byte: int, y_byte: int, y_offset: int) -> ScreenObject:
    # A rock that is gone has an x of 0 or a y from 128 on; from 240 on it comes in from above.
    within_rows = AnyOf((ByteWithin(y_byte, 0, 127), ByteWithin(y_byte, 240, 255)))
    return ScreenObject(
        f"enemy_asteroids_{number}",
        x=At(x_byte, Nibbles(_COARSE)),
        y=At(y_byte, Signed(2, y_offset, 240)),
        presence=AllOf((ByteWithin(x_byte, 1, 255), within_rows)),
    )


OBJECTS = (
    ScreenObject(
        "player", At(73, Nibbles(_COARSE, 1)), At(74, Affine(2, 19)), ByteWithin(74, 0, 127)
    ),
    ScreenObject(
        "player_missile1", At(83, Nibbles(_COARSE, 2)), At(86, _MISSILE_Y), ByteWithin(86, 0, 127)
    ),
    ScreenObject(
        "player_missile2", At(84, Nibbles(_COARSE, 2)), At(87, _MISSILE_Y), ByteWithin(87, 0, 127)
    ),
    *(_rock(i, 21 + i, 3 + i, y_offset=22) for i in (0, 1, 2, 3)),
    *(_rock(i, 23 + i, 5 + i, y_offset=24) for i in (7, 8, 9)),
)
