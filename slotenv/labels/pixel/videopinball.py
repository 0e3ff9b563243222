"""Video Pinball. The flippers are left out: their bytes are states, not coordinates."""

from __future__ import annotations

from slotenv.labels.base import Affine, Label

LABELS: tuple[Label, ...] = (
    Label(
        name="ball_x",
        object="ball",
        axis="x",
        byte=67,
        evidence="poke; left edge",
    ),
    Label(
        name="ball_y",
        object="ball",
        axis="y",
        byte=68,
        decode=Affine(offset=-3),
        evidence="poke; top edge",
    ),
)
