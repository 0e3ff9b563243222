"""The paper's tables from rows, as Markdown. Numbers are never typed, views never mixed."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from functools import partial

from pretrain.bench.results.aggregate import (
    Scores,
    bootstrap,
    common,
    count_games,
    means_by_method,
    rows_of_means,
)
from pretrain.bench.results.rows import Budget, Row, budget_of, is_variant
from pretrain.drawing.estimate import NONE, estimate, mean, number, show
from slotenv import markdown
from slotenv.labels import labels_for
from slotenv.probe import METRICS, PAPER_ABLATION, PAPER_ACCURACY, PAPER_DISENTANGLEMENT, metrics_of

PAPER_NAMES = {name: name for name in ("random", "scn", "cswm", "supervised")}
PAPER_NAMES["stdim"] = "notebook_stdim"  # not in the paper's table 3
_AFFINE = ("position",)  # statuses of labels that are on a line with a coordinate
_COORDINATES = (*_AFFINE, "encoded")  # and of those that tell it in a code
_REASON_CHARS = 40


def accuracy_table(scores: Scores, *, paper: bool) -> list[str]:
    """Return a metric by game and method (table 3), with means over games and their intervals.

    Every row of means is over one set of games, and has the methods that have all of them: first
    all games, then the smaller sets that methods stopped at or have come to. With ``paper``, the
    paper's numbers stand beside.
    """
    titles = scores.methods

    def line(
        name: str, cells: Iterable[str], games: Collection[str] = (), beside: str = ""
    ) -> list[str]:
        row = [name]
        for method, cell in zip(titles.values(), cells, strict=True):
            row.append(cell)
            if paper and method in PAPER_NAMES:
                row.append(number(paper_mean(method, games), 2) if games else beside)
        return row

    lines = [line(g, (_cell(scores, g, title) for title in titles), [g]) for g in scores.games]
    means, note = rows_of_means(scores)
    for i, (name, games) in enumerate(means.items()):
        lines.append(line(name, (show(scores.overall(title, games)) for title in titles), games))
        if i == 0:
            cells = (_interval(scores, games, title) for title in titles)
            lines.append(line("95 % interval over games", cells))
    if paper and any(game in PAPER_ACCURACY for game in scores.games):
        cells = (games_ahead(scores, title) for title in titles)
        lines.append(line("games ahead of the paper's SCN and C-SWM", cells))
    if paper and "stdim" in scores.methods.values():
        note += " ST-DIM's paper column is from the notebook of SCN's authors."
    return [*markdown.table(line("game", titles, beside="*paper*"), lines), "", note]


def disentanglement_table(rows: Sequence[Row], view: str) -> list[str]:
    """Return modularity and compactness by method, means over games (table 1).

    Methods that lack games come last, with the mean of those they have and their number.
    """
    names = _measured(rows, (name for name, metric in METRICS.items() if not metric.by_game))
    metrics = {name.replace("_", " "): Scores(rows, view, name) for name in names}
    lines, marked = means_by_method(list(metrics.values()), digits=4)
    headings = ["method", *metrics]
    if view == "scn":
        methods = next(iter(metrics.values())).methods
        for title, line in lines.items():
            beside = PAPER_DISENTANGLEMENT.get(methods[title], {})
            line += [number(beside.get(name)) for name in ("modularity", "compactness")]
        headings += ["*paper: modularity*", "*paper: compactness*"]
    covered = []
    for name, scores in metrics.items():
        some, every = len(scores.full_games()), len(scores.games)
        covered.append(f"{name}: {some}" + ("" if some == every else f" of {every}"))
    return [
        *markdown.table(headings, lines.values()),
        "",
        f"Means over the games with the metric ({', '.join(covered)} games); it is undefined for a "
        f"single object, a single slot and features without any weight.{marked}",
    ]


def label_effect_table(rows: Iterable[Row]) -> list[str]:
    """Return overall accuracy with all labels of the paper, and with the coordinates alone.

    Coordinates are counted twice: with those whose byte is in a code that no linear probe undoes,
    and without.
    """
    rows = [row for row in rows if row.get("view") == "scn"]
    some, fewer = (partial(_accuracy_of, kinds) for kinds in (_COORDINATES, _AFFINE))
    scored = [row for row in rows if fewer(row) is not None]
    if not scored:
        return []
    metrics = [Scores(scored, "scn", value) for value in ("accuracy", some, fewer)]
    lines, marked = means_by_method(metrics)
    full = metrics[-1].full_games()
    statuses = [label.status for game in full for label in labels_for(game, "scn").labels]
    headings = [
        "method",
        f"all {len(statuses)} labels",
        f"the {sum(map(_COORDINATES.count, statuses))} that are coordinates",
        f"the {sum(map(_AFFINE.count, statuses))} whose byte is on a line with one",
    ]
    left_out = sorted(set(Scores(rows, "scn", "accuracy").full_games()) - set(full))
    note = f"Means over {count_games(len(full))} ({', '.join(full)})"
    note += f"; no such label is scored in {', '.join(left_out)}." if left_out else "."
    return [*markdown.table(headings, lines.values()), "", note + marked]


def ablation_table(rows: Iterable[Row]) -> list[str]:
    """Return SCN without and with its diversity loss, and what it adds (table 2)."""
    names = ("accuracy", "ridge_accuracy", "modularity", "compactness")
    both = [row for row in rows if row["method"] in ("loss1only", "scn")]
    titles = {row["method"]: row["title"] for row in both}
    metrics, games, lines = _compared(both, names)
    if len(titles) < 2 or any(NONE in line for line in lines.values()):
        return []
    covered = "/".join(str(len(games[name])) for name in names)
    without, with_ = titles["loss1only"], titles["scn"]
    table = [[title, covered, *cells] for title, *cells in (lines[without], lines[with_])]
    gains = []
    for name in names:
        before, after = (metrics[name].by_game(title, games[name]) for title in (without, with_))
        found = bootstrap([a - b for a, b in zip(after, before, strict=True)])
        mean, low, high = (f"{number:+.{METRICS[name].digits}f}" for number in found)
        gains.append(f"{mean} [{low}, {high}]")
    table.append(["what the diversity loss adds [95 %]", covered, *gains])
    for title, key in (("Loss1Only", "scn_loss1_only"), ("SCN", "scn")):
        beside = PAPER_ABLATION[key]
        cells = [number(beside.get(name), 2 if name == "accuracy" else 4) for name in names]
        table.append([f"*paper: {title}*", "20", *cells])
    return markdown.table(["", "games", *(name.replace("_", " ") for name in names)], table)


def sweep_table(rows: Iterable[Row], method: str) -> list[str]:
    """Return one line for each of a method's settings, means over the games all of them have."""
    part = [row for row in rows if row["method"] == method]
    swept = {row["game"] for row in part if is_variant(row)}
    names = _measured(part, metrics_of("scn"))
    metrics, games, lines = _compared([row for row in part if row["game"] in swept], names)
    headings = ["settings", *(name.replace("_", " ") for name in names)]
    shared = games["accuracy"]
    missing = [game for game in metrics["accuracy"].games if game not in shared]
    note = f"The mean covers the {count_games(len(shared))} in which every method has a number: "
    left_out = f". Left out: {', '.join(missing)}."
    note += ", ".join(shared) + left_out if missing else "all that are listed."
    if not shared:
        note = "No game has a number of every method, so there is no overall mean."
    return [*markdown.table(headings, lines.values()), "", note]


