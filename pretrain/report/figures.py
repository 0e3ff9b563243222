"""The report's charts, each a function from numbers to a PNG file."""

import math
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pretrain.data.run_files import CurvePoint
from pretrain.drawing.files import png, tidy

TRAIN, HELD_OUT, CHANCE = "#9ab5d9", "#1f4e9c", "#b03a2e"
_TASKS = {  # the titles of a loss and of the share of right answers
    "saliency": ("Saliency loss: tell this moment from others", "Moments told apart (share)"),
    "diversity": ("Diversity loss: tell this slot from the others", "Slots told apart (share)"),
}


def losses(metrics: Sequence[dict[str, Any]], *, num_slots: int) -> bytes:
    """Draw both losses and the shares told apart over training, with chance as a dashed line.

    Args:
        metrics: Rows of ``metrics.jsonl``.
        num_slots: K; its logarithm is the diversity loss of guessing.
    """
    of_saliency = (float(row["chance_saliency"]) for row in metrics if "chance_saliency" in row)
    chances = {"saliency": next(of_saliency, None), "diversity": math.log(num_slots)}
    tasks = [task for task in _TASKS if any(task in row for row in metrics)] or ["loss"]
    figure = Figure(figsize=(5.2 * len(tasks), 5.6), layout="constrained")
    axes = figure.subplots(2, len(tasks), squeeze=False, sharex=True)
    for (above, below), task in zip(axes.T, tasks, strict=True):
        titles = _TASKS.get(task, ("Loss", "Accuracy"))
        chance = chances.get(task)
        share = None if chance is None else math.exp(-chance)
        accuracy = "accuracy" if task == "loss" else f"{task}_accuracy"
        _curves(above, metrics, task, chance, titles[0])
        _curves(below, metrics, accuracy, share, titles[1])
        above.set_ylim(bottom=0)
        below.set_ylim(-0.03, 1.03)
        below.set_xlabel("updates")
    if axes[0, 0].lines:
        axes[0, 0].legend(frameon=False, fontsize=9)
    return png(figure)


def importance(matrix: NDArray[np.floating[Any]], object_names: Sequence[str]) -> bytes:
    """Draw the slot-importance matrix (P, K): the share of slot k in reading object p."""
    num_objects, num_slots = matrix.shape
    size = max(4.0, 2.2 + 0.75 * num_slots), 1.4 + 0.5 * num_objects
    figure = Figure(figsize=size, layout="constrained")
    axis = figure.subplots()
    image = axis.imshow(matrix, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axis.set_xticks(range(num_slots), [f"slot {k}" for k in range(num_slots)])
    if num_slots > 8:
        axis.tick_params(axis="x", rotation=60)
    axis.set_yticks(range(num_objects), [_readable(name) for name in object_names])
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    for (row, col), share in np.ndenumerate(matrix):
        colour = "white" if share > 0.55 else "black"
        axis.text(col, row, f"{share:.0%}", ha="center", va="center", color=colour, fontsize=9)
    figure.colorbar(image, ax=axis, label="share of the object's readout")
    return png(figure)


def predictions(label: str, pairs: list[list[float]], accuracy: float | None) -> bytes:
    """Draw a label's predicted against its true values: pairs (true, predicted), and R2."""
    figure = Figure(figsize=(2.5, 2.8))
    # Placed by hand: there may be dozens, and automatic layout takes longer than all the drawing.
    axis = figure.add_axes((0.24, 0.17, 0.72, 0.643))
    true, predicted = np.array(pairs, float).reshape(-1, 2).T
    low, high = (float(true.min()), float(true.max())) if len(true) else (0.0, 1.0)
    margin = 0.15 * (high - low) or 1.0
    limits = (low - margin, high + margin)
    axis.plot(limits, limits, color=CHANCE, linewidth=1, linestyle="--")
    shown = np.clip(predicted, *limits)  # a few wild guesses must not squeeze the rest
    axis.scatter(true, shown, s=7, alpha=0.45, color=HELD_OUT, linewidths=0)
    axis.set(xlim=limits, ylim=limits, aspect="equal")
    score = [] if accuracy is None else [f"R² = {accuracy:.2f}"]
    axis.set_title("\n".join([textwrap.fill(_readable(label), 26), *score]), fontsize=10)
    axis.set_xlabel("true", fontsize=9)
    axis.set_ylabel("predicted", fontsize=9)
    axis.tick_params(labelsize=8)
    return png(figure)


def curve(points: Sequence[CurvePoint], *, untrained: float | None, paper: float | None) -> bytes:
    """Draw probe accuracy against updates and against training time.

    Lines show the accuracy of the encoder before any update, and the paper's in this game.
    """
    figure = Figure(figsize=(10.4, 3.6), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    minutes = [math.nan if p.train_seconds is None else p.train_seconds / 60 for p in points]
    for axis, x, name in (
        (axes[0], [point.updates for point in points], "updates"),
        (axes[1], minutes, "minutes of training"),
    ):
        for field, colour, label in (
            ("accuracy", HELD_OUT, "least squares (the paper's measure)"),
            ("ridge_accuracy", TRAIN, "ridge"),
        ):
            y = [getattr(point, field) for point in points]
            axis.plot(x, y, color=colour, marker="o", markersize=4, label=label)
        if untrained is not None:
            axis.axhline(untrained, color=CHANCE, linestyle="--", linewidth=1, label="untrained")
        if paper is not None:
            axis.axhline(paper, color="#555555", linestyle=":", label="the paper's SCN")
        axis.set_xlabel(name)
        axis.set_xlim(left=0)
        tidy(axis)
    axes[0].set_ylabel("slot accuracy (mean R²)")
    axes[0].legend(frameon=False, fontsize=9, loc="best")
    return png(figure)


def _curves(
    axis: Axes, metrics: Iterable[dict[str, Any]], name: str, chance: float | None, title: str
) -> None:
    for split, colour, label in (
        ("train", TRAIN, "training frames"),
        ("validation", HELD_OUT, "held-out episodes"),
    ):
        part = [
            (row["update"], row[name]) for row in metrics if name in row and row["split"] == split
        ]
        if part:
            marker = "o" if len(part) == 1 else None
            axis.plot(*zip(*part, strict=True), color=colour, label=label, marker=marker)
    if chance is not None:
        axis.axhline(chance, color=CHANCE, linestyle="--", linewidth=1, label="guessing")
    axis.set_title(title, fontsize=11)
    tidy(axis)


def _readable(name: str) -> str:
    return name.replace("_", " ").replace("$", r"\$")  # a pair of dollars would start a formula
