"""Atari games under a preset."""

from functools import cache
from typing import Any

import gymnasium as gym
import numpy as np
from ale_py import Action
from gymnasium.spaces import Box
from gymnasium.utils import RecordConstructorArgs
from numpy.typing import NDArray

from slotenv.environments.names import make
from slotenv.frames import FramePreset

_NOT_SETTINGS = {  # what gymnasium.make takes and a preset decides -> what to do instead
    "frameskip": "give dataclasses.replace(preset, frame_skip=...)",
    "repeat_action_probability": (
        "give dataclasses.replace(preset, repeat_action_probability=...)"
    ),
    "obs_type": "frames are the colour screen: leave it out",
    "sound_obs": "frames are the screen alone: leave it out",
}


def make_atari(game: str, preset: FramePreset, **kwargs: Any) -> gym.Env[Any, Any]:
    """Make a game, in ALE's spelling, whose frames are those of an Atari preset.

    Raises:
        ValueError: If a setting is the preset's to decide, or the game has no such mode or
            difficulty.
    """
    for name, instead in _NOT_SETTINGS.items():
        if name in kwargs:
            raise ValueError(f"{name} is not a setting of make_env: {instead}")
    switches = ("max_pool", "noop_max", "fire_on_reset", "terminal_on_life_loss")
    stack = {name: getattr(preset, name) for name in switches}
    needs_stack = any(stack.values())
    try:
        env = make(
            f"ALE/{game}-v5",
            frameskip=1 if needs_stack else preset.frame_skip,
            repeat_action_probability=preset.repeat_action_probability or 0.0,
            **kwargs,
        )
    except RuntimeError as error:  # ALE says no more than "Invalid game mode requested"
        if kwargs.keys().isdisjoint(("mode", "difficulty")):
            raise
        raise ValueError(f"{error}. {_choices(game)}") from error
    return AtariStack(env, frame_skip=preset.frame_skip, **stack) if needs_stack else env


@cache
def screen_size(game: str) -> tuple[int, int]:
    """Return rows and columns of a game's frames; not all games have 210 rows."""
    with make(f"ALE/{game}-v5") as env:
        height, width, _ = env.observation_space.shape or ()
    return height, width


def _choices(game: str) -> str:
    """Say which modes and difficulties a game has."""
    with make(f"ALE/{game}-v5") as env:
        ale: Any = env.unwrapped.ale  # type: ignore[attr-defined]
        modes, difficulties = ale.getAvailableModes(), ale.getAvailableDifficulties()
    return (
        f"{game} has modes {', '.join(map(str, modes))} and difficulties "
        f"{', '.join(map(str, difficulties))}"
    )


def read_ram(env: gym.Env[Any, Any]) -> NDArray[np.uint8] | None:
    """Return the 128 bytes of the console's RAM now, or None where there is no emulator."""
    ale = getattr(env.unwrapped, "ale", None)
    return None if ale is None else np.array(ale.getRAM(), dtype=np.uint8)


