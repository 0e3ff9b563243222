"""Asteroids. The low nibble of an x counts half turns: odd ones start from the left border."""

from __future__ import annotations

from slotenv.labels.base import Affine, AllOf, AnyOf, ByteWithin, Label, Nibbles, Signed

_COARSE = (81, -6, 96, 9, 111, 24, 126, 39, 141, 54, 156, 69, 171, 84, 186, 99)
_PLAYER = ByteWithin(74, 0, 127)
_MISSILE_1 = ByteWithin(86, 0, 127)
_MISSILE_2 = ByteWithin(87, 0, 127)
# A rock that is gone has an x of 0 or a y from 128 on; from 240 on it comes in from above.
_ROCK_0 = AllOf((ByteWithin(21, 1, 255), AnyOf((ByteWithin(3, 0, 127), ByteWithin(3, 240, 255)))))
_ROCK_1 = AllOf((ByteWithin(22, 1, 255), AnyOf((ByteWithin(4, 0, 127), ByteWithin(4, 240, 255)))))
_ROCK_2 = AllOf((ByteWithin(23, 1, 255), AnyOf((ByteWithin(5, 0, 127), ByteWithin(5, 240, 255)))))
_ROCK_3 = AllOf((ByteWithin(24, 1, 255), AnyOf((ByteWithin(6, 0, 127), ByteWithin(6, 240, 255)))))
_ROCK_7 = AllOf((ByteWithin(30, 1, 255), AnyOf((ByteWithin(12, 0, 127), ByteWithin(12, 240, 255)))))
_ROCK_8 = AllOf((ByteWithin(31, 1, 255), AnyOf((ByteWithin(13, 0, 127), ByteWithin(13, 240, 255)))))
_ROCK_9 = AllOf((ByteWithin(32, 1, 255), AnyOf((ByteWithin(14, 0, 127), ByteWithin(14, 240, 255)))))


# Rock: its bytes of x and y.
_RARE = {
    4: (25, 7),
    5: (26, 8),
    6: (27, 9),
    10: (33, 15),
    11: (34, 16),
    12: (35, 17),
    13: (36, 18),
    14: (37, 19),
}

LABELS: tuple[Label, ...] = (
    Label(
        name="player_x",
        object="player",
        axis="x",
        byte=73,
        decode=Nibbles(_COARSE, 1),
        presence=_PLAYER,
        evidence="poke; left edge",
    ),
    Label(
        name="player_y",
        object="player",
        axis="y",
        byte=74,
        decode=Affine(scale=2, offset=19),
        presence=_PLAYER,
        evidence="poke; top edge",
    ),
    Label(
        name="player_missile1_x",
        object="player_missile1",
        axis="x",
        byte=83,
        decode=Nibbles(_COARSE, 2),
        presence=_MISSILE_1,
        evidence="poke; left edge",
    ),
    Label(
        name="player_missile1_y",
        object="player_missile1",
        axis="y",
        byte=86,
        decode=Affine(scale=2, offset=17),
        presence=_MISSILE_1,
        evidence="poke; top edge",
    ),
    Label(
        name="player_missile2_x",
        object="player_missile2",
        axis="x",
        byte=84,
        decode=Nibbles(_COARSE, 2),
        presence=_MISSILE_2,
        evidence="poke; left edge",
    ),
    Label(
        name="player_missile2_y",
        object="player_missile2",
        axis="y",
        byte=87,
        decode=Affine(scale=2, offset=17),
        presence=_MISSILE_2,
        evidence="poke; top edge",
    ),
    Label(
        name="enemy_asteroids_0_x",
        object="enemy_asteroids_0",
        axis="x",
        byte=21,
        decode=Nibbles(_COARSE),
        presence=_ROCK_0,
        evidence="poke; left edge",
    ),
    Label(
        name="enemy_asteroids_0_y",
        object="enemy_asteroids_0",
        axis="y",
        byte=3,
        decode=Signed(2, 22, 240),
        presence=_ROCK_0,
        evidence="poke; top edge",
    ),
    Label(
        name="enemy_asteroids_1_x",
        object="enemy_asteroids_1",
        axis="x",
        byte=22,
        decode=Nibbles(_COARSE),
        presence=_ROCK_1,
        evidence="poke; left edge",
    ),
    Label(
        name="enemy_asteroids_1_y",
        object="enemy_asteroids_1",
        axis="y",
        byte=4,
        decode=Signed(2, 22, 240),
        presence=_ROCK_1,
        evidence="poke; top edge",
    ),
    Label(
        name="enemy_asteroids_2_x",
        object="enemy_asteroids_2",
        axis="x",
        byte=23,
        decode=Nibbles(_COARSE),
        presence=_ROCK_2,
        evidence="poke; left edge",
    ),
    Label(
        name="enemy_asteroids_2_y",
        object="enemy_asteroids_2",
        axis="y",
        byte=5,
        decode=Signed(2, 22, 240),
        presence=_ROCK_2,
        evidence="poke; top edge",
    ),
    Label(
        name="enemy_asteroids_3_x",
        object="enemy_asteroids_3",
        axis="x",
        byte=24,
        decode=Nibbles(_COARSE),
        presence=_ROCK_3,
        evidence="poke; left edge",
    ),
    Label(
        name="enemy_asteroids_3_y",
        object="enemy_asteroids_3",
        axis="y",
        byte=6,
        decode=Signed(2, 22, 240),
        presence=_ROCK_3,
        evidence="poke; top edge",
    ),
    Label(
        name="enemy_asteroids_7_x",
        object="enemy_asteroids_7",
        axis="x",
        byte=30,
        decode=Nibbles(_COARSE),
        presence=_ROCK_7,
        evidence="poke; left edge",
    ),
    Label(
        name="enemy_asteroids_7_y",
        object="enemy_asteroids_7",
        axis="y",
        byte=12,
        decode=Signed(2, 24, 240),
        presence=_ROCK_7,
        evidence="poke; top edge",
    ),
    Label(
        name="enemy_asteroids_8_x",
        object="enemy_asteroids_8",
        axis="x",
        byte=31,
        decode=Nibbles(_COARSE),
        presence=_ROCK_8,
        evidence="poke; left edge",
    ),
    Label(
        name="enemy_asteroids_8_y",
        object="enemy_asteroids_8",
        axis="y",
        byte=13,
        decode=Signed(2, 24, 240),
        presence=_ROCK_8,
        evidence="poke; top edge",
    ),
    Label(
        name="enemy_asteroids_9_x",
        object="enemy_asteroids_9",
        axis="x",
        byte=32,
        decode=Nibbles(_COARSE),
        presence=_ROCK_9,
        evidence="poke; left edge",
    ),
    Label(
        name="enemy_asteroids_9_y",
        object="enemy_asteroids_9",
        axis="y",
        byte=14,
        decode=Signed(2, 24, 240),
        presence=_ROCK_9,
        evidence="poke; top edge",
    ),
    *(
        Label(
            name=f"enemy_asteroids_{rock}_{axis}",
            object=f"enemy_asteroids_{rock}",
            axis=axis,
            byte=byte,
            status="unverified",
            evidence="too rare in random play to be verified",
        )
        for rock, bytes_of_rock in _RARE.items()
        for axis, byte in zip("xy", bytes_of_rock, strict=True)
    ),
)
