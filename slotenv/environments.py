"""Environments under a frame preset: one stack shared by collection, probing and examples.

Atari games are accepted in the forms people write: ``ALE/Pong-v5``, ``PongNoFrameskip-v4``,
``Pong``. Anything else is passed to :func:`gymnasium.make`.
"""

from __future__ import annotations

import difflib
import re
from functools import cache
from typing import Any

import ale_py
import gymnasium as gym
import numpy as np
from gymnasium.spaces import Box
from numpy.typing import NDArray

from slotenv.frames import SCN, V5, FramePreset, plain

gym.register_envs(ale_py)

_ATARI_FORM = re.compile(
    r"^(?:ALE/)?(?P<name>\w+?)(?P<variant>NoFrameskip|Deterministic)?(?:-ram)?(?:-v(?P<version>\d+))?$"
)


class UnknownEnvironment(ValueError):
    """An environment or game name that nothing answers to; the message lists close matches."""


@cache
def _atari_names() -> dict[str, str]:
    """Map squeezed lower-case game names to ALE's spelling, e.g. mspacman -> MsPacman."""
    ids = (i for i in gym.registry if i.startswith("ALE/") and i.endswith("-v5"))
    names = (i.removeprefix("ALE/").removesuffix("-v5") for i in ids)
    return {name.lower(): name for name in names}


def atari_game(name: str) -> str | None:
    """Return ALE's spelling of the game in an environment id, or None for other environments.

    Args:
        name: ``"ALE/Pong-v5"``, ``"PongNoFrameskip-v4"``, ``"Pong"``, ``"ms_pacman"`` and so on.

    Raises:
        UnknownEnvironment: If the form is Atari's (``ALE/...``, ``...NoFrameskip-v4`` or a bare
            word) but no game has that name.

    Example:
        >>> atari_game("ms_pacmanNoFrameskip-v4"), atari_game("CarRacing-v3")
        ('MsPacman', None)
    """
    match = _ATARI_FORM.match(name)
    if match is None:
        return None
    key = match["name"].lower().replace("_", "")
    games = _atari_names()
    if key in games:
        return games[key]
    is_atari_form = name.startswith("ALE/") or match["variant"] or match["version"] is None
    if not is_atari_form:
        return None
    close = difflib.get_close_matches(key, games, n=3, cutoff=0.5)
    raise UnknownEnvironment(
        f"no Atari game {name!r}. "
        + (f"Closest: {', '.join(games[c] for c in close)}." if close else "Try ALE/Pong-v5.")
    )


def game_key(name: str) -> str | None:
    """Return the lower-case game name that label tables use (``"mspacman"``), or None."""
    game = atari_game(name)
    return None if game is None else game.lower()


def preset_for(env_id: str, preset: str | None = None) -> FramePreset:
    """Return the frame preset for an environment.

    Args:
        env_id: Any name that :func:`make_env` takes.
        preset: ``"scn"``, ``"v5"``, ``"plain"``, or None to choose by the form of the name:
            ``ALE/<Game>-v5`` is ``v5``, other forms of an Atari game are ``scn``, anything else
            is ``plain``.

    Raises:
        ValueError: If the preset does not suit the environment or its frames are no RGB frames.
    """
    game = atari_game(env_id)
    if preset is None:
        preset = "plain" if game is None else "v5" if env_id.startswith("ALE/") else "scn"
    if preset in ("scn", "v5"):
        if game is None:
            raise ValueError(
                f"preset {preset!r} is for Atari games, {env_id!r} is none: use 'plain'"
            )
        return SCN if preset == "scn" else V5
    if preset != "plain":
        raise ValueError(f"preset must be scn, v5 or plain, got {preset!r}")
    env = _make(env_id)
    try:
        return plain(*_rgb_shape(env, env_id))
    finally:
        env.close()


def make_env(
    env_id: str, preset: FramePreset, *, render_mode: str | None = None
) -> gym.Env[Any, Any]:
    """Build the environment whose observations are the preset's frames.

    Args:
        env_id: Atari name in any form, or an id for :func:`gymnasium.make`.
        preset: As :func:`preset_for` gives it, or as ``encoder.preprocess``.
        render_mode: Passed on to :func:`gymnasium.make`.

    Returns:
        An environment with observations uint8 (height, width, 3).

    Raises:
        UnknownEnvironment: If nothing is registered under that name.
        TypeError: If the observations are no uint8 RGB frames.
        ValueError: If their size is another than the preset's.
    """
    if preset.name == "plain":
        env = _make(env_id, render_mode=render_mode)
        if _rgb_shape(env, env_id) != (preset.height, preset.width):
            raise ValueError(
                f"{env_id} gives frames {env.observation_space.shape}, the preset {preset.shape}"
            )
        return env
    game = atari_game(env_id)
    if game is None:
        raise ValueError(f"preset {preset.name!r} is for Atari games, {env_id!r} is none")
    if preset.name == "v5":
        return _make(f"ALE/{game}-v5", render_mode=render_mode)
    return _scn_stack(game, preset, render_mode)


