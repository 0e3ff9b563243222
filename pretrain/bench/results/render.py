"""From rows to ``tables.md`` and the plots."""

from __future__ import annotations

from pathlib import Path

from pretrain.bench.results import plots, tables
from pretrain.bench.results.aggregate import (
    Budget,
    budget_of,
    budgets,
    curve_games,
    is_variant,
    means_by_update,
    rows_of,
    scores_of,
)
from pretrain.bench.results.row import Row
from pretrain.bench.results.sampling import repeats, sampling_lines
from pretrain.drawing.estimate import mean, number
from slotenv import markdown
from slotenv.atomic import write_atomic
from slotenv.probe import metrics_of

_INTRODUCTION = """\
Rendered from rows (`python -m pretrain tables ROWS.jsonl --out FOLDER`). Accuracy is the mean
test R2 of linear probes over a game's labels: 1 is perfect, 0 is predicting the mean. ± is the
standard error over seeds, where there are several; intervals are bootstrapped over games. The
paper's columns are its own numbers, at 62,500 updates."""
_SAMPLINGS = """\
Trainings alike but for the length of the runs of consecutive pairs that they draw, at equal
updates, over the seeds that both have."""
_HEADINGS = {  # of tables; another metric's has its title
    ("scn", "accuracy"): "Table 3: slot accuracy, the paper's labels",
    ("scn", "ridge_accuracy"): "Slot accuracy with ridge, the paper's labels",
    ("scn", ""): "Table 1: modularity and compactness, the paper's labels",
    ("pixel", "accuracy"): "Screen coordinates: accuracy where the object is on the screen",
    ("pixel", "ridge_accuracy"): "Screen coordinates: the same with ridge",
    ("pixel", "presence_accuracy"): (
        "Screen coordinates: presence, balanced accuracy (0.5 is chance)"
    ),
    ("pixel", ""): "Screen coordinates: modularity and compactness",
}
_RIDGE = "Least squares explodes on nearly collinear features, ridge does not."


def render(rows: list[Row], out: Path) -> Path:
    """Write tables and plots of rows into a folder.

    Args:
        rows: As :func:`pretrain.bench.results.rows.read_rows` gives them.
        out: The folder, made if missing.

    Returns:
        Path of ``tables.md``.
    """
    out.mkdir(parents=True, exist_ok=True)
    lines = ["# Benchmark", "", *_INTRODUCTION.splitlines()]
    found = budgets(rows)
    repeated = repeats(rows, found)
    for i, budget in enumerate((b for b in found if b not in repeated), 1):
        suffix = "" if i == 1 else f"-{i}"
        lines += ["", f"## {str(budget)[0].upper()}{str(budget)[1:]}"]
        lines += _of_budget(rows_of(rows, budget), budget, out, suffix)
        lines += _samplings(rows, [budget, *(b for b, of in repeated.items() if of == budget)])
    lines += _curves(rows, out)
    lines += _failures(rows)
    path = out / "tables.md"
    write_atomic(path, "\n".join(lines) + "\n")
    return path


def _of_budget(rows: list[Row], budget: Budget, out: Path, suffix: str) -> list[str]:
    main = [row for row in rows if not is_variant(row)]
    lines = _view(main, "scn", budget, out, suffix)
    if lines:
        lines += _section(
            "Table 2: SCN with and without its diversity loss", budget, tables.ablation_table(main)
        )
        lines += _section(
            "Labels that are not coordinates", budget, tables.label_effect_table(main)
        )
        for method in dict.fromkeys(row["method"] for row in rows if is_variant(row)):
            title = f"Settings of {method}, the paper's labels"
            lines += _section(title, budget, tables.sweep_table(rows, method))
    measured = [row for row in main if row.get("view") == "pixel"]  # failures are listed above
    return lines + _view(measured, "pixel", budget, out, suffix)


def _view(rows: list[Row], view: str, budget: Budget, out: Path, suffix: str) -> list[str]:
    """Return the plots and tables of all metrics under a label view."""
    accuracy = scores_of(rows, view, "accuracy")
    if not accuracy.methods:
        return []
    of_paper = view == "scn"
    image = f"accuracy{'' if of_paper else '-pixel'}{suffix}.png"
    subtitle = f"{'' if of_paper else 'screen coordinates, '}{budget}"
    lines = _plot(out, image, plots.by_game(accuracy, subtitle, paper=of_paper))
    ridge = scores_of(rows, view, "ridge_accuracy")
    if of_paper and accuracy.values and ridge.values:
        lines += _plot(out, f"overall{suffix}.png", plots.overall(accuracy, ridge, str(budget)))
    for name, metric in metrics_of(view).items():
        if metric.by_game:
            paper = of_paper and name == "accuracy"
            table = tables.accuracy_table(scores_of(rows, view, name), paper=paper)
            title = _HEADINGS.get((view, name), f"{metric.title}, {view} labels")
            note = _RIDGE if of_paper and name == "ridge_accuracy" else None
            lines += _section(title, budget, table, note)
    return lines + _section(_HEADINGS[view, ""], budget, tables.disentanglement_table(rows, view))


def _section(title: str, budget: Budget, content: list[str], note: str | None = None) -> list[str]:
    if not content:
        return []
    return ["", f"### {title} ({budget})", "", *([note, ""] if note else []), *content]


def _samplings(rows: list[Row], alike: list[Budget]) -> list[str]:
    headings, lines = sampling_lines(rows, alike)
    if not lines:
        return []
    others = alike[0]._replace(run_length=1)  # the columns say how long runs are
    title = "Slot accuracy by how pairs are drawn, the paper's labels"
    return _section(title, others, markdown.table(headings, lines), _SAMPLINGS)


def _curves(rows: list[Row], out: Path) -> list[str]:
    parts: dict[Budget, list[Row]] = {}
    for row in rows:
        if row.get("snapshot"):
            parts.setdefault(budget_of(row)._replace(updates=1), []).append(row)
    lines: list[str] = []
    for i, (budget, part) in enumerate(sorted(parts.items(), key=str), 1):
        suffix = "" if i == 1 else f"-{i}"
        lines += _curve(part, str(budget).partition("updates of ")[2], out / f"curves{suffix}.png")
    return lines


def _curve(rows: list[Row], trained_on: str, image: Path) -> list[str]:
    points = means_by_update(rows)
    games = curve_games(points)
    if not games or all(len(part) < 2 for part in points.values()):
        return []
    updates = sorted({update for part in points.values() for update in part})
    cells = [
        [
            f"{update:,}",
            *(
                number(mean(part[update][game] for game in games) if update in part else None)
                for part in points.values()
            ),
        ]
        for update in updates
    ]
    lines = ["", f"## Accuracy against updates, the paper's labels ({trained_on})"]
    methods = {row["title"]: row["method"] for row in rows}
    lines += _plot(image.parent, image.name, plots.curves(points, games, methods))
    names = f"Means over {len(games)} games: {', '.join(games)}." if len(games) > 1 else games[0]
    return [*lines, "", *markdown.table(["updates", *points], cells), "", names]


def _failures(rows: list[Row]) -> list[str]:
    failed = [row for row in rows if "failed" in row]
    if not failed:
        return []
    lines = [
        f"- {row['game']}, {row['title']}, seed {row['seed']}: {row['failed']} "
        f"(again: `{row['command']}`)"
        for row in failed
    ]
    return ["", "## Failed cells", "", *lines]


def _plot(out: Path, name: str, image: bytes) -> list[str]:
    write_atomic(out / name, image)
    return ["", f"![{name.removesuffix('.png')}]({name})"]
