"""Frostbite. An ice floe's x is that of the first of its row, which wraps around."""

from __future__ import annotations

from slotenv.labels.base import Affine, AllOf, ByteWithin, Label, Modular

_ACTIVE = ByteWithin(107, 1, 255)


LABELS: tuple[Label, ...] = (
    Label(
        name="top_row_iceflow_x",
        object="top_row_iceflow",
        axis="x",
        byte=34,
        decode=Modular(offset=-8),
        evidence="poke; left edge of the first floe",
    ),
    Label(
        name="second_row_iceflow_x",
        object="second_row_iceflow",
        axis="x",
        byte=33,
        decode=Modular(offset=-8),
        evidence="poke; left edge of the first floe",
    ),
    Label(
        name="third_row_iceflow_x",
        object="third_row_iceflow",
        axis="x",
        byte=32,
        decode=Modular(offset=-8),
        evidence="poke; left edge of the first floe",
    ),
    Label(
        name="fourth_row_iceflow_x",
        object="fourth_row_iceflow",
        axis="x",
        byte=31,
        decode=Modular(offset=-8),
        evidence="poke; left edge of the first floe",
    ),
    Label(
        name="enemy_bear_x",
        object="enemy_bear",
        axis="x",
        byte=104,
        status="unverified",
        evidence="140 throughout random play: no bear appears",
    ),
    Label(
        name="player_x",
        object="player",
        axis="x",
        byte=102,
        presence=ByteWithin(107, 0, 17),
        evidence="poke; left edge",
    ),
    Label(
        name="player_y",
        object="player",
        axis="y",
        byte=100,
        decode=Affine(offset=29),
        presence=ByteWithin(107, 0, 17),
        evidence="poke; top edge",
    ),
    Label(
        name="enemy_0_x",
        object="enemy_0",
        axis="x",
        byte=84,
        presence=AllOf((ByteWithin(84, 1, 159), _ACTIVE)),
        evidence="poke; left edge; 0 while there is none; the species changes",
    ),
    Label(
        name="enemy_1_x",
        object="enemy_1",
        axis="x",
        byte=85,
        presence=AllOf((ByteWithin(85, 1, 159), _ACTIVE)),
        evidence="poke; left edge; 0 while there is none; the species changes",
    ),
    Label(
        name="enemy_2_x",
        object="enemy_2",
        axis="x",
        byte=86,
        presence=AllOf((ByteWithin(86, 1, 159), _ACTIVE)),
        evidence="poke; left edge; 0 while there is none; the species changes",
    ),
    Label(
        name="enemy_3_x",
        object="enemy_3",
        axis="x",
        byte=87,
        presence=AllOf((ByteWithin(87, 1, 159), _ACTIVE)),
        evidence="poke; left edge; 0 while there is none; the species changes",
    ),
)
