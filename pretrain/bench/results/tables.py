"""The paper's tables from rows, as Markdown. Numbers are never typed, views never mixed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np

from pretrain.bench.results.aggregate import (
    Scores,
    bootstrap,
    is_variant,
    of_common_seeds,
    scores_of,
)
from pretrain.bench.results.means import (
    MARKED,
    count_games,
    mean_note,
    mean_rows,
    means,
    overall,
)
from pretrain.bench.results.row import Row
from pretrain.drawing.estimate import NONE, mean, number, show
from slotenv import markdown
from slotenv.labels import labels_for
from slotenv.probe import (
    METRICS,
    PAPER_ABLATION,
    PAPER_ACCURACY,
    PAPER_DISENTANGLEMENT,
    metrics_of,
)

PAPER_NAMES = {  # of our methods, in the paper's table 3 or in its authors' notebook
    "random": "random",
    "scn": "scn",
    "cswm": "cswm",
    "supervised": "supervised",
    "stdim": "notebook_stdim",
}
_DISENTANGLEMENT = [name for name, metric in METRICS.items() if not metric.by_game]
_AHEAD = "games ahead of the paper's SCN and C-SWM"
_AFFINE = ("position",)  # statuses of labels that are on a line with a coordinate
_COORDINATES = (*_AFFINE, "encoded")  # and of those that tell it in a code
_REASON_CHARS = 40

Lines = list[str]


def accuracy_table(scores: Scores, *, paper: bool) -> Lines:
    """Return accuracy by game and method (table 3), with overall means and their intervals.

    Every row of means is over one set of games, and has the methods that have all of them: first
    all games, then the smaller sets that methods stopped at or have come to.

    Args:
        scores: The metric.
        paper: Whether to put the paper's numbers beside.
    """
    headings = ["game"]
    for title in scores.titles:
        headings.append(title)
        if paper and scores.methods[title] in PAPER_NAMES:
            headings.append("*paper*")
    lines = [
        [game, *_beside(scores, paper, [game], partial(_cell, scores, game=game))]
        for game in scores.games
    ]
    rows, cut = mean_rows(scores)
    for i, (name, games) in enumerate(rows):
        average = partial(overall, scores, games=games)
        lines.append([name, *_beside(scores, paper, games, average)])
        if i == 0:
            spread = partial(_interval, scores, games=games)
            lines.append(["95 % interval over games", *_beside(scores, paper, [], spread)])
    if paper and (rivals := _rivals(scores.games)):
        lines.append([_AHEAD, *_beside(scores, paper, [], partial(_ahead, scores, rivals))])
    notes = [mean_note(scores, cut)]
    if paper and "stdim" in scores.methods.values():
        notes.append("ST-DIM's paper column is from the notebook of SCN's authors.")
    return [*markdown.table(headings, lines), "", " ".join(notes)]


def disentanglement_table(rows: Sequence[Row], view: str) -> Lines:
    """Return modularity and compactness by method, means over games (table 1).

    Methods that lack games come last, with the mean of those they have and their number.
    """
    metrics = {name: scores_of(rows, view, name) for name in _DISENTANGLEMENT}
    full = {name: scores.full_games() for name, scores in metrics.items()}
    titles = [
        title
        for title in next(iter(metrics.values())).titles
        if any(title in scores.values for scores in metrics.values())
    ]
    paper = view == "scn"
    headings = ["method", *(name.replace("_", " ") for name in _DISENTANGLEMENT)]
    lines: list[list[str]] = []
    partly: list[list[str]] = []
    for title in titles:
        name, cells, lacking = means(metrics, title, full)
        beside: dict[str, float] = {}
        method = next(iter(metrics.values())).methods[title]
        if paper:
            beside = PAPER_DISENTANGLEMENT.get(method, {})
            cells += [number(beside.get(name), 3) for name in ("modularity", "compactness")]
        (partly if lacking else lines).append([name, *cells])
    if paper:
        headings += ["*paper: modularity*", "*paper: compactness*"]
    sizes = {name: (len(full[name]), len(scores.games)) for name, scores in metrics.items()}
    covered = ", ".join(
        f"{name.replace('_', ' ')}: {some}{'' if some == every else f' of {every}'}"
        for name, (some, every) in sizes.items()
    )
    marked = f" {MARKED}" if partly else ""
    return [
        *markdown.table(headings, [*lines, *partly]),
        "",
        f"Means over the games with the metric ({covered} games); it is undefined for a single "
        f"object, a single slot and features without any weight.{marked}",
    ]


def ablation_table(rows: Sequence[Row]) -> Lines:
    """Return SCN without and with its diversity loss, and what it adds (table 2)."""
    names = ("accuracy", "ridge_accuracy", "modularity", "compactness")
    both = of_common_seeds([row for row in rows if row["method"] in ("loss1only", "scn")])
    metrics, common = _gathered(both, names)
    if any(len(scores.values) < 2 for scores in metrics.values()) or not all(common.values()):
        return []
    titles = {row["method"]: row["title"] for row in both}
    without, with_ = titles["loss1only"], titles["scn"]
    covered = "/".join(str(len(common[name])) for name in names)
    lines = [[title, covered, *_common_means(metrics, title, common)] for title in (without, with_)]
    gains = []
    for name in names:
        before, after = (metrics[name].by_game(title, common[name]) for title in (without, with_))
        found = bootstrap([a - b for a, b in zip(after, before, strict=True)])
        mean, low, high = (f"{number:+.{METRICS[name].digits}f}" for number in found)
        gains.append(f"{mean} [{low}, {high}]")
    lines.append(["what the diversity loss adds [95 %]", covered, *gains])
    for title, key in (("Loss1Only", "scn_loss1_only"), ("SCN", "scn")):
        beside = PAPER_ABLATION[key]
        cells = [number(beside.get(name), 2 if name == "accuracy" else 4) for name in names]
        lines.append([f"*paper: {title}*", "20", *cells])
    return markdown.table(["", "games", *(name.replace("_", " ") for name in names)], lines)


def label_effect_table(rows: Sequence[Row]) -> Lines:
    """Return overall accuracy with all labels of the paper, and with the coordinates alone.

    Coordinates are counted twice: with those whose byte is in a code that no linear probe undoes,
    and without.
    """
    every = scores_of(rows, "scn", "accuracy")
    only = scores_of(rows, "scn", partial(_accuracy_of, _COORDINATES))
    affine = scores_of(rows, "scn", partial(_accuracy_of, _AFFINE))
    full = affine.full_games()
    if not full:
        return []
    lines: list[list[str]] = []
    partly: list[list[str]] = []
    for title in every.titles:
        games = affine.covered(title, full)
        cells = [overall(scores, title, games) for scores in (every, only, affine)]
        if games == full:
            lines.append([title, *cells])
        elif games:
            partly.append([f"{title} ({count_games(len(games))})", *cells])
    labels = [label for game in full for label in labels_for(game, "scn").labels]
    some, fewer = (
        sum(label.status in kinds for label in labels) for kinds in (_COORDINATES, _AFFINE)
    )
    headings = [
        "method",
        f"all {len(labels)} labels",
        f"the {some} that are coordinates",
        f"the {fewer} whose byte is on a line with one",
    ]
    left_out = sorted(set(every.full_games()) - set(full))
    note = f"Means over {count_games(len(full))} ({', '.join(full)})"
    note += f"; no such label is scored in {', '.join(left_out)}." if left_out else "."
    note += f" {MARKED}" if partly else ""
    return [*markdown.table(headings, [*lines, *partly]), "", note]


def sweep_table(rows: Sequence[Row], method: str) -> Lines:
    """Return one line for each of a method's settings, means over the games all of them have."""
    part = [row for row in rows if row["method"] == method]
    swept = {row["game"] for row in part if is_variant(row)}
    part = of_common_seeds([row for row in part if row["game"] in swept])
    metrics, common = _gathered(part, list(metrics_of("scn")))
    headings = ["settings", *(name.replace("_", " ") for name in metrics)]
    titles = metrics["accuracy"].titles
    lines = [[title, *_common_means(metrics, title, common)] for title in titles]
    games, shared = metrics["accuracy"].games, common["accuracy"]
    if not shared:
        note = "No game has a number of every method, so there is no overall mean."
    else:
        missing = [game for game in games if game not in shared]
        note = f"The mean covers the {count_games(len(shared))} in which every method has a number"
        note += (
            f": {', '.join(shared)}. Left out: {', '.join(missing)}."
            if missing
            else ": all that are listed."
        )
    return [*markdown.table(headings, lines), "", note]


