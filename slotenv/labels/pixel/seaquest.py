"""Seaquest. An obstacle is the first of up to three sprites in its lane; lane 0 is the lowest."""

from __future__ import annotations

from slotenv.labels.base import Affine, AllOf, ByteWithin, FirstOfThree, Label, ValueWithin

_LANE_0 = FirstOfThree(pattern=36)
_OBSTACLE_0 = AllOf((ByteWithin(36, 1, 7), ValueWithin(_LANE_0, 30, 1, 159)))
_LANE_1 = FirstOfThree(pattern=37)
_OBSTACLE_1 = AllOf((ByteWithin(37, 1, 7), ValueWithin(_LANE_1, 31, 1, 159)))
_LANE_2 = FirstOfThree(pattern=38)
_OBSTACLE_2 = AllOf((ByteWithin(38, 1, 7), ValueWithin(_LANE_2, 32, 1, 159)))
_LANE_3 = FirstOfThree(pattern=39)
_OBSTACLE_3 = AllOf((ByteWithin(39, 1, 7), ValueWithin(_LANE_3, 33, 1, 159)))


LABELS: tuple[Label, ...] = (
    Label(
        name="player_x",
        object="player",
        axis="x",
        byte=70,
        evidence="poke; left edge",
    ),
    Label(
        name="player_y",
        object="player",
        axis="y",
        byte=97,
        decode=Affine(offset=33),
        evidence="poke; top edge",
    ),
    Label(
        name="player_missile_x",
        object="player_missile",
        axis="x",
        byte=103,
        presence=ByteWithin(103, 1, 159),
        evidence="poke; left edge; 0 while there is none",
    ),
    Label(
        name="enemy_obstacle_0_x",
        object="enemy_obstacle_0",
        axis="x",
        byte=30,
        decode=_LANE_0,
        presence=_OBSTACLE_0,
        evidence="poke; left edge of the first in the lane; waits beyond the border",
    ),
    Label(
        name="enemy_obstacle_1_x",
        object="enemy_obstacle_1",
        axis="x",
        byte=31,
        decode=_LANE_1,
        presence=_OBSTACLE_1,
        evidence="poke; left edge of the first in the lane; waits beyond the border",
    ),
    Label(
        name="enemy_obstacle_2_x",
        object="enemy_obstacle_2",
        axis="x",
        byte=32,
        decode=_LANE_2,
        presence=_OBSTACLE_2,
        evidence="poke; left edge of the first in the lane; waits beyond the border",
    ),
    Label(
        name="enemy_obstacle_3_x",
        object="enemy_obstacle_3",
        axis="x",
        byte=33,
        decode=_LANE_3,
        presence=_OBSTACLE_3,
        evidence="poke; left edge of the first in the lane; waits beyond the border",
    ),
    Label(
        name="diver_or_enemy_missile_0_x",
        object="diver_or_enemy_missile_0",
        axis="x",
        byte=71,
        presence=ByteWithin(71, 1, 159),
        evidence="poke; left edge; 0 while there is none; diver and missile take turns",
    ),
    Label(
        name="diver_or_enemy_missile_1_x",
        object="diver_or_enemy_missile_1",
        axis="x",
        byte=72,
        presence=ByteWithin(72, 1, 159),
        evidence="poke; left edge; 0 while there is none; diver and missile take turns",
    ),
    Label(
        name="diver_or_enemy_missile_2_x",
        object="diver_or_enemy_missile_2",
        axis="x",
        byte=73,
        presence=ByteWithin(73, 1, 159),
        evidence="poke; left edge; 0 while there is none; diver and missile take turns",
    ),
    Label(
        name="diver_or_enemy_missile_3_x",
        object="diver_or_enemy_missile_3",
        axis="x",
        byte=74,
        presence=ByteWithin(74, 1, 159),
        evidence="poke; left edge; 0 while there is none; diver and missile take turns",
    ),
)
