"""Venture. Checked in the hall, where random play stays; in a room sprite 0 is the player."""

from slotenv.labels.base import Affine, Always, At, ByteWithin, ScreenObject, Signed

_HALL = ByteWithin(73, 0, 0)

OBJECTS = (
    *(
        ScreenObject(
            f"sprite{i}",
            x=At(79 + i, Affine(offset=x_offset)),
            y=At(20 + i, Signed(2, y_offset, 240), "poke; top edge; found by its x"),
            presence=_HALL if i == 5 else Always(),
        )
        for i, (x_offset, y_offset) in enumerate(
            ((-1, 26), (-1, 27), (-7, 27), (-1, 26), (-1, 27), (-7, 27))
        )
    ),
    ScreenObject(
        "player",
        x=At(85, Affine(offset=-1), "poke; left edge of the dot"),
        y=At(26, Affine(2, 25), "poke; top edge of the dot"),
        presence=_HALL,
    ),
)
