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

from __future__ import annotations

# game -> object -> axis -> byte. Berzerk's ninth robot has no x byte in AtariARI.
SCN_BYTES: dict[str, dict[str, dict[str, int]]] = {
    "asteroids": {
        "player": {"x": 73, "y": 74},
        "player_missile1": {"x": 83, "y": 86},
        "player_missile2": {"x": 84, "y": 87},
        "enemy_asteroids_0": {"y": 3, "x": 21},
        "enemy_asteroids_1": {"y": 4, "x": 22},
        "enemy_asteroids_2": {"y": 5, "x": 23},
        "enemy_asteroids_3": {"y": 6, "x": 24},
        "enemy_asteroids_4": {"y": 7, "x": 25},
        "enemy_asteroids_5": {"y": 8, "x": 26},
        "enemy_asteroids_6": {"y": 9, "x": 27},
        "enemy_asteroids_7": {"y": 12, "x": 30},
        "enemy_asteroids_8": {"y": 13, "x": 31},
        "enemy_asteroids_9": {"y": 14, "x": 32},
        "enemy_asteroids_10": {"y": 15, "x": 33},
        "enemy_asteroids_11": {"y": 16, "x": 34},
        "enemy_asteroids_12": {"y": 17, "x": 35},
        "enemy_asteroids_13": {"y": 18, "x": 36},
        "enemy_asteroids_14": {"y": 19, "x": 37},
    },
    "berzerk": {
        "player": {"x": 19, "y": 11},
        "player_missile": {"x": 22, "y": 23},
        "robot_missile": {"x": 29, "y": 30},
        "enemy_evilOtto": {"x": 46, "y": 89},
        "enemy_robots_0": {"x": 65, "y": 56},
        "enemy_robots_1": {"x": 66, "y": 57},
        "enemy_robots_2": {"x": 67, "y": 58},
        "enemy_robots_3": {"x": 68, "y": 59},
        "enemy_robots_4": {"x": 69, "y": 60},
        "enemy_robots_5": {"x": 70, "y": 61},
        "enemy_robots_6": {"x": 71, "y": 62},
        "enemy_robots_7": {"x": 72, "y": 63},
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
        "enemy_car_0": {"x": 108},
        "enemy_car_1": {"x": 109},
        "enemy_car_2": {"x": 110},
        "enemy_car_3": {"x": 111},
        "enemy_car_4": {"x": 112},
        "enemy_car_5": {"x": 113},
        "enemy_car_6": {"x": 114},
        "enemy_car_7": {"x": 115},
        "enemy_car_8": {"x": 116},
        "enemy_car_9": {"x": 117},
    },
    "frostbite": {
        "top_row_iceflow": {"x": 34},
        "second_row_iceflow": {"x": 33},
        "third_row_iceflow": {"x": 32},
        "fourth_row_iceflow": {"x": 31},
        "enemy_bear": {"x": 104},
        "player": {"x": 102, "y": 100},
        "enemy_0": {"x": 84},
        "enemy_1": {"x": 85},
        "enemy_2": {"x": 86},
        "enemy_3": {"x": 87},
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
        "enemy_obstacle_0": {"x": 30},
        "enemy_obstacle_1": {"x": 31},
        "enemy_obstacle_2": {"x": 32},
        "enemy_obstacle_3": {"x": 33},
        "diver_or_enemy_missile_0": {"x": 71},
        "diver_or_enemy_missile_1": {"x": 72},
        "diver_or_enemy_missile_2": {"x": 73},
        "diver_or_enemy_missile_3": {"x": 74},
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
        "sprite0": {"y": 20, "x": 79},
        "sprite1": {"y": 21, "x": 80},
        "sprite2": {"y": 22, "x": 81},
        "sprite3": {"y": 23, "x": 82},
        "sprite4": {"y": 24, "x": 83},
        "sprite5": {"y": 25, "x": 84},
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
        "enemy_asteroids_4_x",
        "enemy_asteroids_5_x",
        "enemy_asteroids_6_y",
        "enemy_asteroids_6_x",
        "enemy_asteroids_13_y",
        "enemy_asteroids_13_x",
        "enemy_asteroids_14_y",
        "enemy_asteroids_14_x",
    ),
    "berzerk": (
        "enemy_evilOtto_x",
        "enemy_robots_6_x",
        "enemy_robots_6_y",
        "enemy_robots_7_x",
        "enemy_robots_7_y",
        "enemy_robots_8_y",
    ),
    "bowling": (
        "player_x",
        "player_y",
    ),
    "frostbite": ("enemy_bear_x",),
    "montezumarevenge": (
        "enemy_skull_y",
        "key_monster_x",
        "key_monster_y",
    ),
    "mspacman": (
        "fruit_x",
        "fruit_y",
    ),
    "pong": (
        "player_x",
        "enemy_x",
    ),
    "qbert": ("red_enemy_column",),
    "yarsrevenge": ("enemy_x",),
}

SCN_ENCODED_AXES: dict[str, str] = {"asteroids": "x", "demonattack": "x"}
"""Games where every byte of an axis holds fine motion in the high nibble and coarse motion in the
low one: the raw byte is uncorrelated with the screen (squared correlation at most 0.04)."""

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
"""Kept labels that are no coordinate of anything on the screen, and what they are."""

SCN_UNRESOLVED: dict[str, dict[str, str]] = {
    "yarsrevenge": {"player_missile_x": "on a line with the screen in two thirds of the frames"},
}
"""Kept labels that could not be confirmed on the screen."""
