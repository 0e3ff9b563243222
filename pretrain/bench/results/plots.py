"""The benchmark's plots, each a function from scores to a PNG file."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from pretrain.bench.results.aggregate import Scores, bootstrap
from pretrain.bench.results.means import count_games
from pretrain.bench.results.tables import paper_mean
from pretrain.drawing.charts import new_figure, png, tidy
from slotenv.environments import atari_game

LOWEST = -0.4
"""Accuracies below are drawn here, with their number: one of -27 would flatten the others."""

# Okabe and Ito's colours, told apart by all kinds of colour vision, and four of Tol's.
_COLOURS = {
    "pixels": "#CC79A7",
    "random": "#999999",
    "scn": "#0072B2",
    "loss1only": "#56B4E9",
    "slot_attention": "#882255",
    "slot_attention_contrast": "#DDAACC",
    "cswm": "#009E73",
    "stdim": "#E69F00",
    "objects": "#117733",
    "objects_held": "#999933",
    "supervised": "#D55E00",
    "coordinates": "#F0E442",
}
_OTHERS = ("#555555", "#332288", "#661100", "#AA4499")  # hatched
_TICK: dict[str, Any] = {"color": "black", "linewidth": 2, "solid_capstyle": "butt"}
_GAMES_A_ROW = 7
_PALE = 0.45  # opacity of what does not compare with the rest


def by_game(scores: Scores, subtitle: str, *, paper: bool) -> bytes:
    """Draw a bar for each game and method, with standard errors over seeds.

    Args:
        scores: Slot accuracy.
        subtitle: What it was measured at.
        paper: Whether to mark the paper's number on the bars of the methods it has.
    """
    titles = _shown(scores)
    games = scores.games
    rows = max(math.ceil(len(games) / _GAMES_A_ROW), 1)
    per_row = math.ceil(len(games) / rows) if games else 1
    figure = new_figure(max(7.6, 1.9 * per_row + 1.0), 2.5 * rows + 1.3)
    axes = figure.subplots(rows, 1, squeeze=False, sharey=True)[:, 0]
    for axis, start in zip(axes, range(0, max(len(games), 1), per_row), strict=True):
        part = games[start : start + per_row]
        _bars(axis, scores, part, titles, paper)
        axis.set_xlim(-0.5, per_row - 0.5)
        axis.set_xticks(range(len(part)), [str(atari_game(game)) for game in part], fontsize=9.5)
        axis.set_ylabel("slot accuracy (R²)", fontsize=9)
        tidy(axis, "y")
    known = [e.mean for t in titles for g in games if (e := scores.estimate(t, g))]
    low = min([0.0, *known])  # room below 0 only where something is there
    axes[0].set_ylim(max(low - 0.06, LOWEST) if low < -0.01 else -0.06, 1.04)
    handles, labels = axes[0].get_legend_handles_labels()
    if paper:
        handles.append(Line2D([], [], **_TICK))
        labels.append("the paper's number")
    columns = min(len(labels), 5 if per_row > 4 else 3) or 1
    figure.legend(handles, labels, loc="outside upper center", ncols=columns, frameon=False)
    figure.supxlabel(subtitle, fontsize=9, color="#444444")
    return png(figure)


def overall(scores: Scores, ridge: Scores, subtitle: str) -> bytes:
    """Draw every method's mean over games with its 95 % bootstrap interval over games.

    Methods that lack games come last, paler, over the games they have and with their number.

    Args:
        scores: Slot accuracy by least squares.
        ridge: The same by ridge.
        subtitle: What it was measured at.
    """
    full = sorted(set(scores.full_games()) & set(ridge.full_games()))
    covered = {
        title: sorted(set(scores.covered(title, full)) & set(ridge.covered(title, full)))
        for title in _shown(scores)
    }
    titles = [title for title, games in covered.items() if games == full and full]
    partly = [title for title, games in covered.items() if games != full and games]
    names = titles + [f"{title} ({count_games(len(covered[title]))})" for title in partly]
    titles += partly
    figure = new_figure(7.6, 1.6 + 0.52 * max(len(titles), 1))
    axis = figure.subplots()
    for row, title in enumerate(titles):
        style = _style(scores.methods[title])
        games = covered[title]
        alpha = _PALE if title in partly else 1.0
        for part, offset, marker in ((scores, -0.13, "o"), (ridge, 0.13, "s")):
            found = bootstrap(part.by_game(title, games))
            y = row + offset
            ends = np.maximum([found.low, found.high], LOWEST)
            axis.plot(ends, [y, y], color="#333333", linewidth=1.3, alpha=alpha)
            face = style["color"] if part is scores else "white"
            axis.plot(
                [max(found.mean, LOWEST)],
                [y],
                marker,
                markersize=7,
                color=face,
                markeredgecolor=style["color"] if part is ridge else "#333333",
                markeredgewidth=1.6 if part is ridge else 0.6,
                zorder=3,
                alpha=alpha,
            )
            if found.mean < LOWEST:
                axis.annotate(f"{found.mean:.2g}", (LOWEST, y - 0.12), va="bottom", fontsize=8)
        if (number := paper_mean(scores.methods[title], games)) is not None:
            axis.plot([number, number], [row - 0.34, row + 0.34], **_TICK, alpha=alpha)
    axis.set_yticks(range(len(titles)), names)
    axis.set_ylim(max(len(titles), 1) - 0.5, -0.5)
    fewer = "\npale: over fewer games, does not compare with the others" if partly else ""
    axis.set_xlabel(
        f"slot accuracy (R²), mean of {count_games(len(full))} with 95 % interval over games"
        f"{fewer}\n{subtitle}",
        fontsize=9,
    )
    tidy(axis, "x")
    handles = [
        Line2D([], [], marker="o", linestyle="", color="#777777", label="least squares"),
        Line2D(
            *([], []), marker="s", linestyle="", color="white", markeredgecolor="#777777",
            label="ridge",
        ),
        Line2D([], [], **_TICK, label="the paper, the same games"),
    ]  # fmt: skip
    figure.legend(handles=handles, loc="outside upper center", ncols=3, frameon=False, fontsize=9)
    return png(figure)


def curves(
    points: Mapping[str, Mapping[int, Mapping[str, float]]],
    games: Sequence[str],
    methods: Mapping[str, str],
) -> bytes:
    """Draw the mean accuracy over games against updates.

    Args:
        points: Title -> updates -> game -> accuracy.
        games: The games that the means cover.
        methods: Title to name of the method.
    """
    figure = new_figure(9.2, 4.2)
    axis = figure.subplots()
    for title, part in points.items():
        y = [float(np.mean([values[game] for game in games])) for values in part.values()]
        style = _style(methods[title])
        line = "--" if style["hatch"] else "-"
        axis.plot(list(part), y, line, color=style["color"], marker="o", markersize=4, label=title)
    axis.set_xscale("symlog", base=2, linthresh=250, linscale=0.5)
    ticks = sorted({update for part in points.values() for update in part})
    ticks = [update for update in ticks if not update or _is_doubling(update)]
    axis.set_xticks(ticks, [f"{update:,}" for update in ticks], fontsize=8.5)
    axis.minorticks_off()
    axis.set_xlim(left=0)
    axis.set_xlabel("updates")
    what = games[0] if len(games) == 1 else f"mean of {len(games)} games"
    axis.set_ylabel(f"slot accuracy (R²), {what}")
    figure.legend(loc="outside right upper", frameon=False, fontsize=9)
    tidy(axis, "both")
    return png(figure)


def _bars(
    axis: Axes, scores: Scores, games: Sequence[str], titles: Sequence[str], paper: bool
) -> None:
    width = 0.84 / max(len(titles), 1)
    for i, title in enumerate(titles):
        method = scores.methods[title]
        places = [x - 0.42 + (i + 0.5) * width for x in range(len(games))]
        found = [scores.estimate(title, game) for game in games]
        heights = [max(e.mean, LOWEST) if e else 0.0 for e in found]
        errors = [(e.error or 0.0) if e else 0.0 for e in found]
        style = _style(method)
        axis.bar(
            places, heights, width * 0.92, label=title, edgecolor="white", linewidth=0.3, **style
        )
        for x, height, error, game, value in zip(
            places, heights, errors, games, found, strict=True
        ):
            if error:
                axis.errorbar(x, height, min(error, 1.0), color="#333333", linewidth=0.9, capsize=1)
            if value is None:
                axis.annotate("×", (x, 0.0), ha="center", va="bottom", fontsize=7, color="#777777")  # noqa: RUF001
            elif value.mean < LOWEST:
                axis.annotate(
                    *(f"{value.mean:.2g}", (x, 0.02)), ha="center", va="bottom", rotation=90,
                    fontsize=6.5, color="black",
                )  # fmt: skip
            number = paper_mean(method, [game]) if paper else None
            if number is not None:
                axis.plot([x - width / 2, x + width / 2], [number] * 2, **_TICK)
    axis.axhline(0, color="#333333", linewidth=0.7)


def _shown(scores: Scores) -> list[str]:
    """Return the methods that are drawn: not the mean predictor, which is the line at 0."""
    return [title for title in scores.titles if scores.methods[title] != "mean"]


def _style(method: str) -> dict[str, Any]:
    if method in _COLOURS:
        return {"color": _COLOURS[method], "hatch": None}
    return {"color": _OTHERS[sum(method.encode()) % len(_OTHERS)], "hatch": "////"}


def _is_doubling(updates: int) -> bool:
    return updates % 250 == 0 and (updates // 250).bit_count() == 1