def sampling_table(rows: Iterable[Row], budgets: Iterable[Budget]) -> list[str]:
    """Return accuracy by method, game and length of the runs that pairs are drawn in.

    The budgets differ in that length only. Every line is over the seeds that all its numbers have;
    there is no table where only one length has been run, or no seed is common.
    """
    finals = [row for row in rows if not row.get("snapshot") and not is_variant(row)]
    scores = {
        budget.run_length: Scores(
            (row for row in finals if budget_of(row) == budget), "scn", "accuracy"
        )
        for budget in sorted(budgets)
    }
    lines = []
    for title in dict.fromkeys(title for one in scores.values() for title in one.values):
        for game in sorted({game for one in scores.values() for game in one.games}):
            parts = [one.values.get(title, {}).get(game, {}) for one in scores.values()]
            seeds = common(parts) if sum(map(bool, parts)) > 1 else []
            if seeds:
                cells = [show(estimate(map(part.get, seeds))) for part in parts]
                lines.append([title, game, str(len(seeds)), *cells])
    named = ["random pairs" if length == 1 else f"runs of {length}" for length in scores]
    return markdown.table(["method", "game", "seeds", *named], lines) if lines else []


def paper_mean(method: str, games: Collection[str]) -> float | None:
    """Return the mean of the paper's accuracies in some games, None if one is missing."""
    name = PAPER_NAMES.get(method, "")
    numbers = [PAPER_ACCURACY.get(game, {}).get(name) for game in games]
    return None if None in numbers else mean(numbers)


