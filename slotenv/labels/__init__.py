"""Object coordinates read from the console's RAM, as the paper reads them and as the screen shows.

A new game under the ``pixel`` view is one file in ``pixel/``; ``python -m pretrain upkeep labels
check --games <game>`` must pass.
"""

import difflib
import importlib
import pkgutil
from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from slotenv.labels import pixel
from slotenv.labels.base import (
    RAM_SIZE,
    Affine,
    AllOf,
    Always,
    AnyOf,
    ByteWithin,
    Either,
    FirstOfThree,
    Label,
    Modular,
    Nibbles,
    Signed,
    ValueWithin,
)
from slotenv.labels.tables_scn import SCN_BYTES, scn_labels

__all__ = [
    "Affine",
    "AllOf",
    "Always",
    "AnyOf",
    "ByteWithin",
    "Either",
    "FirstOfThree",
    "GameLabels",
    "Label",
    "LabelValues",
    "Modular",
    "Nibbles",
    "Signed",
    "ValueWithin",
    "find_game",
    "labelled_games",
    "labels_for",
]

LABELS: dict[str, dict[str, tuple[Label, ...]]] = {
    "scn": {game: tuple(scn_labels(game)) for game in SCN_BYTES},
    "pixel": {
        game: tuple(
            label
            for screen_object in importlib.import_module(f"{pixel.__name__}.{game}").OBJECTS
            for label in screen_object.labels()
        )
        for _, game, _ in pkgutil.iter_modules(pixel.__path__)
    },
}
"""View to game to labels; a game of the ``pixel`` view is a file in ``pixel/``."""


class LabelValues(NamedTuple):
    """What L labels say at N moments.

    Attributes:
        values: (N, L) coordinates; meaningless while the object is not on the screen.
        presence: (N, L) whether the object is on the screen.
    """

    values: NDArray[np.float64]
    presence: NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class GameLabels:
    """The labels of one game under one view.

    Attributes:
        game: Lower-case game name, e.g. ``"mspacman"``.
        view: ``"scn"`` (raw bytes, as in the paper) or ``"pixel"`` (screen coordinates).
        labels: What is scored, in a fixed order.
        num_objects: The paper's number of slots K: objects it knows, though the labels here may be
            of fewer.
    """

    game: str
    view: str
    labels: tuple[Label, ...]
    num_objects: int

    @property
    def names(self) -> tuple[str, ...]:
        """Name of each label."""
        return tuple(label.name for label in self.labels)

    @property
    def objects(self) -> tuple[str, ...]:
        """Object of each label; an object with two coordinates occurs twice."""
        return tuple(label.object for label in self.labels)

    @property
    def axes(self) -> tuple[str, ...]:
        """Axis of each label."""
        return tuple(label.axis for label in self.labels)

    def read(self, ram: NDArray[np.uint8]) -> LabelValues:
        """Read all labels.

        Args:
            ram: uint8 (128,) for one moment or (N, 128) for many.

        Returns:
            Values and presence, each (N, L); N is 1 for a single moment.

        Raises:
            TypeError: If ``ram`` is not a uint8 array.
            ValueError: If it has another shape.

        Example:
            >>> labels_for("pong", view="pixel").read(read_ram(env)).values  # doctest: +SKIP
        """
        if not isinstance(ram, np.ndarray) or ram.dtype != np.uint8:
            kind = f"{type(ram).__name__} of dtype {getattr(ram, 'dtype', None)}"
            raise TypeError(f"labels need the RAM as a uint8 array, got {kind}")
        if ram.ndim not in (1, 2) or ram.shape[-1] != RAM_SIZE:
            raise ValueError(
                f"labels need RAM of shape ({RAM_SIZE},) or (N, {RAM_SIZE}), got {ram.shape}"
            )
        wide = np.atleast_2d(ram).astype(np.int16)  # arithmetic on uint8 would wrap around
        values = [label.decode(wide, label.byte) for label in self.labels]
        presence = [label.presence(wide) for label in self.labels]
        return LabelValues(np.stack(values, axis=1), np.stack(presence, axis=1))


def labels_for(game: str, view: str = "scn") -> GameLabels:
    """Return the labels of a game.

    Args:
        game: A key (``"pong"``, ``"mspacman"``) or an Atari id in any form (``"ALE/Pong-v5"``).
        view: ``"scn"``: the raw bytes the paper scores, with the kept list frozen; comparable with
            the paper. ``"pixel"``: screen coordinates and presence; comparable with the screen.

    Raises:
        ValueError: If the game is not labelled or has no such view; the message lists what there
            is.

    Example:
        >>> labels_for("pong").names
        ('player_y', 'enemy_y', 'ball_x', 'ball_y')
    """
    key = find_game(game, LABELS["scn"].keys() | LABELS["pixel"].keys(), what="labels")
    have = labelled_games(view)
    if key not in have:
        other = "scn" if view == "pixel" else "pixel"
        raise ValueError(
            f"no {view!r} labels for {key!r} yet (view={other!r} has it), only for "
            f"{', '.join(have)}"
        )
    labels = LABELS[view][key]
    # The paper counts objects that the labels may leave out.
    objects = SCN_BYTES.get(key) or {label.object for label in labels}
    return GameLabels(game=key, view=view, labels=labels, num_objects=len(objects))


def labelled_games(view: str = "scn") -> list[str]:
    """Return the keys of all games with labels under a view, sorted."""
    if view not in LABELS:
        raise ValueError(f"view must be one of {', '.join(LABELS)}, got {view!r}")
    return sorted(LABELS[view])


def find_game(game: str, known: Collection[str], *, what: str) -> str:
    """Return the key of a game given in any form.

    Args:
        game: A key or an Atari id.
        known: The keys there are.
        what: What they have, for the message.

    Raises:
        ValueError: If it is none of them; the message lists the closest, or all.
    """
    if game in known:
        return game
    # Imported here: reading labels by key needs NumPy only.
    from slotenv.environments import UnknownEnvironment, game_key

    try:
        key = game_key(game)
    except UnknownEnvironment:
        key = None
    if key in known:
        return str(key)
    squeezed = (key or game).lower().replace("_", "")
    close = difflib.get_close_matches(squeezed, known, n=3, cutoff=0.5)
    hint = f"closest: {', '.join(close)}" if close else f"there are {', '.join(sorted(known))}"
    raise ValueError(f"no {what} for {game!r}; {hint}")
