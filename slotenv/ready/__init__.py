"""Encoders that come with the package: one folder a game, found by the game's name.

Everything that takes an encoder folder takes their names, too, without a network. Each is for what
``gym.make("ALE/<Game>-v5")`` gives and for the maximum of two frames alike. Each folder's README
says how the encoder was made and, where that could be measured, how accurate it is, and shows what
its slots see; ``python -m pretrain upkeep ready`` makes them.
"""

import difflib
import re
from collections.abc import Iterable
from pathlib import Path

_HERE = Path(__file__).parent
_ALL_ARE_NAMED = 8  # of more, a message names only the closest


def names() -> tuple[str, ...]:
    """Return the names of the encoders in this package, sorted; each is a game's key.

    Example:
        >>> [SlotEncoder.from_pretrained(name) for name in slotenv.ready.names()]  # doctest: +SKIP
    """
    return tuple(sorted(path.parent.name for path in _HERE.glob("*/config.json")))


def find(name: str) -> str | None:
    """Return the encoder that a game's name in any usual form means, None if there is none.

    Example:
        >>> find("ALE/Pong-v5"), find("ms_pacman"), find("someone/pong")
        ('pong', 'mspacman', None)
    """
    bare = re.sub(r"^ale/|(noframeskip|deterministic)?-v\d+$|[_ ]", "", name.lower())
    return bare if bare in names() else None


def folder(name: str) -> Path:
    """Return the folder of an encoder of :func:`names`; another name is a ValueError."""
    if name not in names():
        raise ValueError(f"no ready-made encoder {name!r}; {listing(name)}")
    return _HERE / name


def for_environments(env_names: Iterable[str | None], *, user: str) -> Path:
    """Return the folder of the encoder of the one game that environments show.

    Args:
        env_names: What :func:`slotenv.games.names_of` gives: names of the game in any form that
            :func:`slotenv.environments.atari_game` takes, None for an environment without one.
        user: Name of the class or function that asks, for messages.

    Raises:
        ValueError: If they show something else than one Atari game, or the package has no encoder
            of it; :class:`slotenv.environments.UnknownEnvironment` if no game has such a name.

    Example:
        >>> for_environments(["pong", "ALE/Pong-v5"], user="me").name
        'pong'
    """
    from slotenv.environments import atari_game  # only here: it loads ale_py

    games = set()
    for name in env_names:
        if name is None:
            raise ValueError(
                f"{user} cannot tell which game this environment shows: make it by name, as in "
                'gymnasium.make("ALE/Pong-v5"), or name its encoder: encoder="pong"'
            )
        game = atari_game(name)
        if game is None:
            raise ValueError(
                f"{user} has ready-made encoders of Atari games, and {name} is none: "
                + _how_to_pretrain(name, "mine")
            )
        games.add(game)
    if len(games) != 1:
        raise ValueError(
            f"{user} takes the encoder of one game, and these environments show "
            f"{' and '.join(sorted(games))}: wrap those of each game apart, or name one "
            'encoder for all: encoder="..."'
        )
    (game,) = games
    own = find(game)
    if own is None:
        raise ValueError(
            f"{user}: no encoder of {game} comes with the package: "
            + _how_to_pretrain(f"ALE/{game}-v5", game.lower())
        )
    return folder(own)


def _how_to_pretrain(env_id: str, run: str) -> str:
    return (
        f"pretrain one, python -m pretrain run --env {env_id} --out runs/{run}, and name "
        f'it: encoder="runs/{run}"'
    )


def listing(wanted: str) -> str:
    """Say in a sentence which encoders come with the package: of many, those most like a name."""
    known = names()
    if not known:
        return "the package has none"
    if len(known) <= _ALL_ARE_NAMED:
        return f"the package has those of {', '.join(known)}"
    close = difflib.get_close_matches(wanted.lower(), known, cutoff=0.7)
    most_like = f", closest {', '.join(close)}" if close else ""
    return f"the package has {len(known)}{most_like} (slotenv.ready.names())"
