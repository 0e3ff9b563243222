"""The figure of ``docs/how-slots-find-objects.md``: one frame on its way to slots.

    python examples/studies/draw_fit_steps.py --game Seaquest

Random play is watched for a while, and the moment with the most objects is drawn with the encoder
that comes with the package.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import hsv_to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray
from PIL import Image

from slotenv.encoders import SLOT_FIELDS, ObjectEncoder
from slotenv.encoders.objects.pieces import Screen, find_pieces
from slotenv.environments import make_env, preset_for

OUT = Path(__file__).parents[2] / "docs" / "how-slots-find-objects.png"
_STEPS = 400  # of random play
_ASPECT = 0.8  # a pixel of the console is wider than it is high
_COLOURS = 96  # of the file
_DARK = np.array((34, 34, 40), np.uint8)

Picture = NDArray[np.uint8]


def fullest_frame(game: str, encoder: ObjectEncoder) -> Picture:
    """Return the frame (H, W, 3) of some random play in which most slots are there."""
    with make_env(game, preset_for(game, "scn")) as env:
        env.action_space.seed(0)
        frame, _ = env.reset(seed=0)
        frames = [frame]
        for _ in range(_STEPS):
            frame, _, terminated, truncated, _ = env.step(env.action_space.sample())
            if terminated or truncated:
                frame, _ = env.reset()
            frames.append(frame)
    slots = encoder.encode(np.stack(frames))
    fullest: Picture = frames[int((slots[..., 0] > 0.9).sum(1).argmax())]
    return fullest


def slot_colours(count: int) -> Picture:
    """Return (count, 3) colours, neighbours far from each other."""
    hues = np.arange(count) * 0.618 % 1.0  # the golden ratio spreads them
    colours = hsv_to_rgb(np.stack([hues, np.full(count, 0.75), np.ones(count)], -1))
    return (255 * colours).astype(np.uint8)


def painted_pieces(encoder: ObjectEncoder, frame: Picture) -> Picture:
    """Return the pieces of the frame, each in a colour of its own."""
    background = encoder.background
    found = background.foreground(frame[None])
    screen = Screen(frame.shape[:2], background.brightness, encoder.things.field)
    runs, piece, pieces = find_pieces(found, screen, apart=found.scenery)
    colours = slot_colours(len(pieces.frame))
    picture = np.tile(_DARK, (*frame.shape[:2], 1))
    for row, column, length, of in zip(runs.row, runs.column, runs.length, piece, strict=True):
        picture[row, column : column + length] = colours[of]
    return picture


def show(axes: Axes, title: str, picture: Picture) -> None:
    """Draw a picture of the screen."""
    axes.imshow(picture, interpolation="nearest", aspect=_ASPECT)
    axes.set_title(title, fontsize=9, loc="left")
    axes.set(xticks=[], yticks=[])


def draw(game: str) -> Figure:
    """Draw the steps from a frame to slots."""
    encoder = ObjectEncoder.from_pretrained(game.lower())
    frame = fullest_frame(game, encoder)
    background = encoder.background
    behind = background.palette.colours[background.usual[..., 0]]
    colours = slot_colours(encoder.num_slots)
    is_object = encoder.foreground(frame[None])[0][..., None]
    figure = Figure(figsize=(9, 6.6), layout="constrained")
    grid = figure.subplots(2, 3)
    show(grid[0, 0], "1  frame", frame)
    show(grid[0, 1], "2  background: the most usual colours", behind)
    show(grid[0, 2], "3  foreground: what is unusual there", np.where(is_object, frame, _DARK))
    show(grid[1, 0], "4  pieces: what touches", painted_pieces(encoder, frame))
    show(grid[1, 1], "5  slots: a piece each", frame // 2)
    (slots,), (boxes,) = encoder.encode_with_boxes(frame[None])
    there = np.flatnonzero(slots[:, 0] > 0.5)
    for slot in there:
        _, x, y, wide, high = boxes[slot]
        edges = {"edgecolor": colours[slot] / 255, "facecolor": "none", "linewidth": 1.2}
        corner = (x - wide / 2 - 1.5, y - high / 2 - 1.5)
        grid[1, 1].add_patch(Rectangle(corner, wide + 2, high + 2, **edges))
        grid[1, 1].text(corner[0] - 1, corner[1], slot, color="white", fontsize=7, ha="right")
    grid[1, 2].set_title("6  slots: numbers of those that are there", fontsize=9, loc="left")
    grid[1, 2].axis("off")
    table = grid[1, 2].table(
        cellText=[[f"{number:.1f}" for number in slots[slot].round(1) + 0.0] for slot in there],
        rowLabels=[f" {slot} " for slot in there],
        colLabels=SLOT_FIELDS,
        rowColours=colours[there] / 255,
        loc="upper center",
    )
    table.auto_set_font_size(False)
    table.set_fontsize(6.5)
    return figure


def main() -> None:
    """Draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--game", default="Seaquest")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    draw(options.game).savefig(options.out, dpi=110)
    with Image.open(options.out) as picture:
        small = picture.convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE)
    small.save(options.out, optimize=True)
    print(options.out)


if __name__ == "__main__":
    main()