def read_ram(env: gym.Env[Any, Any]) -> NDArray[np.uint8] | None:
    """Return the 128 bytes of the console's RAM now, or None where there is no emulator."""
    ale = getattr(env.unwrapped, "ale", None)
    return None if ale is None else np.array(ale.getRAM(), dtype=np.uint8)


class MaxAndSkip(gym.Wrapper[NDArray[np.uint8], int, NDArray[np.uint8], int]):
    """Repeat an action and return the pixelwise maximum of the last two frames.

    Equal to Stable-Baselines3's ``MaxAndSkipEnv`` but for two things: frames that nobody sees are
    not rendered, and a skip cut short by the end of the game returns the frame on the screen
    instead of an older one.
    """

    def __init__(self, env: gym.Env[NDArray[np.uint8], int], skip: int = 4) -> None:
        super().__init__(env)
        self._skip = skip

    def step(self, action: int) -> tuple[NDArray[np.uint8], float, bool, bool, dict[str, Any]]:
        """Act for ``skip`` emulator frames."""
        atari: Any = self.unwrapped  # not kept: an emulator cannot be pickled, its environment can
        ale, code = atari.ale, atari._action_set[action]
        reward, before_last = 0.0, None
        for i in range(self._skip):
            reward += ale.act(code)
            if ale.game_over():
                before_last = None
                break
            if i == self._skip - 2:
                before_last = ale.getScreenRGB()
        frame: NDArray[np.uint8] = ale.getScreenRGB()
        if before_last is not None:
            np.maximum(frame, before_last, out=frame)
        truncated = bool(ale.game_truncated())
        terminated = bool(ale.game_over(with_truncation=False))
        info = {
            "lives": ale.lives(),
            "episode_frame_number": ale.getEpisodeFrameNumber(),
            "frame_number": ale.getFrameNumber(),
        }
        return frame, reward, terminated, truncated, info


def _scn_stack(game: str, preset: FramePreset, render_mode: str | None) -> gym.Env[Any, Any]:
    # Imported here: SB3 pulls torch in, which a process that only asks for names need not pay.
    from stable_baselines3.common.atari_wrappers import EpisodicLifeEnv, FireResetEnv, NoopResetEnv

    env = _make(
        f"ALE/{game}-v5",
        frameskip=1,
        repeat_action_probability=preset.repeat_action_probability,
        full_action_space=False,
        render_mode=render_mode,
    )
    if preset.noop_max:
        env = NoopResetEnv(env, noop_max=preset.noop_max)
    meanings = env.unwrapped.get_action_meanings()  # type: ignore[attr-defined]
    if preset.fire_on_reset and len(meanings) >= 3 and meanings[1] == "FIRE":
        env = FireResetEnv(env)
    env = MaxAndSkip(env, preset.frame_skip)
    return EpisodicLifeEnv(env) if preset.terminal_on_life_loss else env


def _make(env_id: str, **kwargs: Any) -> gym.Env[Any, Any]:
    try:
        return gym.make(env_id, disable_env_checker=True, **kwargs)
    except gym.error.NameNotFound as error:
        close = difflib.get_close_matches(env_id, gym.registry, n=3)
        hint = f"Closest: {', '.join(close)}." if close else "An own one: 'module:Id-v0'."
        raise UnknownEnvironment(f"no environment {env_id!r}. {hint}") from error
    except (gym.error.Error, ModuleNotFoundError) as error:
        raise UnknownEnvironment(f"cannot make {env_id!r}: {error}") from error


def _rgb_shape(env: gym.Env[Any, Any], env_id: str) -> tuple[int, int]:
    space = env.observation_space
    if isinstance(space, Box) and space.dtype == np.uint8 and len(space.shape) == 3:
        height, width, channels = space.shape
        if channels == 3:
            return height, width
    raise TypeError(
        f"{env_id} gives observations {space}; slotenv needs uint8 frames (H, W, 3). Register the "
        "environment with gymnasium.wrappers.AddRenderObservation around it to see renderings."
    )
