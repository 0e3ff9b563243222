"""Corrected labels: coordinates on the 210 x 160 screen and when each object is on it.

A game is one entry. Every label was found on the screen of the real emulator, by changing its byte
and seeing the object move or, where the game recomputes the byte at once, by the object's colour;
``tests/labels/test_poke.py`` repeats that. Coordinates are of an object's left or top edge, may
reach beyond the playfield while the object is clipped at its border, and are exact on an emulator
frame; on the maximum of two frames an edge can be one pixel off.

Not listed: coordinates that never change (the x of Pong's paddles).

The bytes are those of AtariARI, MIT License, Copyright (c) 2019 Ankesh Anand; the full notice is
in ``tables_scn.py``.
"""

from __future__ import annotations

from slotenv.labels.base import Affine, ByteWithin, Label

# The bounds are those bytes at which the object still shares a row with the playfield (Pong: rows
# 34 to 193, Breakout: rows 32 to 194), given its top edge below and its height (ball 4, paddle 16).
_PONG_BALL = ByteWithin(54, 45, 207)
_PONG_ENEMY = ByteWithin(50, 34, 208)
_BREAKOUT_BALL = ByteWithin(101, 21, 185)

PIXEL_LABELS: dict[str, tuple[Label, ...]] = {
    "boxing": (
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
    ),
    "breakout": (
        Label(
            name="ball_x",
            object="ball",
            axis="x",
            byte=99,
            decode=Affine(offset=-49),
            presence=_BREAKOUT_BALL,
            evidence="poke; colour: left edge; keeps its last value while there is no ball",
        ),
        Label(
            name="ball_y",
            object="ball",
            axis="y",
            byte=101,
            decode=Affine(offset=9),
            presence=_BREAKOUT_BALL,
            evidence="poke; colour: top edge; 0 while there is no ball",
        ),
        Label(
            name="player_x",
            object="player",
            axis="x",
            byte=72,
            decode=Affine(offset=-47),
            evidence="colour: left edge; the game sets it from the paddle dial",
        ),
    ),
    "pong": (
        Label(
            name="player_y",
            object="player",
            axis="y",
            byte=51,
            decode=Affine(offset=-13),
            evidence="colour: top edge, drawn on even rows; the game sets it from the dial",
        ),
        Label(
            name="enemy_y",
            object="enemy",
            axis="y",
            byte=50,
            decode=Affine(offset=-15),
            presence=_PONG_ENEMY,
            evidence="colour: top edge; the game recomputes it; slides in from above at a new game",
        ),
        Label(
            name="ball_x",
            object="ball",
            axis="x",
            byte=49,
            decode=Affine(offset=-49),
            presence=_PONG_BALL,
            evidence="poke; colour: left edge; parked at 205 or so while there is no ball",
        ),
        Label(
            name="ball_y",
            object="ball",
            axis="y",
            byte=54,
            decode=Affine(offset=-14),
            presence=_PONG_BALL,
            evidence="poke; colour: top edge; 0 while there is no ball",
        ),
    ),
}
