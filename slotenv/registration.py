"""Ids of Gymnasium's for games that are seen as slots: ``gym.make("slotenv:Pong-slots-v0")``."""

import inspect
from typing import Any

import gymnasium as gym
from gymnasium.vector import AutoresetMode, VectorEnv

from slotenv import ready
from slotenv.environments import atari_games

_HERE = "slotenv.registration"


def register_ids() -> None:
    """Register ``<Game>-slots-v0`` for each game that has a ready-made encoder.

    ``import slotenv`` does this, and registers ale-py's own ids as well. ``Pong-slots-v0`` is
    ``ALE/Pong-v5`` in :class:`slotenv.ObjectSlotObservation`; :func:`gymnasium.make` takes the
    arguments of both.

    Example:
        >>> env = gym.make("Pong-slots-v0", mode=1, motion=True)  # doctest: +SKIP
        >>> envs = gym.make_vec("Pong-slots-v0", 8, hold=True)  # in one batch  # doctest: +SKIP
    """
    have = set(ready.names())
    for game in atari_games():
        if game.lower() in have:
            gym.register(
                f"{game}-slots-v0",
                entry_point=f"{_HERE}:make_slots",
                vector_entry_point=f"{_HERE}:make_slots_vec",
                kwargs={"game": game},
            )


def make_slots(*, game: str, **kwargs: Any) -> gym.Env[Any, Any]:
    """Make a game that is seen as slots.

    Args:
        game: In ALE's spelling, such as ``MsPacman``.
        **kwargs: Those of :class:`slotenv.ObjectSlotObservation`; all others are the game's, such
            as ``mode`` and ``render_mode``.
    """
    from slotenv.wrapper import ObjectSlotObservation  # only here: it loads PyTorch

    slots, games = _sort(kwargs, ObjectSlotObservation)
    env: gym.Env[Any, Any] = gym.make(f"ALE/{game}-v5", disable_env_checker=True, **games)
    return ObjectSlotObservation(env, **slots)


def make_slots_vec(
    num_envs: int,
    *,
    game: str,
    autoreset_mode: str | AutoresetMode = AutoresetMode.NEXT_STEP,
    **kwargs: Any,
) -> VectorEnv[Any, Any, Any]:
    """Make several games of one kind whose frames are encoded in one batch.

    They are :class:`gymnasium.vector.SyncVectorEnv` of what :func:`make_slots` makes, and not
    ale-py's ``AtariVectorEnv``, which has other rules: it clips rewards, for one.

    Args:
        num_envs: How many.
        game: As for :func:`make_slots`.
        autoreset_mode: When an environment starts anew, as for ``SyncVectorEnv``.
        **kwargs: As for :func:`make_slots`.
    """
    from slotenv.vector import ObjectSlotObservation  # only here: it loads PyTorch

    slots, games = _sort(kwargs, ObjectSlotObservation)
    envs = gym.make_vec(
        f"ALE/{game}-v5",
        num_envs,
        vectorization_mode="sync",
        vector_kwargs={"autoreset_mode": autoreset_mode},
        **games,
    )
    return ObjectSlotObservation(envs, **slots)


def _sort(kwargs: dict[str, Any], wrapper: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return which of some arguments are a wrapper's, and all others."""
    taken = inspect.signature(wrapper).parameters.keys() - {"env"}
    slots = {name: value for name, value in kwargs.items() if name in taken}
    return slots, {name: value for name, value in kwargs.items() if name not in taken}