def paper_mean(method: str, games: Sequence[str]) -> float | None:
    """Return the mean of the paper's accuracies in some games, None if one is missing."""
    name = PAPER_NAMES.get(method)
    numbers = [PAPER_ACCURACY.get(game, {}).get(name) for game in games] if name else []
    known = [number for number in numbers if number is not None]
    return float(np.mean(known)) if known and len(known) == len(games) else None


def _gathered(
    rows: Sequence[Row], names: Sequence[str]
) -> tuple[dict[str, Scores], dict[str, list[str]]]:
    """Return the scores of metrics, and the games that all methods have each metric in."""
    metrics = {name: scores_of(rows, "scn", name) for name in names}
    return metrics, {name: scores.common_games() for name, scores in metrics.items()}


def _common_means(
    metrics: Mapping[str, Scores], title: str, common: Mapping[str, Sequence[str]]
) -> list[str]:
    return [
        overall(scores, title, common[name], METRICS[name].digits)
        for name, scores in metrics.items()
    ]


def _beside(
    scores: Scores, paper: bool, games: Sequence[str], cell: Callable[[str], str]
) -> list[str]:
    """Return a line's cells, each followed by the paper's mean over some games."""
    cells = []
    for title in scores.titles:
        cells.append(cell(title))
        if paper and scores.methods[title] in PAPER_NAMES:
            cells.append(number(paper_mean(scores.methods[title], games), 2) if games else "")
    return cells


