"""Pixel labels on the real emulator: change a byte and see the object move, or find it by colour.

A new game brings its poke rows, or a colour finder where the game recomputes the byte at once.
"""

from typing import NamedTuple

import ale_py
import gymnasium as gym
import numpy as np
import pytest

from slotenv.labels import labelled_games, labels_for

pytestmark = pytest.mark.ale

gym.register_envs(ale_py)


class Box(NamedTuple):
    top: int
    bottom: int
    left: int
    right: int
    pixels: int


def box_of(mask, top=0, left=0):
    """Bounds of a mask cut from the screen at (top, left), or None if it is empty."""
    ys, xs = np.nonzero(mask)
    if not len(ys):
        return None
    return Box(ys.min() + top, ys.max() + top, xs.min() + left, xs.max() + left, len(ys))


def packed(frame):
    """One integer a pixel: 0xRRGGBB."""
    red, green, blue = np.moveaxis(frame.astype(np.int32), 2, 0)
    return red << 16 | green << 8 | blue


def find_pong(frame):
    court = packed(frame[34:194])
    colours = {"player": 0x5CBA5C, "enemy": 0xD5824A, "ball": 0xECECEC}
    return {name: box_of(court == colour, top=34) for name, colour in colours.items()}


def find_breakout(frame):
    red = packed(frame[93:193, 8:152]) == 0xC84848
    return {"player": box_of(red[96:], top=189, left=8), "ball": box_of(red[:96], top=93, left=8)}


def find_boxing(frame):
    ring = packed(frame[40:176, 34:126])
    colours = {"player": 0xD6D6D6, "enemy": 0x000000}
    return {name: box_of(ring == colour, top=40, left=34) for name, colour in colours.items()}


FINDERS = {"pong": find_pong, "breakout": find_breakout, "boxing": find_boxing}
GAMES = {"pong": "Pong", "breakout": "Breakout", "boxing": "Boxing"}


def make(game):
    env = gym.make(
        f"ALE/{GAMES[game]}-v5",
        frameskip=1,
        repeat_action_probability=0.0,
        full_action_space=False,
    )
    env.reset(seed=0)
    return env


def play(env, steps, rng):
    """Random actions, each held for four emulator frames, FIRE now and then; draws no frames."""
    ale = env.unwrapped.ale
    codes = ale.getMinimalActionSet()
    for step in range(steps):
        if step % 4 == 0:
            action = codes[1 if step % 40 == 0 else rng.integers(len(codes))]
        ale.act(action)
        if ale.game_over():
            ale.reset_game()
        yield


def record(game, steps=6000, every=5):
    """Labels (n, L), presence (n, L) and found boxes of random play."""
    env, rams, boxes = make(game), [], []
    for i, _ in enumerate(play(env, steps, np.random.default_rng(1))):
        if i > 100 and i % every == 0:
            rams.append(env.unwrapped.ale.getRAM().copy())
            boxes.append(FINDERS[game](env.unwrapped.ale.getScreenRGB()))
    env.close()
    labels = labels_for(game, "pixel")
    return labels, labels.read(np.array(rams, dtype=np.uint8)), boxes


@pytest.fixture(scope="module", params=labelled_games("pixel"))
def recording(request):
    return record(request.param)


def is_whole(game, name, box):
    """Whether nothing clips, covers or stretches the object in the frame."""
    if box is None:
        return False
    height, width = box.bottom - box.top + 1, box.right - box.left + 1
    if game == "boxing":  # arms at rest
        return width in (13, 14)
    sizes = {"ball": (4, 2), "enemy": (16, 4), "player": (16, 4) if game == "pong" else (4, 16)}
    return (height, width) == sizes[name]


def test_decoded_coordinates_are_where_the_colour_is(recording):
    labels, (values, _), boxes = recording
    for column, label in enumerate(labels.labels):
        whole = [is_whole(labels.game, label.object, box[label.object]) for box in boxes]
        found = np.array(
            [
                getattr(box[label.object], "left" if label.axis == "x" else "top")
                for box, ok in zip(boxes, whole, strict=True)
                if ok
            ]
        )
        assert len(found) > 200, label.name
        assert np.ptp(found) > 20, label.name
        error = np.abs(found - values[np.array(whole), column])
        # Boxing's boxers cover each other and lean: a few frames have another edge.
        allowed = 0.02 if labels.game == "boxing" else 0.001
        assert np.mean(error > 2) <= allowed, (label.name, np.unique(error, return_counts=True))


