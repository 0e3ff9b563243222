"""Read boxes of objects from recorded RAM with OCAtari: a script for an environment that has it.

:mod:`pretrain.upkeep.ocatari` runs it with a file to write, the name of a game and a file to read,
both of NumPy arrays. What is read has ``ram`` (N, 128) and ``episode`` (N,). What is written has
``rows`` (M, 7) of frame, place in OCAtari's list, kind, left, top, width and height; the names
``kinds``; and ``hud``, which kinds are no part of the play, such as scores. With a file to write
alone, that has the names of all ``games``.
"""

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray


def read_boxes(
    game: str, ram: NDArray[np.uint8], episode: NDArray[np.int64], *, hud: bool
) -> dict[str, Any]:
    """Return the arrays that are written; without ``hud``, scores and the like are left out."""
    # Here: where the rest of the package is, OCAtari is not.
    import ocatari.core  # noqa: F401 (loads the modules of all games)
    from ocatari.ram.extract_ram_info import detect_objects_ram, init_objects

    rows: list[tuple[int, ...]] = []
    kinds: dict[tuple[str, bool], int] = {}
    objects: list[Any] = []
    for frame, state in enumerate(ram):
        if frame == 0 or episode[frame] != episode[frame - 1]:
            objects = init_objects(game, hud)
        detect_objects_ram(objects, state, game, hud)
        for place, one in enumerate(objects):
            if one:
                kind = kinds.setdefault((one.category, bool(one.hud)), len(kinds))
                rows.append((frame, place, kind, *map(int, one.xywh)))
    return {
        "rows": np.array(rows, np.int64).reshape(-1, 7),
        "kinds": np.array([name for name, _ in kinds], np.str_),
        "hud": np.array([is_hud for _, is_hud in kinds], np.bool_),
    }


def read_games() -> list[str]:
    """Return the names of the games whose RAM is read."""
    import ocatari.core  # noqa: F401 (loads the modules of all games)

    folder = "ocatari.ram."
    modules = {name: module for name, module in sys.modules.items() if name.startswith(folder)}
    return [
        name.removeprefix(folder)
        for name, module in modules.items()
        if hasattr(module, "_detect_objects_ram")
    ]


def main(target: str, game: str = "", source: str = "") -> None:
    """Read one file and write the other; without a game, write which games there are."""
    if not game:
        np.savez(target, games=np.array(read_games(), np.str_))
        return
    with np.load(source) as recorded:
        ram, episode = recorded["ram"], recorded["episode"]
    try:
        boxes = read_boxes(game, ram, episode, hud=True)
    except Exception:  # a few games raise, of all kinds, when scores are read
        boxes = read_boxes(game, ram, episode, hud=False)
    np.savez(target, **boxes)


if __name__ == "__main__":
    main(*sys.argv[1:])
