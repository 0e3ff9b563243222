"""Environments by name: made with Gymnasium, and what is wrong said in words where that fails."""

from __future__ import annotations

import difflib
import importlib.util
import re
import sys
from typing import Any, NoReturn

import gymnasium as gym

from slotenv.environments.names import UnknownEnvironment
from slotenv.environments.pixels import OLD_API

_MODULE_FORMS = ("{}", "{}_env", "{}_envs", "gym_{}")  # how packages of environments are named


def make(env_id: str, **kwargs: Any) -> gym.Env[Any, Any]:
    """Make an environment with Gymnasium.

    Raises:
        UnknownEnvironment: If nothing is registered under that name, or it cannot be made.
        TypeError: If it is no environment of Gymnasium's.
    """
    try:
        return gym.make(env_id, disable_env_checker=True, **kwargs)
    except (gym.error.NameNotFound, gym.error.NamespaceNotFound) as error:
        _say_unknown(env_id, error)
    except (gym.error.Error, ModuleNotFoundError) as error:
        raise UnknownEnvironment(f"cannot make {env_id!r}: {error}") from error
    except TypeError as error:
        if "gymnasium.Env" not in str(error):
            raise
        raise TypeError(f"{env_id} is no gymnasium.Env. {OLD_API}") from error


def _say_unknown(env_id: str, error: Exception) -> NoReturn:
    if _is_old_gyms(env_id):
        raise UnknownEnvironment(
            f"{env_id!r} is registered with the old gym, not with Gymnasium. {OLD_API}"
        ) from error
    module = _module_of(env_id)
    close = difflib.get_close_matches(env_id, gym.registry, n=3)
    raise UnknownEnvironment(
        f"no environment {env_id!r}. "
        + (f"The module {module} may register it: use '{module}:{env_id}'. " if module else "")
        + (f"Closest: {', '.join(close)}. " if close else "")
        + "An environment of a package is named with its module: 'highway_env:highway-fast-v0'."
    ) from error


def _module_of(env_id: str) -> str | None:
    """Return an installed module that is named like the id's first word, not imported so far."""
    word = re.split(r"[^A-Za-z0-9]", env_id)[0].lower()
    if ":" in env_id or not word.isidentifier():
        return None
    for form in _MODULE_FORMS:
        module = form.format(word)
        if module in sys.modules or module in sys.stdlib_module_names:
            continue
        if importlib.util.find_spec(module) is not None:
            return module
    return None


def _is_old_gyms(env_id: str) -> bool:
    """Whether the gym that Gymnasium replaces was imported, by a package, and knows the id."""
    registry = getattr(getattr(sys.modules.get("gym"), "envs", None), "registry", None)
    specs = getattr(registry, "env_specs", registry)  # the attribute in releases before 0.26
    return specs is not None and env_id.rpartition(":")[2] in specs
