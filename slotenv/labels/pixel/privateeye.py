"""Private Eye. The height is byte 97; AtariARI's 86 is derived from it and coarse."""

from __future__ import annotations

from slotenv.labels.base import Affine
from slotenv.labels.pixel import At, ScreenObject

_OTHERS = "moves another object in each room, and none in some"

OBJECTS = (
    ScreenObject(
        "player",
        x=At(63, evidence="left edge of the driver, found by its y"),
        y=At(97, Affine(-1, 150)),
    ),
    ScreenObject(
        "dove",
        x=At(48, Affine(offset=15), _OTHERS, "unverified"),
        y=At(39, Affine(-1, 169), _OTHERS, "unverified"),
    ),
)
