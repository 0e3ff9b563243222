"""Names of environments: which of them are Atari games, in the forms people write."""

from __future__ import annotations

import difflib
import re
from functools import cache
from typing import Any

import gymnasium as gym

_ATARI_FORM = re.compile(
    r"^(?P<ale>ALE/)?(?P<name>\w+?)(?P<variant>NoFrameskip|Deterministic)?(?:-ram)?"
    r"(?:-v(?P<version>\d+))?$",
    re.IGNORECASE,
)
_ALES_MODULE = "ale_py:"  # what Gymnasium allows in front of an id


class UnknownEnvironment(ValueError):
    """An environment or game name that nothing answers to; the message lists close matches."""


def atari_game(name: str) -> str | None:
    """Return ALE's spelling of the game in an environment id, or None for other environments.

    An id that is registered, and not by ALE, is that environment, whatever its name looks like.

    Args:
        name: ``"ALE/Pong-v5"``, ``"PongNoFrameskip-v4"``, ``"Pong"``, ``"ms_pacman"`` and so on, in
            upper or lower case.

    Raises:
        UnknownEnvironment: If the form is Atari's (``ALE/...``, ``...NoFrameskip-v4`` or a bare
            word) but no game has that name.

    Example:
        >>> atari_game("ms_pacmanNoFrameskip-v4"), atari_game("Blackjack-v1")
        ('MsPacman', None)
    """
    form = _form(name)
    if form is None or _is_registered_elsewhere(name, form):
        return None
    key = form["name"].lower().replace("_", "")
    games = _atari_names()
    if key in games:
        return games[key]
    is_atari_form = form["ale"] or form["variant"] or form["version"] is None
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


def is_v5_form(name: str) -> bool:
    """Whether an Atari game is named in the form ``ALE/<Game>-v5``."""
    form = _form(name)
    return form is not None and form["ale"] is not None


def registered_id(name: str) -> str:
    """Return the id for :func:`gymnasium.make`: Atari games are known to it in some forms only."""
    game = atari_game(name)
    if game is None or name.removeprefix(_ALES_MODULE) in gym.registry:
        return name
    return f"ALE/{game}-v5"


def _form(name: str) -> re.Match[str] | None:
    return _ATARI_FORM.match(name.removeprefix(_ALES_MODULE))


@cache
def _atari_names() -> dict[str, str]:
    """Map squeezed lower-case game names to ALE's spelling, e.g. mspacman -> MsPacman."""
    ids = (i for i in gym.registry if i.startswith("ALE/") and i.endswith("-v5"))
    names = (i.removeprefix("ALE/").removesuffix("-v5") for i in ids)
    return {name.lower(): name for name in names}


def _is_registered_elsewhere(name: str, form: re.Match[str]) -> bool:
    """Whether the id is registered and not ALE's, also in another case or version."""
    spec = gym.registry.get(name.removeprefix(_ALES_MODULE))
    if spec is not None:
        return not _is_ales(spec)
    if form["ale"] or form["variant"] or form["version"] is None:
        return False
    return _others_are_named(form["name"])


def _others_are_named(name: str) -> bool:
    """Whether an environment that is not ALE's has that name, without namespace and version."""
    name = name.lower()
    specs: Any = gym.registry.values()
    return any(
        spec.namespace is None and spec.name.lower() == name and not _is_ales(spec)
        for spec in specs
    )


def _is_ales(spec: Any) -> bool:
    entry = spec.entry_point
    module = entry if isinstance(entry, str) else getattr(entry, "__module__", None) or ""
    return re.split("[.:]", module)[0] == "ale_py"
