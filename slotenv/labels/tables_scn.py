"""The paper's labels: which RAM byte AtariARI names what, and which of them are kept.

The bytes are those of AtariARI (https://github.com/mila-iqia/atari-representation-learning,
``ram_annotations.py``), regrouped by object. Its licence:

    MIT License. Copyright (c) 2019 Ankesh Anand.

    Permission is hereby granted, free of charge, to any person obtaining a copy of this software
    and associated documentation files (the "Software"), to deal in the Software without
    restriction, including without limitation the rights to use, copy, modify, merge, publish,
    distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the
    Software is furnished to do so, subject to the following conditions:

    The above copyright notice and this permission notice shall be included in all copies or
    substantial portions of the Software.

    THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING
    BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND
    NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM,
    DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
    OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.

The paper drops a label when the histogram of its values has less than 0.6 nats of entropy, which
depends on the sample. Here the outcome is frozen, from 50,000 steps of random play per game.
"""

from collections.abc import Iterator

from slotenv.labels.base import Label, Status

# game -> object -> axis -> byte. Berzerk's ninth robot has no x byte in AtariARI.
SCN_BYTES: dict[str, dict[str, dict[str, int]]] = {
    "asteroids": {
        "player": {"x": 73, "y": 74},
        "player_missile1": {"x": 83, "y": 86},
        "player_missile2": {"x": 84, "y": 87},
        **{
            f"enemy_asteroids_{i}": {"y": y, "x": y + 18}
            for i, y in enumerate((*range(3, 10), *range(12, 20)))
        },
    },
    "berzerk": {
        "player": {"x": 19, "y": 11},
        "player_missile": {"x": 22, "y": 23},
        "robot_missile": {"x": 29, "y": 30},
        "enemy_evilOtto": {"x": 46, "y": 89},
        **{f"enemy_robots_{i}": {"x": 65 + i, "y": 56 + i} for i in range(8)},
        "enemy_robots_8": {"y": 64},
    },
    "bowling": {
        "ball": {"x": 30, "y": 41},
        "player": {"x": 29, "y": 40},
    },
    "boxing": {
        "player": {"x": 32, "y": 34},
        "enemy": {"x": 33, "y": 35},
    },
    "breakout": {
        "ball": {"x": 99, "y": 101},
        "player": {"x": 72},
    },
    "demonattack": {
        "player": {"x": 22},
        "enemy1": {"x": 17, "y": 69},
        "enemy2": {"x": 18, "y": 70},
        "enemy3": {"x": 19, "y": 71},
        "missile": {"y": 21},
    },
    "freeway": {
        "player": {"y": 14},
        **{f"enemy_car_{i}": {"x": 108 + i} for i in range(10)},
    },
    "frostbite": {
        "top_row_iceflow": {"x": 34},
        "second_row_iceflow": {"x": 33},
        "third_row_iceflow": {"x": 32},
        "fourth_row_iceflow": {"x": 31},
        "enemy_bear": {"x": 104},
        "player": {"x": 102, "y": 100},
        **{f"enemy_{i}": {"x": 84 + i} for i in range(4)},
    },
    "hero": {
        "player": {"x": 27, "y": 31},
    },
    "montezumarevenge": {
        "player": {"x": 42, "y": 43},
        "enemy_skull": {"x": 47, "y": 46},
        "key_monster": {"x": 44, "y": 45},
    },
    "mspacman": {
        "enemy_sue": {"x": 6, "y": 12},
        "enemy_inky": {"x": 7, "y": 13},
        "enemy_pinky": {"x": 8, "y": 14},
        "enemy_blinky": {"x": 9, "y": 15},
        "player": {"x": 10, "y": 16},
        "fruit": {"x": 11, "y": 17},
    },
    "pitfall": {
        "player": {"x": 97, "y": 105},
        "enemy_logs": {"x": 98},
        "enemy_scorpion": {"x": 99},
        "bottom_of_rope": {"y": 18},
    },
    "pong": {
        "player": {"y": 51, "x": 46},
        "enemy": {"y": 50, "x": 45},
        "ball": {"x": 49, "y": 54},
    },
    "privateeye": {
        "player": {"x": 63, "y": 86},
        "dove": {"x": 48, "y": 39},
    },
    "qbert": {
        "player": {"x": 43, "y": 67},
        "player_column": {"column": 35},
        "red_enemy_column": {"column": 69},
        "green_enemy_column": {"column": 105},
    },
    "riverraid": {
        "player": {"x": 51},
        "missile": {"x": 117, "y": 50},
    },
    "seaquest": {
        "player": {"x": 70, "y": 97},
        "player_missile": {"x": 103},
        **{f"enemy_obstacle_{i}": {"x": 30 + i} for i in range(4)},
        **{f"diver_or_enemy_missile_{i}": {"x": 71 + i} for i in range(4)},
    },
    "spaceinvaders": {
        "player": {"x": 28},
        "enemies": {"x": 26, "y": 24},
        "missiles": {"y": 9},
    },
    "tennis": {
        "enemy": {"x": 27, "y": 25},
        "ball": {"x": 16, "y": 17},
        "player": {"x": 26, "y": 24},
    },
    "venture": {
        **{f"sprite{i}": {"y": 20 + i, "x": 79 + i} for i in range(6)},
        "player": {"x": 85, "y": 26},
    },
    "videopinball": {
        "ball": {"x": 67, "y": 68},
        "player_left_paddle": {"y": 98},
        "player_right_paddle": {"y": 102},
    },
    "yarsrevenge": {
        "player": {"x": 32, "y": 31},
        "player_missile": {"x": 38, "y": 37},
        "enemy": {"x": 43, "y": 42},
        "enemy_missile": {"x": 47, "y": 46},
    },
}

