"""Freeway. Cars leave on one side and come back on the other."""

from __future__ import annotations

from slotenv.labels.base import Affine, Label, Modular

LABELS: tuple[Label, ...] = (
    Label(
        name="player_y",
        object="player",
        axis="y",
        byte=14,
        decode=Affine(scale=-1, offset=193),
        evidence="poke; top edge",
    ),
    Label(
        name="enemy_car_0_x",
        object="enemy_car_0",
        axis="x",
        byte=108,
        decode=Modular(offset=-3),
        evidence="poke; left edge; lane 9 from the top",
    ),
    Label(
        name="enemy_car_1_x",
        object="enemy_car_1",
        axis="x",
        byte=109,
        decode=Modular(offset=-3),
        evidence="poke; left edge; lane 8 from the top",
    ),
    Label(
        name="enemy_car_2_x",
        object="enemy_car_2",
        axis="x",
        byte=110,
        decode=Modular(offset=-3),
        evidence="poke; left edge; lane 7 from the top",
    ),
    Label(
        name="enemy_car_3_x",
        object="enemy_car_3",
        axis="x",
        byte=111,
        decode=Modular(offset=-3),
        evidence="poke; left edge; lane 6 from the top",
    ),
    Label(
        name="enemy_car_4_x",
        object="enemy_car_4",
        axis="x",
        byte=112,
        decode=Modular(offset=-3),
        evidence="poke; left edge; lane 5 from the top",
    ),
    Label(
        name="enemy_car_5_x",
        object="enemy_car_5",
        axis="x",
        byte=113,
        decode=Modular(offset=-2),
        evidence="poke; left edge; lane 4 from the top",
    ),
    Label(
        name="enemy_car_6_x",
        object="enemy_car_6",
        axis="x",
        byte=114,
        decode=Modular(offset=-3),
        evidence="poke; left edge; lane 3 from the top",
    ),
    Label(
        name="enemy_car_7_x",
        object="enemy_car_7",
        axis="x",
        byte=115,
        decode=Modular(offset=-3),
        evidence="poke; left edge; lane 2 from the top",
    ),
    Label(
        name="enemy_car_8_x",
        object="enemy_car_8",
        axis="x",
        byte=116,
        decode=Modular(offset=-3),
        evidence="poke; left edge; lane 1 from the top",
    ),
    Label(
        name="enemy_car_9_x",
        object="enemy_car_9",
        axis="x",
        byte=117,
        decode=Modular(offset=-3),
        evidence="poke; left edge; lane 0 from the top",
    ),
)
