"""Which environments are in one that was made: itself or those of a vector, here or in processes.

They go by what :func:`slotenv.environments.atari_game` understands: the game that an emulator
plays, or else the id of :func:`gymnasium.make`; None where there is neither.
"""

from collections.abc import Sequence
from typing import Any

import gymnasium as gym

# ale-py's own attribute. A spec cannot replace it: environments made without gymnasium.make have
# none, ids that users register may say anything, and a spec that names a lambda cannot leave the
# process it is in.
_GAME = "_game"


def in_this_process(env: Any) -> Sequence[gym.Env[Any, Any]]:
    """Return the environments that can be looked at: ``env``, or those of a vector; else none.

    ``env`` is a ``gymnasium.Env``; or a ``VectorEnv``, or a ``VecEnv`` of Stable-Baselines3,
    without its wrappers.
    """
    if isinstance(env, gym.Env):
        return [env]
    here = {"SyncVectorEnv", "DummyVecEnv"} & _classes(env)
    envs: Sequence[gym.Env[Any, Any]] = env.envs if here else ()
    return envs


def name_of(env: gym.Env[Any, Any]) -> str | None:
    """Return the name that a single environment goes by."""
    game: str | None = getattr(env.unwrapped, _GAME, None)
    return game or (None if env.spec is None else env.spec.id)


def names_of(env: Any) -> tuple[str | None, ...]:
    """Return the names of all environments in one, each once; those in processes are asked.

    ``env`` is as for :func:`in_this_process`.

    Example:
        >>> names_of(gym.make_vec("ALE/Pong-v5", 8, vectorization_mode="sync"))  # doctest: +SKIP
        ('pong',)
    """
    if envs := in_this_process(env):
        names = [name_of(one) for one in envs]
    elif (spec := getattr(env, "spec", None)) is not None:
        names = [spec.id]
    else:
        names = _asked(env)
    return tuple(dict.fromkeys(names))


def _asked(env: Any) -> list[str | None]:
    """Return the names of environments in processes, which end when asked for what they lack."""
    classes = _classes(env)
    if "AsyncVectorEnv" in classes:
        call = env.call
    elif "SubprocVecEnv" in classes:
        call = env.env_method
    else:
        return [None]
    known = all(call("has_wrapper_attr", _GAME))
    return list(call("get_wrapper_attr", _GAME)) if known else [None]


def _classes(env: Any) -> set[str]:
    """Return the names of an object's classes; what defines them need not be imported here."""
    return {cls.__name__ for cls in type(env).__mro__}