def _cell(scores: Scores, title: str, game: str) -> str:
    text = show(scores.estimate(title, game))
    reason = scores.failed.get((title, game))
    if reason is None:
        return text
    short = reason if len(reason) <= _REASON_CHARS else reason[: _REASON_CHARS - 3] + "..."
    return f"failed: {short}" if text == NONE else f"{text} (a seed failed: {short})"


def _interval(scores: Scores, title: str, games: Sequence[str]) -> str:
    if len(games) < 2 or scores.overall(title, games) is None:
        return NONE
    found = bootstrap(scores.by_game(title, games))
    return f"{number(found.low, 2)} to {number(found.high, 2)}"


def _accuracy_of(statuses: Sequence[str], row: Row) -> float | None:
    labels = labels_for(row["game"], "scn").labels
    names = {label.name for label in labels if label.status in statuses}
    return mean(value for name, value in row["accuracy_by_label"].items() if name in names)


def _rivals(games: Sequence[str]) -> dict[str, float]:
    """Return the better of the paper's SCN and C-SWM, by game."""
    rivals = {}
    for game in games:
        numbers = [PAPER_ACCURACY.get(game, {}).get(name) for name in ("scn", "cswm")]
        if known := [number for number in numbers if number is not None]:
            rivals[game] = max(known)
    return rivals


def _ahead(scores: Scores, rivals: Mapping[str, float], title: str) -> str:
    part = [game for game in rivals if game in scores.values.get(title, {})]
    won = [game for game in part if scores.by_game(title, [game])[0] > rivals[game]]
    return f"{len(won)} of {len(part)}" if part else NONE