def test_presence_is_whether_the_colour_is_there(recording):
    labels, (values, presence), boxes = recording
    for name in dict.fromkeys(labels.objects):
        columns = [i for i, owner in enumerate(labels.objects) if owner == name]
        assert (presence[:, columns] == presence[:, columns[:1]]).all()
        there = presence[:, columns[0]]
        seen = np.array([box[name] is not None for box in boxes])
        checked = np.ones(len(there), dtype=bool)
        if labels.game == "breakout" and name == "ball":
            # Above and on the paddle's rows the ball has the colour of what it passes.
            row = values[:, labels.names.index("ball_y")]
            checked = ~there | ((row >= 93) & (row <= 185))
        assert np.mean((there != seen)[checked]) < 0.005, name
        if {label.presence for label in labels.labels if label.object == name} != {
            labels_for("boxing", "pixel").labels[0].presence
        }:
            assert 0.1 < there.mean() < 0.99, name


# Bytes that outlive a frame. The others are rewritten before they are drawn and rest on colour.
POKED = [
    ("pong", "ball_x"),
    ("pong", "ball_y"),
    ("breakout", "ball_x"),
    ("breakout", "ball_y"),
    ("boxing", "player_x"),
    ("boxing", "player_y"),
    ("boxing", "enemy_x"),
    ("boxing", "enemy_y"),
]


@pytest.mark.parametrize(("game", "name"), POKED)
def test_a_changed_byte_moves_its_object_by_as_many_pixels(game, name):
    labels = labels_for(game, "pixel")
    column = labels.names.index(name)
    label = labels.labels[column]
    env, tried, moved = make(game), 0, 0
    ale = env.unwrapped.ale

    def look(change):
        ale.restoreState(state)
        ale.setRAM(label.byte, (int(ale.getRAM()[label.byte]) + change) % 256)
        ale.act(0)
        box = FINDERS[game](ale.getScreenRGB())[label.object]
        value = labels.read(np.array(ale.getRAM(), dtype=np.uint8)).values[0, column]
        return box, value

    for i, _ in enumerate(play(env, 4000, np.random.default_rng(2))):
        if i % 50 or i < 200:
            continue
        state = ale.cloneState()
        shift = 8 if i % 100 else -8
        (before, value_before), (after, value_after) = look(0), look(shift)
        ok = is_whole(game, label.object, before) and is_whole(game, label.object, after)
        if ok and value_after - value_before == shift:  # else it hit something
            edge = "left" if label.axis == "x" else "top"
            tried += 1
            moved += abs(getattr(after, edge) - getattr(before, edge) - shift) <= 1
        ale.restoreState(state)
    env.close()
    assert tried >= 8, tried
    assert moved >= 0.9 * tried, (moved, tried)


@pytest.mark.parametrize(
    ("game", "byte", "x_byte", "low", "high"),
    [("pong", 54, 49, 45, 207), ("breakout", 101, 99, 21, 185)],
)
def test_the_ball_is_drawn_exactly_while_its_byte_is_within_bounds(game, byte, x_byte, low, high):
    env = make(game)
    ale = env.unwrapped.ale
    for _ in play(env, 60, np.random.default_rng(3)):
        pass
    state = ale.cloneState()
    drawn = {}
    for value in range(256):
        frames = []
        for x in (120, 128):
            ale.restoreState(state)
            ale.setRAM(byte, value)
            ale.setRAM(x_byte, x)
            ale.act(0)
            frames.append(ale.getScreenRGB().copy())
        drawn[int(ale.getRAM()[byte])] = bool((frames[0] != frames[1]).any())
    env.close()
    # Breakout's bricks (ball rows 57 to 92) hide a ball of their own colour.
    hidden = range(48, 81) if game == "breakout" else ()
    for value, is_drawn in drawn.items():
        if value not in hidden:
            assert is_drawn == (low <= value <= high), value
    assert sum(drawn.values()) > 120
