"""Both views of every labelled game, looked up by name."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Collection, Iterator

from slotenv.labels import pixel
from slotenv.labels.base import GameLabels, Label, Status
from slotenv.labels.tables_scn import (
    SCN_BYTES,
    SCN_ENCODED_AXES,
    SCN_FILTERED_OUT,
    SCN_NOT_POSITION,
    SCN_UNRESOLVED,
)

VIEWS = ("scn", "pixel")

PIXEL_LABELS: dict[str, tuple[Label, ...]] = {
    game: tuple(
        label
        for screen_object in importlib.import_module(f"{pixel.__name__}.{game}").OBJECTS
        for label in screen_object.labels()
    )
    for _, game, _ in pkgutil.iter_modules(pixel.__path__)
}
"""All labels of each file in ``pixel/``, by game, those of status ``unverified`` too."""


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
    key = find_game(game, SCN_BYTES.keys() | PIXEL_LABELS.keys(), what="labels")
    have = labelled_games(view)
    if key not in have:
        other = "scn" if view == "pixel" else "pixel"
        raise ValueError(
            f"no {view!r} labels for {key!r} yet (view={other!r} has it), only for "
            f"{', '.join(have)}"
        )
    if view == "pixel":
        labels = tuple(label for label in PIXEL_LABELS[key] if label.status != "unverified")
    else:
        labels = tuple(_scn_labels(key))
    # The paper counts objects that the screen's view may leave out.
    objects = SCN_BYTES.get(key) or {label.object for label in labels}
    return GameLabels(game=key, view=view, labels=labels, num_objects=len(objects))


def labelled_games(view: str = "scn") -> list[str]:
    """Return the keys of all games with labels under a view, sorted."""
    if view not in VIEWS:
        raise ValueError(f"view must be one of {', '.join(VIEWS)}, got {view!r}")
    return sorted(PIXEL_LABELS if view == "pixel" else SCN_BYTES)


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


def _scn_labels(game: str) -> Iterator[Label]:
    dropped = SCN_FILTERED_OUT.get(game, ())
    for object_name, bytes_by_axis in SCN_BYTES[game].items():
        for axis, byte in bytes_by_axis.items():
            # AtariARI's "..._column" labels are objects by themselves.
            name = object_name if axis == "column" else f"{object_name}_{axis}"
            if name not in dropped:
                status, evidence = _scn_status(game, name, axis)
                yield Label(
                    name=name,
                    object=object_name,
                    axis=axis,
                    byte=byte,
                    status=status,
                    evidence=evidence,
                )


def _scn_status(game: str, name: str, axis: str) -> tuple[Status, str]:
    if SCN_ENCODED_AXES.get(game) == axis:
        return "encoded", "fine motion in the high nibble, coarse motion in the low one"
    if sentence := SCN_NOT_POSITION.get(game, {}).get(name):
        return "not_position", sentence
    if sentence := SCN_UNRESOLVED.get(game, {}).get(name):
        return "unresolved", sentence
    return "position", "moves its object when changed, or regresses on the object found by colour"
