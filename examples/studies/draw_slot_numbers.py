"""The figure of ``docs/slots.md``: slots on three frames, and their numbers on the last.

    python examples/studies/draw_slot_numbers.py --game Pong

Random play of what ``gym.make`` gives, with the encoder that comes with the package.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from draw_fit_steps import show, slot_colours
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

import slotenv
from slotenv.environments import atari_game
from slotenv.tracking import SEEN

OUT = Path(__file__).parents[2] / "docs" / "slots.png"
_WARM_UP = 110  # steps until there is something to see in most games
_APART = 10  # steps between two frames of the figure
_FRAMES = 3


def play(game: str) -> tuple[NDArray[np.uint8], Any]:
    """Return frames (3, H, W, 3) of random play, and the encoder that comes with the package."""
    with gym.make(f"ALE/{atari_game(game)}-v5") as env:
        env.action_space.seed(0)
        frame, _ = env.reset(seed=0)
        frames = []
        for step in range(_WARM_UP + _APART * _FRAMES):
            if step >= _WARM_UP and (step - _WARM_UP) % _APART == 0:
                frames.append(frame)
            frame, _, terminated, truncated, _ = env.step(env.action_space.sample())
            if terminated or truncated:
                frame, _ = env.reset()
    return np.stack(frames), slotenv.SlotEncoder.from_pretrained(game.lower())


def draw_boxes(axes: Axes, boxes: NDArray[np.float32], colours: NDArray[np.uint8]) -> None:
    """Draw the boxes (K, 5) of slots that are there, each with its number."""
    for slot in np.flatnonzero(boxes[:, 0] > SEEN):
        _, x, y, wide, high = boxes[slot].tolist()
        corner = (x - wide / 2 - 1.5, y - high / 2 - 1.5)
        colour = colours[slot] / 255
        axes.add_patch(
            Rectangle(corner, wide + 2, high + 2, edgecolor=colour, facecolor="none", linewidth=1.4)
        )
        axes.text(x, corner[1] - 2, str(slot), color=colour, fontsize=9, ha="center")


def draw(game: str) -> Figure:
    """Draw three frames, and below them the numbers of the slots on the last."""
    frames, encoder = play(game)
    slots, boxes = encoder.encode_with_boxes(frames)
    colours = slot_colours(encoder.num_slots)
    count = encoder.num_slots
    figure = Figure(figsize=(9, 4.4 + 0.22 * count), layout="constrained")
    halves: Any = figure.subfigures(2, 1, height_ratios=(4, 0.5 + 0.22 * count))
    pictures, below = halves
    for t, axes in enumerate(pictures.subplots(1, _FRAMES)):
        show(axes, f"step {_WARM_UP + t * _APART}", frames[t])
        draw_boxes(axes, boxes[t], colours)
    numbers = [*(f"{field}" for field in encoder.slot_fields), *("x", "y", "width", "height")]
    last, found = slots[-1].round(2) + 0.0, boxes[-1, :, 1:].round() + 0.0
    there = boxes[-1, :, 0] > SEEN
    axes = below.subplots()
    axes.axis("off")
    axes.set_title(
        "the last frame: slots, and where they are in pixels (boxes)", fontsize=9, loc="left"
    )
    table = axes.table(
        cellText=[
            [*(f"{n:.2f}" for n in last[k]), *(f"{n:.0f}" if there[k] else "" for n in found[k])]
            for k in range(count)
        ],
        rowLabels=[f" {k} " for k in range(count)],
        colLabels=numbers,
        rowColours=colours / 255,
        colColours=["white"] * len(encoder.slot_fields) + ["#eeeeee"] * 4,
        loc="upper center",
    )
    table.auto_set_font_size(False)
    table.set_fontsize(8)
    return figure


def main() -> None:
    """Draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--game", default="Pong")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    draw(options.game).savefig(options.out, dpi=100)
    print(options.out)


if __name__ == "__main__":
    main()
