"""Yars' Revenge."""

from __future__ import annotations

from slotenv.labels.base import Affine, ByteWithin, Label

_ENEMY_MISSILE = ByteWithin(23, 0, 0)


LABELS: tuple[Label, ...] = (
    Label(
        name="player_x",
        object="player",
        axis="x",
        byte=32,
        evidence="left edge, found by its y",
    ),
    Label(
        name="player_y",
        object="player",
        axis="y",
        byte=31,
        decode=Affine(offset=3),
        evidence="poke; top edge",
    ),
    Label(
        name="player_missile_x",
        object="player_missile",
        axis="x",
        byte=38,
        status="unverified",
        evidence="on a line with what byte 37 moves in two thirds of the frames",
    ),
    Label(
        name="player_missile_y",
        object="player_missile",
        axis="y",
        byte=37,
        decode=Affine(offset=2),
        status="unverified",
        evidence="moves its missile, but no byte found says when there is one",
    ),
    Label(
        name="enemy_x",
        object="enemy",
        axis="x",
        byte=43,
        evidence="left edge, found by its y",
    ),
    Label(
        name="enemy_y",
        object="enemy",
        axis="y",
        byte=42,
        decode=Affine(offset=3),
        evidence="poke; top edge",
    ),
    Label(
        name="enemy_missile_x",
        object="enemy_missile",
        axis="x",
        byte=47,
        presence=_ENEMY_MISSILE,
        evidence="left edge, found by its y",
    ),
    Label(
        name="enemy_missile_y",
        object="enemy_missile",
        axis="y",
        byte=46,
        decode=Affine(offset=2),
        presence=_ENEMY_MISSILE,
        evidence="poke; top edge",
    ),
)
