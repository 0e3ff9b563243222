"""Encoders that come with the package: one folder a game, found by the game's name.

Everything that takes an encoder folder takes their names, too, without a network. Each folder's
README says how the encoder was made and how accurate it is; ``python -m pretrain upkeep ready``
makes them.
"""

import re
from pathlib import Path

_HERE = Path(__file__).parent


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
        raise ValueError(f"no ready-made encoder {name!r}; {listing()}")
    return _HERE / name


def listing() -> str:
    """Say in a sentence which encoders come with the package."""
    return f"the package has those of {', '.join(names())}" if names() else "the package has none"
