"""The paper's tables from rows, as Markdown. Numbers are never typed, views never mixed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from pretrain.bench.results.aggregate import (
    Scores,
    bootstrap,
    is_variant,
    of_common_seeds,
    scores_of,
)
from pretrain.bench.results.means import (
    MARKED,
    NONE,
    count_games,
    mean_note,
    mean_rows,
    means,
    number_format,
    overall,
    show,
)
from pretrain.bench.results.row import Row
from slotenv.labels import labels_for
from slotenv.probe import PAPER_ABLATION, PAPER_ACCURACY, PAPER_DISENTANGLEMENT

PAPER_NAMES = {  # of our methods, in the paper's table 3 or in its authors' notebook
    "random": "random",
    "scn": "scn",
    "cswm": "cswm",
    "supervised": "supervised",
    "stdim": "notebook_stdim",
}
_DISENTANGLEMENT = ("modularity", "weighted_modularity", "compactness")
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
        mean = partial(overall, scores, games=games)
        lines.append([name, *_beside(scores, paper, games, mean)])
        if i == 0:
            spread = partial(_interval, scores, games=games)
            lines.append(["95 % interval over games", *_beside(scores, paper, [], spread)])
    if paper and (rivals := _rivals(scores.games)):
        lines.append([_AHEAD, *_beside(scores, paper, [], partial(_ahead, scores, rivals))])
    notes = [mean_note(scores, cut)]
    if paper and "stdim" in scores.methods.values():
        notes.append("ST-DIM's paper column is from the notebook of SCN's authors.")
    return [*markdown(headings, lines), "", " ".join(notes)]


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
            cells += [_paper(beside.get(name), 3) for name in ("modularity", "compactness")]
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
        *markdown(headings, [*lines, *partly]),
        "",
        f"Means over the games with the metric ({covered} games); it is undefined for a single "
        f"object, a single slot and features without any weight.{marked}",
    ]


def ablation_table(rows: Sequence[Row]) -> Lines:
    """Return SCN without and with its diversity loss, and what it adds (table 2)."""
    names = ("accuracy", "ridge_accuracy", "modularity", "compactness")
    both = of_common_seeds([row for row in rows if row["method"] in ("loss1only", "scn")])
    without, with_ = ([r for r in both if r["method"] == m] for m in ("loss1only", "scn"))
    metrics = {name: scores_of([*without, *with_], "scn", name) for name in names}
    common = {name: scores.common_games() for name, scores in metrics.items()}
    if any(len(scores.values) < 2 for scores in metrics.values()) or not all(common.values()):
        return []
    titles = without[0]["title"], with_[0]["title"]
    covered = "/".join(str(len(common[name])) for name in names)
    lines = [
        [title, covered, *(overall(metrics[n], title, common[n], _digits(n)) for n in names)]
        for title in titles
    ]
    gains = []
    for name in names:
        before, after = (metrics[name].by_game(title, common[name]) for title in titles)
        found = bootstrap([a - b for a, b in zip(after, before, strict=True)])
        gains.append(
            f"{found.mean:+.{_digits(name)}f} "
            f"[{found.low:+.{_digits(name)}f}, {found.high:+.{_digits(name)}f}]"
        )
    lines.append(["what the diversity loss adds [95 %]", covered, *gains])
    for title, key in (("Loss1Only", "scn_loss1_only"), ("SCN", "scn")):
        beside = PAPER_ABLATION[key]
        cells = [_paper(beside.get(name), 2 if name == "accuracy" else 4) for name in names]
        lines.append([f"*paper: {title}*", "20", *cells])
    return markdown(["", "games", *(name.replace("_", " ") for name in names)], lines)


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
    return [*markdown(headings, [*lines, *partly]), "", note]


def sweep_table(rows: Sequence[Row], method: str) -> Lines:
    """Return one line for each of a method's settings, means over the games all of them have."""
    part = [row for row in rows if row["method"] == method]
    swept = {row["game"] for row in part if is_variant(row)}
    part = of_common_seeds([row for row in part if row["game"] in swept])
    names = ("accuracy", "ridge_accuracy", *_DISENTANGLEMENT)
    metrics = {name: scores_of(part, "scn", name) for name in names}
    common = {name: scores.common_games() for name, scores in metrics.items()}
    headings = ["settings", *(name.replace("_", " ") for name in names)]
    lines = [
        [title, *(overall(metrics[name], title, common[name], _digits(name)) for name in names)]
        for title in metrics["accuracy"].titles
    ]
    return [*markdown(headings, lines), "", coverage(metrics["accuracy"], common["accuracy"])]


def coverage(scores: Scores, common: Sequence[str]) -> str:
    """Say which games a mean covers."""
    if not common:
        return "No game has a number of every method, so there is no overall mean."
    missing = [game for game in scores.games if game not in common]
    text = f"The mean covers the {count_games(len(common))} in which every method has a number"
    if missing:
        return f"{text}: {', '.join(common)}. Left out: {', '.join(missing)}."
    return f"{text}: all that are listed."


def markdown(headings: Sequence[str], lines: Sequence[Sequence[str]]) -> Lines:
    """Lay out a table."""
    rule = ["---", *("---:" for _ in headings[1:])]
    return [f"| {' | '.join(cells)} |" for cells in (headings, rule, *lines)]


def _beside(
    scores: Scores, paper: bool, games: Sequence[str], cell: Callable[[str], str]
) -> list[str]:
    """Return a line's cells, each followed by the paper's mean over some games."""
    cells = []
    for title in scores.titles:
        cells.append(cell(title))
        name = PAPER_NAMES.get(scores.methods[title])
        if paper and name:
            values = [PAPER_ACCURACY.get(game, {}).get(name) for game in games]
            known = [value for value in values if value is not None]
            complete = known and len(known) == len(values)
            cells.append(f"{sum(known) / len(known):.2f}" if complete else NONE if games else "")
    return cells


def _cell(scores: Scores, title: str, game: str) -> str:
    text = show(scores.estimate(title, game))
    reason = scores.failed.get((title, game))
    if reason is None:
        return text
    short = reason if len(reason) <= _REASON_CHARS else reason[: _REASON_CHARS - 3] + "..."
    short = f"failed: {short}".replace("|", "/")
    return short if text == NONE else f"{text} (a seed {short})"


def _interval(scores: Scores, title: str, games: Sequence[str]) -> str:
    if len(games) < 2 or scores.overall(title, games) is None:
        return NONE
    found = bootstrap(scores.by_game(title, games))
    low, high = (f"{end:{number_format(end, 2)}}" for end in (found.low, found.high))
    return f"{low} to {high}"


def _paper(value: float | None, digits: int) -> str:
    return NONE if value is None else f"{value:.{digits}f}"


def _digits(name: str) -> int:
    return 3 if "accuracy" in name else 4


def _accuracy_of(statuses: Sequence[str], row: Row) -> float | None:
    labels = labels_for(row["game"], "scn").labels
    names = {label.name for label in labels if label.status in statuses}
    values = [value for name, value in row["accuracy_by_label"].items() if name in names]
    return sum(values) / len(values) if values else None


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