SCN_FILTERED_OUT: dict[str, tuple[str, ...]] = {
    "asteroids": (
        *(f"enemy_asteroids_{i}_x" for i in (4, 5, 6, 13, 14)),
        *(f"enemy_asteroids_{i}_y" for i in (6, 13, 14)),
    ),
    "berzerk": (
        "enemy_evilOtto_x",
        *(f"enemy_robots_{i}_x" for i in (6, 7)),
        *(f"enemy_robots_{i}_y" for i in (6, 7, 8)),
    ),
    "bowling": ("player_x", "player_y"),
    "frostbite": ("enemy_bear_x",),
    "montezumarevenge": ("enemy_skull_y", "key_monster_x", "key_monster_y"),
    "mspacman": ("fruit_x", "fruit_y"),
    "pong": ("player_x", "enemy_x"),
    "qbert": ("red_enemy_column",),
    "yarsrevenge": ("enemy_x",),
}

SCN_ENCODED_AXES: dict[str, str] = {"asteroids": "x", "demonattack": "x"}
"""Games where the bytes of an axis are in nibbles: a raw byte is uncorrelated with the screen
(squared correlation at most 0.04)."""

SCN_NOT_POSITION: dict[str, dict[str, str]] = {
    "berzerk": {"enemy_evilOtto_y": "three values though Otto never appears; moves nothing"},
    "pitfall": {"bottom_of_rope_y": "recomputed every frame, varies when no rope is drawn"},
    "privateeye": {"player_y": "derived and coarse (21 levels); byte 97 is the coordinate"},
    "spaceinvaders": {
        "enemies_y": "changes shapes, never the position; byte 16 is the coordinate",
        "missiles_y": "scratch that alternates between bullets; bytes 81, 82 and 85 are the y's",
    },
    "tennis": {"ball_y": "height above the ground; byte 54 is the coordinate"},
    "videopinball": {
        "player_left_paddle_y": "state of the flipper, four values",
        "player_right_paddle_y": "state of the flipper, four values",
    },
}
"""Kept labels that are not a coordinate of anything on the screen, and what they are."""

SCN_UNRESOLVED: dict[str, dict[str, str]] = {
    "yarsrevenge": {"player_missile_x": "on a line with the screen in two thirds of the frames"},
}
"""Kept labels that could not be confirmed on the screen."""


def scn_labels(game: str) -> Iterator[Label]:
    """Yield the labels of a game that the paper keeps."""
    for owner, bytes_by_axis in SCN_BYTES[game].items():
        for axis, byte in bytes_by_axis.items():
            # AtariARI's "..._column" labels are objects by themselves.
            name = owner if axis == "column" else f"{owner}_{axis}"
            if name not in SCN_FILTERED_OUT.get(game, ()):
                status, evidence = _status(game, name, axis)
                yield Label(
                    name=name, object=owner, axis=axis, byte=byte, status=status, evidence=evidence
                )


def _status(game: str, name: str, axis: str) -> tuple[Status, str]:
    if SCN_ENCODED_AXES.get(game) == axis:
        return "encoded", "fine motion in the high nibble, coarse motion in the low one"
    if sentence := SCN_NOT_POSITION.get(game, {}).get(name):
        return "not_position", sentence
    if sentence := SCN_UNRESOLVED.get(game, {}).get(name):
        return "unresolved", sentence
    return "position", "moves its object when changed, or regresses on the object found by colour"
