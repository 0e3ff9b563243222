"""Pictures of the pixel labels: a frame of each game with every label on it, and a gallery."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from pretrain.drawing.canvas import to_png
from pretrain.drawing.labelled_frame import draw_marks
from pretrain.drawing.marks import fullness, marks_of
from slotenv.atomic import write_atomic
from slotenv.environments import atari_game, make_env, read_ram
from slotenv.frames import SCN
from slotenv.labels import GameLabels, labelled_games, labels_for

STEPS_PER_MOMENT = 15
"""Agent steps in a second of play, the distance of the moments that ``labels check`` looks at."""
_COLUMNS, _GAP, _TITLE = 5, 16, 34  # of the gallery; pixels
_ZOOM, _FONT_SIZE, _TITLE_SIZE = 2, 15, 26
_PAPER, _INK = (255, 255, 255), (29, 36, 48)


class Moment(NamedTuple):
    """A frame (210, 160, 3) and the RAM (128,) at the same instant."""

    frame: NDArray[np.uint8]
    ram: NDArray[np.uint8]


def draw_games(games: Sequence[str], out: Path, *, moments: int, seed: int) -> None:
    """Write ``<game>.png`` for games, or for all with pixel labels, and ``gallery.png`` of them.

    Args:
        games: Keys or Atari ids.
        out: Folder, made if missing.
        moments: Seconds of play from which the frame is chosen.
        seed: Decides the play.

    Raises:
        ValueError: If a game has no pixel labels; nothing is written then.
    """
    tables = [labels_for(game, "pixel") for game in games or labelled_games("pixel")]
    out.mkdir(parents=True, exist_ok=True)
    small = {}
    for labels in tables:
        moment = _fullest_moment(labels, moments * STEPS_PER_MOMENT, seed)
        marks = marks_of(labels, moment.ram)
        write_atomic(out / f"{labels.game}.png", to_png(draw_marks(moment.frame, marks)))
        small[atari_game(labels.game) or labels.game] = draw_marks(
            moment.frame, marks, zoom=_ZOOM, font_size=_FONT_SIZE
        )
        shown = sum(mark.present for mark in marks)
        print(f"{out / labels.game}.png: {shown} of {len(marks)} objects present", flush=True)
    write_atomic(out / "gallery.png", to_png(gallery(small)))
    print(f"gallery: {out / 'gallery.png'}")


def gallery(pictures: dict[str, Image.Image]) -> Image.Image:
    """Lay pictures out in rows, each below its title.

    Args:
        pictures: Title to picture, all of the same width.
    """
    titles, images = list(pictures), list(pictures.values())
    columns = min(_COLUMNS, len(images))
    rows = [images[i : i + columns] for i in range(0, len(images), columns)]
    heights = [_TITLE + max(image.height for image in row) + _GAP for row in rows]
    width = max(image.width for image in images) + _GAP
    page = Image.new("RGB", (columns * width + _GAP, sum(heights) + _GAP), _PAPER)
    draw = ImageDraw.Draw(page)
    font = ImageFont.load_default(size=_TITLE_SIZE)
    for i, (title, image) in enumerate(zip(titles, images, strict=True)):
        left = _GAP + i % columns * width
        top = _GAP + sum(heights[: i // columns])
        draw.text((left, top), title, fill=_INK, font=font)
        page.paste(image, (left, top + _TITLE))
    return page


def _fullest_moment(labels: GameLabels, steps: int, seed: int) -> Moment:
    """Return the moment of random play with the most labelled objects, then the best spread."""
    play = _play(labels.game, steps, seed)
    return max(play, key=lambda moment: fullness(marks_of(labels, moment.ram), moment.frame.shape))


def _play(game: str, steps: int, seed: int) -> Iterator[Moment]:
    with make_env(game, SCN) as env:
        env.action_space.seed(seed)
        env.reset(seed=seed)
        for _ in range(steps):
            frame, _, terminated, truncated, _ = env.step(env.action_space.sample())
            ram = read_ram(env)
            assert ram is not None, f"{game} runs on no emulator"
            yield Moment(frame, ram)
            if terminated or truncated:
                env.reset()
