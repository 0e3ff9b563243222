"""Players that choose the actions of a collection: random, or scripted from the true coordinates.

A scripted player reads from the console's RAM where the objects are and follows a rule of a few
lines. Its frames are those of better play, which random play may never come to. One step in twenty
it acts at random, so that its games differ.
"""

from collections.abc import Callable, Mapping
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from slotenv.environments import game_key
from slotenv.labels import GameLabels, labels_for

Player = Callable[[NDArray[np.uint8] | None], Any]
"""From the RAM now, uint8 (128,) or None where there is no emulator, to an action."""

Seen = Mapping[str, float]
"""Pixel coordinates by the name of their label, of the objects that are on the screen."""

Rule = Callable[[Seen, Seen, str], str]
"""From what is seen now, what was seen a step before and the meaning of the last action, ``"NOOP"``
at the start, to the meaning of the next."""

PLAYERS = ("random", "scripted")
_RANDOM_SHARE = 0.05  # of the steps of a scripted player
_PONG_COLUMN = 140.0  # of the paddle's front
_PONG_ROWS = 34.0, 190.0  # between which the ball's top edge is


def check_player(player: str, env_id: str) -> None:
    """Raise ValueError unless there is such a player, and it can play this environment."""
    if player not in PLAYERS:
        raise ValueError(f"player must be one of {', '.join(PLAYERS)}, got {player!r}")
    if player == "scripted" and game_key(env_id) not in RULES:
        raise ValueError(
            f"there is no scripted player of {env_id}: there is one of {', '.join(RULES)}. "
            "player='random' plays everything."
        )


def make_player(player: str, env: gym.Env[Any, Any], env_id: str, seed: int) -> Player:
    """Return a player of an environment, whose actions follow from the seed and what it sees.

    Args:
        player: ``"random"``, uniform over the action space, or ``"scripted"``, which
            :func:`check_player` has allowed.
        env: What is played.
        env_id: Its name, as given by the user.
        seed: Seed of everything random about the player.
    """
    if player == "random":
        env.action_space.seed(seed)
        return lambda ram: env.action_space.sample()
    game = str(game_key(env_id))
    meanings = env.unwrapped.get_action_meanings()  # type: ignore[attr-defined]
    return ScriptedPlayer(RULES[game], labels_for(game, "pixel"), meanings, seed)


class ScriptedPlayer:
    """Plays by a rule, now and then at random.

    Args:
        rule: Chooses the action where chance does not.
        labels: Where the coordinates are read.
        meanings: Meaning of each action, e.g. ``"UPFIRE"``.
        seed: Decides when it acts at random, and how.
    """

    def __init__(self, rule: Rule, labels: GameLabels, meanings: list[str], seed: int) -> None:
        self._rule, self._labels, self._meanings = rule, labels, meanings
        self._rng = np.random.default_rng(seed)
        self._before: Seen = {}
        self._last = "NOOP"

    def __call__(self, ram: NDArray[np.uint8] | None) -> int:
        """Choose an action; TypeError if there is no RAM to read."""
        if ram is None:
            raise TypeError("a scripted player reads the console's RAM, this environment has none")
        values, presence = self._labels.read(ram)
        of_label = zip(self._labels.names, values[0].tolist(), presence[0].tolist(), strict=True)
        seen = {name: value for name, value, there in of_label if there}
        if self._rng.random() < _RANDOM_SHARE:
            action = int(self._rng.integers(len(self._meanings)))
        else:
            action = self._meanings.index(self._rule(seen, self._before, self._last))
        self._before, self._last = seen, self._meanings[action]
        return action


def play_pong(seen: Seen, before: Seen, last: str) -> str:
    """Go where the ball will come, reflected by the walls; along with it while it goes away."""
    if "ball_y" not in seen:
        return "FIRE"
    if "ball_y" not in before:
        return "NOOP"
    right, down, slide = (seen[name] - before[name] for name in ("ball_x", "ball_y", "player_y"))
    ball = seen["ball_y"]
    if right > 0:
        row = ball + down * (_PONG_COLUMN - seen["ball_x"]) / right  # if there were no walls
        low, high = _PONG_ROWS
        beyond = (row - low) % (2 * (high - low))
        ball = low + min(beyond, 2 * (high - low) - beyond)
    # One press moves the paddle by 22 rows: 10 in its step, 10 in the next and 2 after that.
    pressed = 1 if last.startswith("LEFT") else -1 if last.startswith("RIGHT") else 0
    paddle = seen["player_y"] + 9.5 * pressed + 0.25 * slide  # where it comes to rest
    below = (ball + 2) - (paddle + 8)  # of middles; 4 and 16 pixels high
    if abs(below) <= 10:  # it hits the ball, and half a press there is not
        return "NOOP"
    return "LEFT" if below > 0 else "RIGHT"  # as the game names down and up


def play_breakout(seen: Seen, before: Seen, last: str) -> str:
    """Hold the middle of the paddle at the ball's column; serve when there is no ball."""
    if "ball_x" not in seen:
        return "FIRE"
    beside = (seen["ball_x"] + 1) - (seen["player_x"] + 8)  # of middles; 2 and 16 pixels wide
    if abs(beside) <= 2:
        return "NOOP"
    return "RIGHT" if beside > 0 else "LEFT"


def play_freeway(seen: Seen, before: Seen, last: str) -> str:
    """Walk up, whatever comes: a car that hits costs less time than waiting for it."""
    return "UP"


def play_boxing(seen: Seen, before: Seen, last: str) -> str:
    """Come close, stand a little lower than the opponent, and punch.

    The gloves are at the outer ends of the body and the head is in its middle, so a punch from the
    same row goes past the head. From below more of them hit than from above.
    """
    right, higher = seen["enemy_x"] - seen["player_x"], seen["player_y"] - seen["enemy_y"]
    row = "UP" if higher > 17 else "DOWN" if higher < 9 else ""
    column = ""
    if not 6 <= abs(right) <= 16:
        column = "RIGHT" if (right > 0) == (abs(right) > 16) else "LEFT"
    return row + column or "FIRE"


RULES: dict[str, Rule] = {
    "boxing": play_boxing,
    "breakout": play_breakout,
    "freeway": play_freeway,
    "pong": play_pong,
}
"""Rule of each game that has a scripted player."""
