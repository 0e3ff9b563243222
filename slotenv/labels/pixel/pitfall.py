"""Pitfall! The rope is left out: its byte is recomputed every frame and moves nothing."""

from __future__ import annotations

from slotenv.labels.base import Affine, Label

LABELS: tuple[Label, ...] = (
    Label(
        name="player_x",
        object="player",
        axis="x",
        byte=97,
        decode=Affine(offset=1),
        evidence="poke; left edge, 3 px more on the way up",
    ),
    Label(
        name="player_y",
        object="player",
        axis="y",
        byte=105,
        decode=Affine(offset=72),
        evidence="poke; top edge",
    ),
    Label(
        name="enemy_logs_x",
        object="enemy_logs",
        axis="x",
        byte=98,
        evidence="poke; left edge of the first",
    ),
    Label(
        name="enemy_scorpion_x",
        object="enemy_scorpion",
        axis="x",
        byte=99,
        evidence="poke; left edge; in rooms with a ladder that of the wall below ground",
    ),
)
