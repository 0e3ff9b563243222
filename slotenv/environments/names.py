"""Environments by name: which are Atari games, in the forms people write, and how all are made."""

import difflib
import importlib.util
import re
import sys
from functools import cache
from typing import Any, NoReturn

import gymnasium as gym

from slotenv.environments.pixels import OLD_API

_ATARI_FORM = re.compile(
    r"^(?P<ale>ALE/)?(?P<name>\w+?)(?P<variant>NoFrameskip|Deterministic)?(?:-ram)?"
    r"(?:-v(?P<version>\d+))?$",
    re.IGNORECASE,
)
_VERSIONS = {True: ("5",), False: ("0", "4", "5")}  # that ALE's ids have had, with ALE/ and without
_SETTINGS = ("mode", "difficulty", "full_action_space", "continuous")  # no preset decides them
_ALES_MODULE = "ale_py:"  # what Gymnasium allows in front of an id
_MODULE_FORMS = ("{}", "{}_env", "{}_envs", "gym_{}")  # how packages of environments are named


class UnknownEnvironment(ValueError):
    """No environment or game has that name; the message lists close matches."""


def atari_game(name: str) -> str | None:
    """Return ALE's spelling of the game in an environment id, or None for other environments.

    An id that is registered, and not by ALE, is that environment, whatever its name looks like.

    Args:
        name: ``"ALE/Pong-v5"``, ``"PongNoFrameskip-v4"``, ``"Pong"``, ``"ms_pacman"`` and so on, in
            upper or lower case.

    Raises:
        UnknownEnvironment: If the form is Atari's (``ALE/...``, ``...NoFrameskip-v4`` or a bare
            word) but no game has that name, or ALE has not had that version of it.

    Example:
        >>> atari_game("ms_pacmanNoFrameskip-v4"), atari_game("Blackjack-v1")
        ('MsPacman', None)
    """
    bare = name.removeprefix(_ALES_MODULE)
    form, spec = _ATARI_FORM.match(bare), gym.registry.get(bare)
    if form is None or (spec is not None and not _is_ales(spec)):
        return None
    is_atari_form = form["ale"] or form["variant"] or form["version"] is None
    if spec is None and not is_atari_form and _others_are_named(form["name"]):
        return None
    key, games = form["name"].lower().replace("_", ""), _atari_names()
    if key in games:
        version, known = form["version"], _VERSIONS[form["ale"] is not None]
        if spec is None and version not in (None, *known):
            raise UnknownEnvironment(
                f"no version v{version} of {name.rpartition('-')[0]}, only "
                f"{' or '.join(f'v{one}' for one in known)}: use ALE/{games[key]}-v5"
            )
        return games[key]
    if not is_atari_form or _others_are_named(form["name"]):
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


def atari_games() -> tuple[str, ...]:
    """Return all of ALE's games, in its spelling, sorted: each is ``ALE/<Game>-v5`` in Gymnasium.

    Example:
        >>> atari_games()[:3]
        ('Adventure', 'AirRaid', 'Alien')
    """
    return tuple(sorted(_atari_names().values()))


def own_settings(env_id: str) -> dict[str, Any]:
    """Return the settings of ALE's that someone registered an id of a game with, such as a mode."""
    spec = gym.registry.get(env_id.removeprefix(_ALES_MODULE))
    given = {} if spec is None or not _is_ales(spec) else spec.kwargs
    return {name: given[name] for name in _SETTINGS if given.get(name) not in (None, False)}


def make(env_id: str, **kwargs: Any) -> gym.Env[Any, Any]:
    """Make an environment with Gymnasium, an Atari game also by names that Gymnasium does not know.

    Raises:
        UnknownEnvironment: If nothing is registered under that name, or it cannot be made.
        TypeError: If it is no environment of Gymnasium's.
    """
    game = atari_game(env_id)
    if game is not None and env_id.removeprefix(_ALES_MODULE) not in gym.registry:
        env_id = f"ALE/{game}-v5"
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
    # The gym that Gymnasium replaces may have been imported, by a package, and know the id.
    registry = getattr(getattr(sys.modules.get("gym"), "envs", None), "registry", ())
    specs = getattr(registry, "env_specs", registry)  # the attribute in releases before 0.26
    if env_id.rpartition(":")[2] in specs:
        raise UnknownEnvironment(
            f"{env_id!r} is registered with the old gym, not with Gymnasium. {OLD_API}"
        ) from error
    module = _module_of(env_id)
    with_frames = [known for known in gym.registry if not known.endswith("-slots-v0")]
    close = difflib.get_close_matches(env_id, with_frames, n=3)
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
    modules = [form.format(word) for form in _MODULE_FORMS]
    unknown = [m for m in modules if m not in sys.modules and m not in sys.stdlib_module_names]
    return next((m for m in unknown if importlib.util.find_spec(m) is not None), None)


@cache
def _atari_names() -> dict[str, str]:
    """Map lower-case game names to ALE's spelling, e.g. mspacman -> MsPacman."""
    ids = (i for i in gym.registry if i.startswith("ALE/") and i.endswith("-v5"))
    names = (i.removeprefix("ALE/").removesuffix("-v5") for i in ids)
    return {name.lower(): name for name in names}


def _others_are_named(name: str) -> bool:
    """Whether an environment that is not ALE's has that name, without namespace and version."""
    specs: Any = gym.registry.values()
    named = [s for s in specs if s.namespace is None and s.name.lower() == name.lower()]
    return not all(map(_is_ales, named))


def _is_ales(spec: Any) -> bool:
    entry = spec.entry_point
    module = entry if isinstance(entry, str) else getattr(entry, "__module__", None) or ""
    return re.split("[.:]", module)[0] == "ale_py"
