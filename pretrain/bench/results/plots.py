"""The benchmark's plots, each a function from scores to a PNG file."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pretrain.bench.results.aggregate import Scores, bootstrap, count_games
from pretrain.bench.results.tables import paper_mean
from pretrain.drawing.files import png, tidy
from slotenv.environments import atari_game

Look = dict[str, Any]

LOWEST = -0.4
"""Accuracies below are drawn here, with their number: one of -27 would flatten the others."""

# Okabe and Ito's colours, told apart by all kinds of colour vision, and six of Tol's.
_COLOURS = {
    "pixels": "#CC79A7",
    "random": "#999999",
    "scn": "#0072B2",
    "loss1only": "#56B4E9",
    "slot_attention": "#882255",
    "slot_attention_contrast": "#DDAACC",
    "cswm": "#009E73",
    "stdim": "#E69F00",
    "object_mixture": "#44AA99",
    "object_mixture_held": "#DDCC77",
    "objects": "#117733",
    "objects_held": "#999933",
    "supervised": "#D55E00",
    "coordinates": "#F0E442",
}
_OTHERS = ("#555555", "#332288", "#661100", "#AA4499")  # hatched
_TICK: Look = {"color": "black", "linewidth": 2, "solid_capstyle": "butt"}
_GAMES_A_ROW = 7
_PALE = 0.45  # opacity of what does not compare with the rest


def by_game(scores: Scores, subtitle: str, *, paper: bool) -> bytes:
    """Draw a bar of slot accuracy for each game and method, with standard errors over seeds.

    With ``paper``, the paper's number is marked on the bars of the methods it has.
    """
    titles, games = _shown(scores), scores.games
    rows = max(math.ceil(len(games) / _GAMES_A_ROW), 1)
    per_row = math.ceil(len(games) / rows) if games else 1
    size = max(7.6, 1.9 * per_row + 1.0), 2.5 * rows + 1.3
    figure = Figure(figsize=size, layout="constrained")
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
    """Draw every method's mean slot accuracy with its 95 % bootstrap interval over games.

    ``scores`` are by least squares. Methods that lack games come last, paler, over the games they
    have and with their number.
    """
    full = sorted(set(scores.full_games()) & set(ridge.full_games()))
    covered = {
        title: sorted(set(scores.covered(title, full)) & set(ridge.covered(title, full)))
        for title in _shown(scores)
    }
    titles = sorted(filter(covered.get, covered), key=lambda title: covered[title] != full)
    names = []
    figure = Figure(figsize=(7.6, 1.6 + 0.52 * max(len(titles), 1)), layout="constrained")
    axis = figure.subplots()
    for row, title in enumerate(titles):
        games, colour = covered[title], _style(scores.methods[title])["color"]
        names.append(title if games == full else f"{title} ({count_games(len(games))})")
        alpha = 1.0 if games == full else _PALE
        filled: Look = {"color": colour, "markeredgecolor": "#333333", "markeredgewidth": 0.6}
        hollow: Look = {"color": "white", "markeredgecolor": colour, "markeredgewidth": 1.6}
        marks = (scores, row - 0.13, "o", filled), (ridge, row + 0.13, "s", hollow)
        for part, y, marker, look in marks:
            mean, low, high = bootstrap(part.by_game(title, games))
            ends = np.maximum([low, high], LOWEST)
            axis.plot(ends, [y, y], color="#333333", linewidth=1.3, alpha=alpha)
            place = [max(mean, LOWEST)], [y]
            axis.plot(*place, marker, markersize=7, zorder=3, alpha=alpha, **look)
            if mean < LOWEST:
                axis.annotate(f"{mean:.2g}", (LOWEST, y - 0.12), va="bottom", fontsize=8)
        if (number := paper_mean(scores.methods[title], games)) is not None:
            axis.plot([number, number], [row - 0.34, row + 0.34], **_TICK, alpha=alpha)
    axis.set_yticks(range(len(titles)), names)
    axis.set_ylim(max(len(titles), 1) - 0.5, -0.5)
    fewer = "\npale: over fewer games, does not compare with the others" if names != titles else ""
    axis.set_xlabel(
        f"slot accuracy (R²), mean of {count_games(len(full))} with 95 % interval over games"
        f"{fewer}\n{subtitle}",
        fontsize=9,
    )
    tidy(axis, "x")
    grey: Look = {"linestyle": "", "markeredgecolor": "#777777"}
    handles = [
        Line2D([], [], marker="o", color="#777777", label="least squares", **grey),
        Line2D([], [], marker="s", color="white", label="ridge", **grey),
        Line2D([], [], **_TICK, label="the paper, the same games"),
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=3, frameon=False, fontsize=9)
    return png(figure)


def curves(
    means: Mapping[str, Mapping[int, float]], games: Sequence[str], methods: Mapping[str, str]
) -> bytes:
    """Draw mean accuracies over games (title -> updates -> accuracy) against updates."""
    figure = Figure(figsize=(9.2, 4.2), layout="constrained")
    axis = figure.subplots()
    for title, part in means.items():
        style = _style(methods[title])
        line = "--" if style["hatch"] else "-"
        x, y = list(part), list(part.values())
        axis.plot(x, y, line, color=style["color"], marker="o", markersize=4, label=title)
    axis.set_xscale("symlog", base=2, linthresh=250, linscale=0.5)
    drawn = {update for part in means.values() for update in part}
    ticks = sorted(drawn & {0, *(250 << doublings for doublings in range(40))})
    axis.set_xticks(ticks, [f"{update:,}" for update in ticks], fontsize=8.5)
    axis.minorticks_off()
    axis.set_xlim(left=0)
    axis.set_xlabel("updates")
    mean = games[0] if len(games) == 1 else f"mean of {len(games)} games"
    axis.set_ylabel(f"slot accuracy (R²), {mean}")
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
        look = {"edgecolor": "white", "linewidth": 0.3, **_style(method)}
        axis.bar(places, heights, width * 0.92, label=title, **look)
        for x, height, game, value in zip(places, heights, games, found, strict=True):
            text: Look = {"ha": "center", "va": "bottom"}
            if value is None:
                axis.annotate("×", (x, 0.0), fontsize=7, color="#777777", **text)  # noqa: RUF001
            elif value.mean < LOWEST:
                axis.annotate(f"{value.mean:.2g}", (x, 0.02), rotation=90, fontsize=6.5, **text)
            if value and value.error:
                error = min(value.error, 1.0)
                axis.errorbar(x, height, error, color="#333333", linewidth=0.9, capsize=1)
            if paper and (number := paper_mean(method, [game])) is not None:
                axis.plot([x - width / 2, x + width / 2], [number] * 2, **_TICK)
    axis.axhline(0, color="#333333", linewidth=0.7)


def _shown(scores: Scores) -> list[str]:
    """Return the methods that are drawn: not the mean predictor, which is the line at 0."""
    return [title for title, method in scores.methods.items() if method != "mean"]


def _style(method: str) -> Look:
    if method in _COLOURS:
        return {"color": _COLOURS[method], "hatch": None}
    return {"color": _OTHERS[sum(method.encode()) % len(_OTHERS)], "hatch": "////"}
