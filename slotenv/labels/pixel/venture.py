"""Venture. Checked in the hall, where random play stays; in a room sprite 0 is the player."""

from __future__ import annotations

from slotenv.labels.base import Affine, ByteWithin, Label, Signed

_HALL = ByteWithin(73, 0, 0)


LABELS: tuple[Label, ...] = (
    Label(
        name="sprite0_x",
        object="sprite0",
        axis="x",
        byte=79,
        decode=Affine(offset=-1),
        evidence="poke; left edge",
    ),
    Label(
        name="sprite0_y",
        object="sprite0",
        axis="y",
        byte=20,
        decode=Signed(scale=2, offset=26, start=240),
        evidence="poke; top edge; found by its x",
    ),
    Label(
        name="sprite1_x",
        object="sprite1",
        axis="x",
        byte=80,
        decode=Affine(offset=-1),
        evidence="poke; left edge",
    ),
    Label(
        name="sprite1_y",
        object="sprite1",
        axis="y",
        byte=21,
        decode=Signed(scale=2, offset=27, start=240),
        evidence="poke; top edge; found by its x",
    ),
    Label(
        name="sprite2_x",
        object="sprite2",
        axis="x",
        byte=81,
        decode=Affine(offset=-7),
        evidence="poke; left edge",
    ),
    Label(
        name="sprite2_y",
        object="sprite2",
        axis="y",
        byte=22,
        decode=Signed(scale=2, offset=27, start=240),
        evidence="poke; top edge; found by its x",
    ),
    Label(
        name="sprite3_x",
        object="sprite3",
        axis="x",
        byte=82,
        decode=Affine(offset=-1),
        evidence="poke; left edge",
    ),
    Label(
        name="sprite3_y",
        object="sprite3",
        axis="y",
        byte=23,
        decode=Signed(scale=2, offset=26, start=240),
        evidence="poke; top edge; found by its x",
    ),
    Label(
        name="sprite4_x",
        object="sprite4",
        axis="x",
        byte=83,
        decode=Affine(offset=-1),
        evidence="poke; left edge",
    ),
    Label(
        name="sprite4_y",
        object="sprite4",
        axis="y",
        byte=24,
        decode=Signed(scale=2, offset=27, start=240),
        evidence="poke; top edge; found by its x",
    ),
    Label(
        name="sprite5_x",
        object="sprite5",
        axis="x",
        byte=84,
        decode=Affine(offset=-7),
        presence=_HALL,
        evidence="poke; left edge",
    ),
    Label(
        name="sprite5_y",
        object="sprite5",
        axis="y",
        byte=25,
        decode=Signed(scale=2, offset=27, start=240),
        presence=_HALL,
        evidence="poke; top edge; found by its x",
    ),
    Label(
        name="player_x",
        object="player",
        axis="x",
        byte=85,
        decode=Affine(offset=-1),
        presence=_HALL,
        evidence="poke; left edge of the dot",
    ),
    Label(
        name="player_y",
        object="player",
        axis="y",
        byte=26,
        decode=Affine(scale=2, offset=25),
        presence=_HALL,
        evidence="poke; top edge of the dot",
    ),
)
