"""The report's charts, each a function from numbers to a PNG file."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from numpy.typing import NDArray

from pretrain.data.probe_file import CurvePoint
from pretrain.drawing.charts import new_figure, png, tidy
from pretrain.drawing.overlay import HEAT, panel_names

TRAIN, HELD_OUT, CHANCE = "#9ab5d9", "#1f4e9c", "#b03a2e"
_TASKS = (  # metric and title, of the loss and of the share of right answers
    (
        ("saliency", "Saliency loss: tell this moment from others"),
        ("saliency_accuracy", "Moments told apart (share)"),
    ),
    (
        ("diversity", "Diversity loss: tell this slot from the others"),
        ("diversity_accuracy", "Slots told apart (share)"),
    ),
)


def losses(metrics: Sequence[dict[str, Any]], *, num_slots: int) -> bytes:
    """Draw both losses and the shares told apart over training, with chance as a dashed line.

    Args:
        metrics: Rows of ``metrics.jsonl``.
        num_slots: K, whose logarithm is the diversity loss of guessing.
    """
    known = {name for row in metrics for name in row}
    saliency_chance = next(
        (float(row["chance_saliency"]) for row in metrics if "chance_saliency" in row), None
    )
    chances = {
        "saliency": saliency_chance,
        "diversity": math.log(num_slots),
        "saliency_accuracy": None if saliency_chance is None else math.exp(-saliency_chance),
        "diversity_accuracy": 1 / num_slots,
    }
    columns = [pair for pair in _TASKS if any(name in known for name, _ in pair)]
    columns = columns or [(("loss", "Loss"), ("accuracy", "Accuracy"))]
    figure = new_figure(5.2 * len(columns), 5.6)
    axes = figure.subplots(2, len(columns), squeeze=False, sharex=True)
    for (above, below), (loss, accuracy) in zip(axes.T, columns, strict=True):
        for axis, (name, title) in ((above, loss), (below, accuracy)):
            _curves(axis, metrics, name, chances.get(name))
            axis.set_title(title, fontsize=11)
        above.set_ylim(bottom=0)
        below.set_ylim(-0.03, 1.03)
        below.set_xlabel("updates")
    if axes[0, 0].lines:
        axes[0, 0].legend(frameon=False, fontsize=9)
    return png(figure)


def importance(matrix: NDArray[np.floating[Any]], object_names: Sequence[str]) -> bytes:
    """Draw the slot-importance matrix.

    Args:
        matrix: (P, K) share of slot k in reading object p; rows sum to 1.
        object_names: The P objects.
    """
    num_objects, num_slots = matrix.shape
    figure = new_figure(max(4.0, 2.2 + 0.75 * num_slots), 1.4 + 0.5 * num_objects)
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


def predictions(points: dict[str, list[list[float]]], accuracies: dict[str, float]) -> bytes:
    """Draw predicted against true values, a panel for each label.

    Args:
        points: Label to pairs (true, predicted).
        accuracies: Label to R2, for the titles.
    """
    columns = min(4, len(points))
    rows = math.ceil(len(points) / columns)
    # Placed by hand: with dozens of panels, automatic layout takes longer than all the drawing.
    side, left, above, below = 2.0, 0.65, 0.35, 0.55  # inches
    wide, high = columns * (left + side) + 0.15, rows * (above + side + below)
    figure = new_figure(wide, high, layout=None)
    axes = [
        figure.add_axes(
            (
                (i % columns * (left + side) + left) / wide,
                1 - (i // columns + 1) * (above + side + below) / high + below / high,
                side / wide,
                side / high,
            )
        )
        for i in range(len(points))
    ]
    for axis, (label, pairs) in zip(axes, points.items(), strict=True):
        true, predicted = np.array(pairs, float).reshape(-1, 2).T
        low, high = (float(true.min()), float(true.max())) if len(true) else (0.0, 1.0)
        margin = 0.15 * (high - low) or 1.0
        limits = (low - margin, high + margin)
        axis.plot(limits, limits, color=CHANCE, linewidth=1, linestyle="--")
        shown = np.clip(predicted, *limits)  # a few wild guesses must not squeeze the rest
        axis.scatter(true, shown, s=7, alpha=0.45, color=HELD_OUT, linewidths=0)
        axis.set(xlim=limits, ylim=limits, aspect="equal")
        score = f"R² = {accuracies[label]:.2f}" if label in accuracies else ""
        axis.set_title(f"{_readable(label)}   {score}", fontsize=10)
        axis.set_xlabel("true", fontsize=9)
        axis.set_ylabel("predicted", fontsize=9)
        axis.tick_params(labelsize=8)
    return png(figure)


def curve(points: Sequence[CurvePoint], *, untrained: float | None, paper: float | None) -> bytes:
    """Draw probe accuracy against updates and against training time.

    Args:
        points: In the order of training.
        untrained: Accuracy of the encoder before any update.
        paper: The paper's accuracy in this game.
    """
    figure = new_figure(10.4, 3.6)
    axes = figure.subplots(1, 2, sharey=True)
    timed = [point for point in points if point.train_seconds is not None]
    for axis, part, x, name in (
        (axes[0], points, [float(point.updates) for point in points], "updates"),
        (axes[1], timed, [(p.train_seconds or 0.0) / 60 for p in timed], "minutes of training"),
    ):
        for field, colour, label in (
            ("accuracy", HELD_OUT, "least squares (the paper's measure)"),
            ("ridge_accuracy", TRAIN, "ridge"),
        ):
            y = [getattr(point, field) for point in part]
            axis.plot(x, y, color=colour, marker="o", markersize=4, label=label)
        if untrained is not None:
            axis.axhline(untrained, color=CHANCE, linestyle="--", linewidth=1, label="untrained")
        if paper is not None:
            axis.axhline(
                paper, color="#555555", linestyle=":", linewidth=1.5, label="the paper's SCN"
            )
        axis.set_xlabel(name)
        axis.set_xlim(left=0)
        tidy(axis)
    axes[0].set_ylabel("slot accuracy (mean R²)")
    axes[0].legend(frameon=False, fontsize=9, loc="best")
    return png(figure)


def attention(panels: NDArray[np.uint8], scale: float) -> bytes:
    """Draw frames, one a row, and beside each what each slot looks at, one slot a column.

    Args:
        panels: (n, 1 + K, H, W, 3) as :func:`pretrain.drawing.overlay.slot_panels` returns them.
        scale: Effect that has the brightest colour.
    """
    num_frames, columns, height, width, _ = panels.shape
    gap = max(2, width // 20)
    padded = np.pad(panels, [(0, 0), (0, 0), (0, gap), (0, gap), (0, 0)], constant_values=255)
    rows = padded.transpose(0, 2, 1, 3, 4).reshape(num_frames * (height + gap), -1, 3)
    sheet = rows[:-gap, :-gap]
    figure = new_figure(1.9 * columns, 1.9 * sheet.shape[0] / width, layout=None)
    axis = figure.add_axes((0, 0, 1, 1))
    axis.imshow(sheet, interpolation="nearest")
    axis.axis("off")
    for j, name in enumerate(panel_names(columns - 1)):
        middle = j * (width + gap) + width / 2
        axis.text(middle, -gap / 2, name, ha="center", va="bottom", fontsize=11)
    below = axis.inset_axes((0, sheet.shape[0] + gap, 2 * width, gap), transform=axis.transData)
    colours = ScalarMappable(Normalize(0, scale), HEAT)
    bar = figure.colorbar(colours, cax=below, orientation="horizontal")
    bar.set_label(
        "how far the slot moves when the patch is hidden\n(1: as far as it usually varies)"
    )
    return png(figure, tight=True)


def _curves(axis: Axes, metrics: Iterable[dict[str, Any]], name: str, chance: float | None) -> None:
    rows = [row for row in metrics if name in row]
    for split, colour, label in (
        ("train", TRAIN, "training frames"),
        ("validation", HELD_OUT, "held-out episodes"),
    ):
        part = [(row["update"], row[name]) for row in rows if row["split"] == split]
        if part:
            marker = "o" if len(part) == 1 else None
            axis.plot(*zip(*part, strict=True), color=colour, label=label, marker=marker)
    if chance is not None:
        axis.axhline(chance, color=CHANCE, linestyle="--", linewidth=1, label="guessing")
    tidy(axis)


def _readable(name: str) -> str:
    return name.replace("_", " ").replace("$", r"\$")  # a pair of dollars would start a formula
