"""Private Eye. The height is byte 97; AtariARI's 86 is derived from it and coarse."""

from __future__ import annotations

from slotenv.labels.base import Affine, Label

LABELS: tuple[Label, ...] = (
    Label(
        name="player_x",
        object="player",
        axis="x",
        byte=63,
        evidence="left edge of the driver, found by its y",
    ),
    Label(
        name="player_y",
        object="player",
        axis="y",
        byte=97,
        decode=Affine(scale=-1, offset=150),
        evidence="poke; top edge",
    ),
    Label(
        name="dove_x",
        object="dove",
        axis="x",
        byte=48,
        decode=Affine(offset=15),
        status="unverified",
        evidence="moves another object in each room, and none in some",
    ),
    Label(
        name="dove_y",
        object="dove",
        axis="y",
        byte=39,
        decode=Affine(scale=-1, offset=169),
        status="unverified",
        evidence="moves another object in each room, and none in some",
    ),
)