class AtariStack(
    gym.Wrapper[NDArray[np.uint8], Any, NDArray[np.uint8], Any], RecordConstructorArgs
):
    """What Atari agents are usually trained on, in one wrapper around the bare emulator.

    Equal to ``NoopResetEnv``, ``FireResetEnv``, ``MaxAndSkipEnv`` and ``EpisodicLifeEnv`` of
    Stable-Baselines3 around each other, but for these: frames that nobody sees are not rendered; a
    skip cut short by the end of the game returns the frame on the screen, not an older one; and a
    reset goes on with the next life only right after one was lost and if it has no seed: with a
    seed, a new game begins, the same for the same seed. No-ops are the console's, also in the games
    whose smallest action set has none (Backgammon, VideoCheckers), and actions may be continuous.

    Args:
        env: A game of ALE's with ``frameskip=1`` and ``obs_type="rgb"``.
        frame_skip: Emulator frames for which an action is repeated.
        max_pool: Whether a frame is the pixelwise maximum of the last two emulator frames.
        noop_max: Upper bound of the random number of no-ops, at least one, after a reset; 0: none.
        fire_on_reset: Whether FIRE and the action after it follow the no-ops, in games with FIRE.
        terminal_on_life_loss: Whether an episode ends with a life.

    Raises:
        TypeError: If it is no game of ALE's, or its observations are not the colour screen.
        ValueError: If it skips frames itself.

    Example:
        >>> bare = gym.make("ALE/Breakout-v5", frameskip=1, mode=4)  # doctest: +SKIP
        >>> env = AtariStack(bare, noop_max=30, fire_on_reset=True)  # doctest: +SKIP
    """

    def __init__(
        self,
        env: gym.Env[NDArray[np.uint8], Any],
        *,
        frame_skip: int = 4,
        max_pool: bool = True,
        noop_max: int = 0,
        fire_on_reset: bool = False,
        terminal_on_life_loss: bool = False,
    ) -> None:
        _check_bare(env)
        RecordConstructorArgs.__init__(
            self,
            frame_skip=frame_skip,
            max_pool=max_pool,
            noop_max=noop_max,
            fire_on_reset=fire_on_reset,
            terminal_on_life_loss=terminal_on_life_loss,
        )
        gym.Wrapper.__init__(self, env)
        self.frame_skip, self.max_pool = frame_skip, max_pool
        self._noop_max, self._lives_end = noop_max, terminal_on_life_loss
        actions: list[Action] = env.unwrapped._action_set  # type: ignore[attr-defined]
        fires = fire_on_reset and Action.FIRE in actions
        fire = actions.index(Action.FIRE) if fires else len(actions)
        self._first_actions = actions[fire : fire + 2]
        self._lives = 0
        self._life_lost = False  # with the last step, and the game goes on

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.uint8], dict[str, Any]]:
        """Begin a game, or the next life of the one that goes on."""
        ale = self._ale()
        goes_on = self._life_lost and seed is None and not options
        more: dict[str, Any] = {}
        if goes_on:
            frame, _ = self._skip(Action.NOOP)
        if not goes_on or ale.game_over():
            more = self._begin(seed, options)
            for action in self._first_actions:
                self._act(action)
                if ale.game_over():
                    more = self._begin(seed, options)
            frame = ale.getScreenRGB()
        self._lives, self._life_lost = ale.lives(), False
        return frame, {**more, **self._info()}

    def step(self, action: Any) -> tuple[NDArray[np.uint8], float, bool, bool, dict[str, Any]]:
        """Act for ``frame_skip`` emulator frames."""
        frame, reward = self._skip(action)
        ale = self._ale()
        terminated = bool(ale.game_over(with_truncation=False))
        truncated = bool(ale.game_truncated())
        if self._lives_end:
            lives = ale.lives()
            # In some games no lives are left for a few frames before the game is over.
            lost = 0 < lives < self._lives
            self._life_lost = lost and not (terminated or truncated)
            terminated, self._lives = terminated or lost, lives
        return frame, reward, terminated, truncated, self._info()

    def __getstate__(self) -> dict[str, Any]:
        # A copy has an emulator of its own, whose game has not begun.
        return {**self.__dict__, "_life_lost": False}

    def _begin(self, seed: int | None, options: dict[str, Any] | None) -> dict[str, Any]:
        """Begin a game, with the no-ops."""
        _, info = self.env.reset(seed=seed, options=options)
        noops = self.unwrapped.np_random.integers(1, self._noop_max + 1) if self._noop_max else 0
        for _ in range(noops):
            self._act(Action.NOOP)
            if self._ale().game_over():
                _, info = self.env.reset(seed=seed, options=options)
        return info

    def _skip(self, action: Any) -> tuple[NDArray[np.uint8], float]:
        ale = self._ale()
        reward, before_last = 0.0, None
        for i in range(self.frame_skip):
            reward += self._act(action)
            if ale.game_over():
                before_last = None
                break
            if self.max_pool and i == self.frame_skip - 2:
                before_last = ale.getScreenRGB()
        frame: NDArray[np.uint8] = ale.getScreenRGB()
        if before_last is not None:
            np.maximum(frame, before_last, out=frame)
        return frame, reward

    def _act(self, action: Any) -> float:
        """Play one emulator frame, with the agent's action or one of the console's."""
        atari: Any = self.unwrapped
        if isinstance(action, Action):
            return float(atari.ale.act(action))
        if atari.continuous:  # only its step knows what the numbers mean
            return float(atari.step(action)[1])
        return float(atari.ale.act(atari._action_set[action]))

    def _ale(self) -> Any:
        # Not kept: an emulator cannot be pickled, its environment can.
        return self.unwrapped.ale  # type: ignore[attr-defined]

    def _info(self) -> dict[str, Any]:
        ale = self._ale()
        return {
            "lives": ale.lives(),
            "episode_frame_number": ale.getEpisodeFrameNumber(),
            "frame_number": ale.getFrameNumber(),
        }


def _check_bare(env: gym.Env[Any, Any]) -> None:
    """Raise unless it is a game of ALE's that shows each emulator frame in colour."""
    space, game = env.observation_space, env.unwrapped
    if getattr(game, "ale", None) is None:
        raise TypeError(f"AtariStack is for games of ALE's, got {type(game).__name__}")
    if not isinstance(space, Box) or space.shape[2:] != (3,):
        raise TypeError(
            "AtariStack needs the colour screen alone (obs_type='rgb', sound_obs=False), got "
            f"observations {space}"
        )
    skip = game._frameskip  # type: ignore[attr-defined]
    if skip != 1:
        raise ValueError(
            f"AtariStack repeats actions itself: make the game with frameskip=1, got {skip}"
        )
