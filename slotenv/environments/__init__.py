"""Environments under a frame preset, by name.

Atari games are accepted in the forms people write: ``ALE/Pong-v5``, ``PongNoFrameskip-v4``,
``Pong``. Anything else is passed to :func:`gymnasium.make`.
"""

from dataclasses import replace
from typing import Any

import ale_py
import gymnasium as gym

from slotenv.environments.atari import AtariStack, make_atari, read_ram, screen_size
from slotenv.environments.names import (
    UnknownEnvironment,
    atari_game,
    atari_games,
    game_key,
    make,
    own_settings,
)
from slotenv.environments.pixels import PixelObservation
from slotenv.frames import SCN, V5, FramePreset, plain

__all__ = [
    "AtariStack",
    "PixelObservation",
    "UnknownEnvironment",
    "atari_game",
    "atari_games",
    "game_key",
    "make_env",
    "own_settings",
    "preset_for",
    "read_ram",
    "resolve_preset",
]

gym.register_envs(ale_py)


def preset_for(env_id: str, preset: str | None = None) -> FramePreset:
    """Return the frame preset for an environment, with the size of its frames.

    Args:
        env_id: Any name that :func:`make_env` takes.
        preset: ``"scn"``, ``"v5"``, ``"plain"``, or None to choose by the form of the name:
            ``ALE/<Game>-v5`` is ``v5``, other forms of an Atari game are ``scn``, anything else
            is ``plain``.

    Raises:
        UnknownEnvironment: If nothing is registered under that name.
        TypeError: If the environment gives no RGB frames.
        ValueError: If the preset does not suit the environment.
    """
    game = atari_game(env_id)
    if preset is None:  # of the names of Atari games, only those in ALE's namespace have a slash
        preset = "plain" if game is None else "v5" if "/" in env_id else "scn"
    if preset == "plain":
        with make(env_id) as env:
            height, width, _ = PixelObservation(env, env_id).observation_space.shape or ()
        return plain(height, width)
    if preset not in ("scn", "v5"):
        raise ValueError(f"preset must be scn, v5 or plain, got {preset!r}")
    if game is None:
        raise ValueError(f"preset {preset!r} is for Atari games, {env_id!r} is none: use 'plain'")
    height, width = screen_size(game)
    return replace(SCN if preset == "scn" else V5, height=height, width=width)


def resolve_preset(env_id: str, preset: FramePreset) -> FramePreset:
    """Return the preset that :func:`make_env` builds an environment under.

    It is ``preset`` itself, unless that takes single emulator frames and the maximum of two alike
    (``max_pool`` None, as ready-made encoders do): then the environment's name says which, as for
    :func:`preset_for`.

    Example:
        >>> either = dataclasses.replace(slotenv.frames.V5, max_pool=None)  # doctest: +SKIP
        >>> resolve_preset("ALE/Pong-v5", either).name  # doctest: +SKIP
        'v5'
        >>> resolve_preset("PongNoFrameskip-v4", either).name  # doctest: +SKIP
        'scn'
    """
    is_open = preset.is_atari and preset.max_pool is None
    return preset_for(env_id) if is_open and atari_game(env_id) is not None else preset


def make_env(
    env_id: str, preset: FramePreset, *, render_mode: str | None = None, **settings: Any
) -> gym.Env[Any, Any]:
    """Build the environment whose observations are the preset's frames, each of them checked.

    A Dict observation with exactly one image becomes that image. A reset with a seed begins the
    same episode each time, also where an episode is a life of a game.

    Args:
        env_id: Atari name in any form, or an id for :func:`gymnasium.make`.
        preset: As :func:`preset_for` gives it, or as ``encoder.preprocess``; see
            :func:`resolve_preset`.
        render_mode: Passed on to :func:`gymnasium.make`.
        **settings: Passed on as well; for Atari games ``mode``, ``difficulty``,
            ``full_action_space``, ``continuous`` and the like. Frame skip and sticky actions are
            the preset's.

    Raises:
        UnknownEnvironment: If nothing is registered under that name.
        TypeError: If the observations are no uint8 RGB frames, the preset is none, or the
            environment has no such setting.
        ValueError: If their size is another than the preset's, a setting is the preset's to decide,
            or the game has no such mode or difficulty.

    Example:
        >>> preset = preset_for("ALE/Pong-v5")  # doctest: +SKIP
        >>> make_env("ALE/Pong-v5", preset, mode=1, difficulty=3)  # doctest: +SKIP
    """
    if not isinstance(preset, FramePreset):
        raise TypeError(
            "make_env needs a FramePreset, such as slotenv.preset_for(env_id) or "
            f"encoder.preprocess, got {type(preset).__name__}"
        )
    preset = resolve_preset(env_id, preset)
    kwargs = settings if render_mode is None else {"render_mode": render_mode, **settings}
    if not preset.is_atari:
        env = make(env_id, **kwargs)
    elif (game := atari_game(env_id)) is not None:
        env = make_atari(game, preset, **{**own_settings(env_id), **kwargs})
    else:
        raise ValueError(f"preset {preset.name!r} is for Atari games, {env_id!r} is none")
    try:
        env = PixelObservation(env, env_id)
        if env.observation_space.shape != preset.shape:
            raise ValueError(
                f"{env_id} gives frames {env.observation_space.shape}, the preset "
                f"{preset.shape}: slotenv.preset_for({env_id!r}) gives one that fits"
            )
    except (TypeError, ValueError):
        env.close()
        raise
    return env
