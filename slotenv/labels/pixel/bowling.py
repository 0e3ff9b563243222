"""Bowling."""

from __future__ import annotations

from slotenv.labels.base import Affine, Label

LABELS: tuple[Label, ...] = (
    Label(
        name="ball_x",
        object="ball",
        axis="x",
        byte=30,
        decode=Affine(offset=7),
        evidence="poke; left edge",
    ),
    Label(
        name="ball_y",
        object="ball",
        axis="y",
        byte=41,
        decode=Affine(scale=-2, offset=163),
        evidence="poke; top edge",
    ),
    Label(
        name="player_x",
        object="player",
        axis="x",
        byte=29,
        decode=Affine(offset=8),
        evidence="poke; left edge",
    ),
    Label(
        name="player_y",
        object="player",
        axis="y",
        byte=40,
        decode=Affine(scale=-2, offset=141),
        evidence="poke; top edge; found by its x",
    ),
)
