"""Pictures of games: a frame of each with its labels or slots on it, and a gallery of them."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from pretrain.bench.matrix import cells_of
from pretrain.config import BenchConfig
from pretrain.drawing.files import to_png
from pretrain.drawing.marked_frame import draw_marks
from pretrain.drawing.marks import TRAIL, Mark, fullness, label_marks, slot_marks
from pretrain.drawing.moments import random_play
from slotenv import SlotEncoder, ready
from slotenv.atomic import write_atomic
from slotenv.checkpoint import CONFIG
from slotenv.encoders import FittedEncoder
from slotenv.environments import atari_game, make_env, read_ram
from slotenv.frames import SCN
from slotenv.labels import GameLabels, find_game, labelled_games, labels_for

METHOD = "objects"
"""The method whose slots have boxes."""
_STEPS_PER_MOMENT = 15  # agent steps in a second of play
_FEWEST_COLUMNS = 5  # of a gallery; a large one has as many as rows
_GAP, _TITLE = 16, 34  # pixels
_PAPER, _INK = (255, 255, 255), (29, 36, 48)
_FOLLOWED = 4  # steps from which on a slot is no passing flicker

Moment = tuple[tuple[float, ...], NDArray[np.uint8], list[Mark]]
"""Its rank, the frame (H, W, 3) and what is on it."""


def draw_labels(games: Sequence[str], out: Path, *, moments: int, seed: int) -> None:
    """Write ``<game>.png`` for games, or for all with pixel labels, and ``gallery.png`` of them.

    Each is drawn in the moment of random play with the most labelled objects and the best spread.

    Raises:
        ValueError: If a game has no pixel labels; nothing is written then.
    """
    tables = [labels_for(game, "pixel") for game in games or labelled_games("pixel")]
    play = {"steps": moments * _STEPS_PER_MOMENT, "seed": seed}
    drawn = {t.game: (label_moments(t, **play), len(set(t.objects))) for t in tables}
    _write(out, drawn, "objects present")


def draw_slots(
    games: Sequence[str], out: Path, *, bench: Path | None, moments: int, seed: int
) -> None:
    """Write ``<game>.png`` for games, or for all that have an encoder, and ``gallery.png``.

    Raises:
        FileNotFoundError: If there are no encoders at all.
        ValueError: If a game has none, or one whose slots have no boxes; nothing is written then.
    """
    play = {"steps": moments * _STEPS_PER_MOMENT, "seed": seed}
    drawn = {}
    for game, folder in encoder_folders(games, bench=bench).items():
        encoder = SlotEncoder.from_pretrained(folder)
        if not isinstance(encoder, FittedEncoder):
            raise ValueError(
                f"{folder} holds a {type(encoder).__name__}, whose slots have no boxes: "
                f"slots draw is for encoders of method {METHOD}"
            )
        drawn[game] = slot_moments(game, encoder, **play), encoder.num_slots
    _write(out, drawn, "slots see an object")


def encoder_folders(games: Sequence[str], *, bench: Path | None) -> dict[str, Path]:
    """Return the encoder folder of each game, or of all games that have one.

    They are those of method objects in a benchmark's folder, or else the package's own.

    Raises:
        FileNotFoundError: If there are none at all.
        ValueError: If a game has none.
    """
    if bench is None:
        known = {name: ready.folder(name) for name in ready.names()}
        what, where = "ready-made encoder", "the package"
    else:
        config = BenchConfig(out=bench, methods=(METHOD,))
        paths = {cell.game: cell.folder(config) / "encoder" for cell in cells_of(config)}
        known = {game: path for game, path in paths.items() if (path / CONFIG).is_file()}
        what, where = f"encoder of method {METHOD}", str(bench)
    if not known:
        raise FileNotFoundError(
            f"there is no {what} in {where}: give --bench the folder of a benchmark that has "
            f"method {METHOD}"
        )
    keys = [find_game(game, known, what=what) for game in games] or list(known)
    return {key: known[key] for key in keys}


def gallery(pictures: Mapping[str, Image.Image]) -> Image.Image:
    """Lay pictures out in rows, each below its title."""
    columns = min(max(_FEWEST_COLUMNS, math.isqrt(len(pictures))), len(pictures))
    width = max(image.width for image in pictures.values()) + _GAP
    height = max(image.height for image in pictures.values()) + _GAP + _TITLE
    rows = math.ceil(len(pictures) / columns)
    page = Image.new("RGB", (columns * width + _GAP, rows * height + _GAP), _PAPER)
    draw = ImageDraw.Draw(page)
    font = ImageFont.load_default(size=26)
    for i, (title, image) in enumerate(pictures.items()):
        left, top = _GAP + i % columns * width, _GAP + i // columns * height
        draw.text((left, top), title, fill=_INK, font=font)
        page.paste(image, (left, top + _TITLE))
    return page


def label_moments(labels: GameLabels, *, steps: int, seed: int) -> Iterator[Moment]:
    """Yield moments of random play with every label; the one with most objects ranks highest."""
    with make_env(labels.game, SCN) as env:
        for frame, first in random_play(env, steps=steps, seed=seed):
            ram = read_ram(env)
            assert ram is not None, f"{labels.game} runs on no emulator"
            if not first:
                marks = label_marks(labels, ram)
                yield fullness(marks, frame.shape), frame, marks


def slot_moments(game: str, encoder: FittedEncoder, *, steps: int, seed: int) -> Iterator[Moment]:
    """Yield moments of random play with what slots see, as :func:`seen_moments` does."""
    with make_env(game, encoder.preprocess) as env:
        play = random_play(env, steps=steps, seed=seed)
        yield from seen_moments((f, first, encoder.boxes(f[None])[0]) for f, first in play)


def seen_moments(
    play: Iterable[tuple[NDArray[np.uint8], bool, NDArray[np.floating[Any]]]],
) -> Iterator[Moment]:
    """Yield moments with what slots see; the longest trails rank highest.

    Args:
        play: Each frame (H, W, 3) in order, whether it is the first of its episode, and the boxes
            (K, 5) of the slots there.
    """
    history: deque[NDArray[np.floating[Any]]] = deque(maxlen=TRAIL + 1)
    for frame, first, boxes in play:
        if first:
            history.clear()
        history.append(boxes)
        marks = slot_marks(list(history), frame.shape)
        followed = [mark for mark in marks if len(mark.trail) >= _FOLLOWED]
        yield (len(history), *fullness(followed, frame.shape)), frame, marks


def best(moments: Iterable[Moment]) -> Moment:
    """Return the moment that ranks highest."""
    return max(moments, key=lambda moment: moment[0])


def _write(out: Path, games: dict[str, tuple[Iterator[Moment], int]], what: str) -> None:
    """Write the highest-ranking moment of each game; the number is of what could be on it."""
    out.mkdir(parents=True, exist_ok=True)
    small = {}
    for game, (moments, total) in games.items():
        _, frame, marks = best(moments)
        write_atomic(out / f"{game}.png", to_png(draw_marks(frame, marks)))
        small[atari_game(game) or game] = draw_marks(frame, marks, zoom=2, font_size=16)
        shown = sum(mark.present for mark in marks)
        print(f"{out / game}.png: {shown} of {total} {what}", flush=True)
    write_atomic(out / "gallery.png", to_png(gallery(small)))
    print(f"gallery: {out / 'gallery.png'}")
