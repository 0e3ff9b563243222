"""Boxing."""

from __future__ import annotations

from slotenv.labels.base import Affine, Label

LABELS: tuple[Label, ...] = (
    Label(
        name="player_x",
        object="player",
        axis="x",
        byte=32,
        decode=Affine(offset=5),
        evidence="poke; colour: left edge of the body facing right, 2 px less facing left",
    ),
    Label(
        name="player_y",
        object="player",
        axis="y",
        byte=34,
        decode=Affine(offset=38),
        evidence="poke; colour: top edge, 1 px lower in some poses",
    ),
    Label(
        name="enemy_x",
        object="enemy",
        axis="x",
        byte=33,
        decode=Affine(offset=3),
        evidence="poke; colour: left edge of the body facing left, 2 px more facing right",
    ),
    Label(
        name="enemy_y",
        object="enemy",
        axis="y",
        byte=35,
        decode=Affine(offset=37),
        evidence="poke; colour: top edge, 1 px lower in some poses",
    ),
)