def games_ahead(scores: Scores, title: str) -> str:
    """Say in how many games a method is ahead of the better of the paper's SCN and C-SWM.

    Returns:
        ``"18 of 20"``, or a dash if it has no game of the paper's.
    """
    games = [game for game in scores.values[title] if game in PAPER_ACCURACY]
    won = 0
    for game, own in zip(games, scores.by_game(title, games), strict=True):
        rivals = (PAPER_ACCURACY[game][name] for name in ("scn", "cswm"))
        won += all(rival is None or own > rival for rival in rivals)
    return f"{won} of {len(games)}" if games else NONE


def _measured(rows: Iterable[Row], names: Iterable[str]) -> list[str]:
    """Leave out the metrics that no row has, as rows of before lack newer ones; not the first."""
    first, *others = names
    rows = list(rows)
    return [first, *(name for name in others if any(row.get(name) is not None for row in rows))]


def _compared(
    rows: Sequence[Row], names: Iterable[str]
) -> tuple[dict[str, Scores], dict[str, list[str]], dict[str, list[str]]]:
    """Return the scores of metrics, the games that all methods have them in, and lines of means.

    They are over the seeds that all methods of a game have: one seed of a training may differ from
    the next by more than one method from another.
    """
    seeds: dict[str, dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
    for row in rows:
        seeds[row["game"]][row["title"]].add(row["seed"])
    kept = [row for row in rows if row["seed"] in common(seeds[row["game"]].values())]
    metrics = {name: Scores(kept, "scn", name) for name in names}
    games = {name: common(scores.values.values()) for name, scores in metrics.items()}
    lines = {title: [title] for title in next(iter(metrics.values())).methods}
    for title, line in lines.items():
        for name, scores in metrics.items():
            line.append(show(scores.overall(title, games[name]), METRICS[name].digits))
    return metrics, games, lines


def _cell(scores: Scores, game: str, title: str) -> str:
    text = show(scores.estimate(title, game))
    reason = scores.failed.get((title, game))
    if reason is None:
        return text
    short = reason if len(reason) <= _REASON_CHARS else reason[: _REASON_CHARS - 3] + "..."
    return f"failed: {short}" if text == NONE else f"{text} (a seed failed: {short})"


def _interval(scores: Scores, games: Collection[str], title: str) -> str:
    if len(games) < 2 or scores.overall(title, games) is None:
        return NONE
    _, low, high = bootstrap(scores.by_game(title, games))
    return f"{number(low, 2)} to {number(high, 2)}"


def _accuracy_of(statuses: Collection[str], row: Row) -> float | None:
    labels = labels_for(row["game"], "scn").labels
    names = {label.name for label in labels if label.status in statuses}
    return mean(value for name, value in row["accuracy_by_label"].items() if name in names)
