"""Pictures of what slots see: a frame of each game with every object in a box, and a gallery."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pretrain.bench.cell import cell_folder
from pretrain.bench.matrix import cells_of
from pretrain.drawing.canvas import to_png
from pretrain.drawing.marks import fullness
from pretrain.drawing.slot_boxes import TRAIL, SlotBox, slot_boxes
from pretrain.drawing.slot_frame import draw_slots
from pretrain.upkeep.labels_draw import STEPS_PER_MOMENT, gallery
from pretrain.upkeep.ready import METHOD
from pretrain.verbs.bench import BenchConfig
from slotenv import SlotEncoder, ready
from slotenv.atomic import write_atomic
from slotenv.checkpoint import CONFIG
from slotenv.encoders import ObjectMixtureEncoder
from slotenv.environments import atari_game, make_env
from slotenv.labels import find_game

_ZOOM, _FONT_SIZE = 2, 18  # of the gallery
_FOLLOWED = 4  # steps from which on a slot is no passing flicker


class Moment(NamedTuple):
    """A frame (H, W, 3), what the slots see in it, and how many steps their trails may have."""

    frame: NDArray[np.uint8]
    boxes: list[SlotBox]
    steps: int


def draw_games(
    games: Sequence[str], out: Path, *, bench: Path | None, moments: int, seed: int
) -> None:
    """Write ``<game>.png`` for games, or for all that have an encoder, and ``gallery.png``.

    Args:
        games: Keys or Atari ids.
        out: Folder, made if missing.
        bench: Folder of a benchmark with encoders of objects; None for the package's own.
        moments: Seconds of play from which the frame is chosen.
        seed: Decides the play.

    Raises:
        FileNotFoundError: If there are no encoders at all.
        ValueError: If a game has none, or one whose slots have no boxes; nothing is written then.
    """
    encoders = {game: _open(folder) for game, folder in encoder_folders(games, bench=bench).items()}
    out.mkdir(parents=True, exist_ok=True)
    small: dict[str, Image.Image] = {}
    for game, encoder in encoders.items():
        moment = fullest_moment(game, encoder, moments=moments, seed=seed)
        write_atomic(out / f"{game}.png", to_png(draw_slots(moment.frame, moment.boxes)))
        small[atari_game(game) or game] = draw_slots(
            moment.frame, moment.boxes, zoom=_ZOOM, font_size=_FONT_SIZE
        )
        seen = f"{len(moment.boxes)} of {encoder.num_slots} slots see an object"
        print(f"{out / game}.png: {seen}", flush=True)
    write_atomic(out / "gallery.png", to_png(gallery(small)))
    print(f"gallery: {out / 'gallery.png'}")


def encoder_folders(games: Sequence[str], *, bench: Path | None) -> dict[str, Path]:
    """Return the encoder folder of each game, or of all games that have one.

    Arguments and errors are those of :func:`draw_games`.
    """
    if bench is None:
        known = {name: ready.folder(name) for name in ready.names()}
        what, where = "ready-made encoder", "the package"
    else:
        config = BenchConfig(out=bench, methods=(METHOD,))
        paths = {cell.game: cell_folder(config, cell) / "encoder" for cell in cells_of(config)}
        known = {game: path for game, path in paths.items() if (path / CONFIG).is_file()}
        what, where = f"encoder of method {METHOD}", str(bench)
    if not known:
        raise FileNotFoundError(
            f"there is no {what} in {where}: give --bench the folder of a benchmark that has "
            f"method {METHOD}"
        )
    keys = [find_game(game, known, what=what) for game in games] or list(known)
    return {key: known[key] for key in keys}


def fullest_moment(game: str, encoder: ObjectMixtureEncoder, *, moments: int, seed: int) -> Moment:
    """Return the moment of random play in which the slots see most objects, then the best spread.

    Args:
        game: Key or Atari id.
        encoder: One for its frames.
        moments: Seconds to play.
        seed: Decides the play.
    """
    play = _play(game, encoder, moments * STEPS_PER_MOMENT, seed)
    return max(play, key=lambda moment: (moment.steps, *_fullness(moment)))


def _fullness(moment: Moment) -> tuple[int, float]:
    followed = [box.mark for box in moment.boxes if len(box.trail) >= _FOLLOWED]
    return fullness(followed, moment.frame.shape)


def _play(game: str, encoder: ObjectMixtureEncoder, steps: int, seed: int) -> Iterator[Moment]:
    history: deque[NDArray[np.floating[Any]]] = deque(maxlen=TRAIL + 1)
    with make_env(game, encoder.preprocess) as env:
        env.action_space.seed(seed)
        env.reset(seed=seed)
        for _ in range(steps):
            frame, _, terminated, truncated, _ = env.step(env.action_space.sample())
            history.append(encoder.boxes(frame[None])[0])
            yield Moment(frame, slot_boxes(list(history), frame.shape), len(history))
            if terminated or truncated:
                env.reset()
                history.clear()


def _open(folder: Path) -> ObjectMixtureEncoder:
    encoder = SlotEncoder.from_pretrained(folder)
    if not isinstance(encoder, ObjectMixtureEncoder):
        raise ValueError(
            f"{folder} holds a {type(encoder).__name__}, whose slots have no boxes: "
            f"slots draw is for encoders of method {METHOD}"
        )
    return encoder
