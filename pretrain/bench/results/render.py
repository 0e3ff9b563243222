"""From rows to ``tables.md`` and the plots."""

from pathlib import Path

from pretrain.bench.results import plots, tables
from pretrain.bench.results.aggregate import Scores, curves_of
from pretrain.bench.results.rows import (
    Budget,
    Row,
    budget_of,
    budgets,
    is_variant,
    repeats,
    rows_of,
)
from pretrain.drawing.estimate import number
from slotenv import markdown
from slotenv.atomic import write_atomic
from slotenv.probe import METRICS, metrics_of
from slotenv.probe.metrics import ALWAYS_THERE

_INTRODUCTION = """\
# Benchmark

Rendered from rows (`python -m pretrain tables ROWS.jsonl --out FOLDER`). Accuracy is the mean
test R2 of linear probes over a game's labels: 1 is perfect, 0 is predicting the mean. ± is the
standard error over seeds, where there are several; intervals are bootstrapped over games. The
paper's columns are its own numbers, at 62,500 updates."""
_SAMPLINGS = """\
Trainings alike but for the length of the runs of consecutive pairs that they draw, at equal
updates, over the seeds that both have."""
_RIDGE = "Least squares explodes on nearly collinear features, ridge does not."
_HEADINGS = {  # of tables; another metric's has its title
    ("scn", "accuracy"): "Table 3: slot accuracy, the paper's labels",
    ("scn", "ridge_accuracy"): "Slot accuracy with ridge, the paper's labels",
    ("scn", ""): "Table 1: modularity and compactness, the paper's labels",
    ("pixel", "accuracy"): "Screen coordinates: accuracy where the object is on the screen",
    ("pixel", "ridge_accuracy"): "Screen coordinates: the same with ridge",
    ("pixel", "presence_accuracy"): (
        "Screen coordinates: presence, balanced accuracy (0.5 is chance)"
    ),
    ("pixel", "named_accuracy"): "Screen coordinates: with ridge, slots in objects' order",
    ("pixel", ""): "Screen coordinates: modularity and compactness",
}


def render(rows: list[Row], out: Path) -> Path:
    """Write tables and plots into a folder, made if missing; return the path of ``tables.md``."""
    out.mkdir(parents=True, exist_ok=True)
    lines = [_INTRODUCTION]
    repeated = repeats(rows)
    for i, budget in enumerate((b for b in budgets(rows) if b not in repeated), 1):
        lines += ["", f"## {str(budget).capitalize()}"]
        lines += _of_budget(rows_of(rows, budget), budget, out, "" if i == 1 else f"-{i}")
        alike = [budget, *(b for b, of in repeated.items() if of == budget)]
        title = "Slot accuracy by how pairs are drawn, the paper's labels"
        headed = budget._replace(run_length=1)  # the columns say how long runs are
        lines += _section(title, headed, tables.sampling_table(rows, alike), _SAMPLINGS)
    lines += _curves([row for row in rows if row.get("snapshot")], out)
    if failed := [row for row in rows if "failed" in row]:
        lines += ["", "## Failed cells", ""]
    lines += [
        f"- {row['game']}, {row['title']}, seed {row['seed']}: {row['failed']} "
        f"(again: `{row['command']}`)"
        for row in failed
    ]
    path = out / "tables.md"
    write_atomic(path, "\n".join(lines) + "\n")
    return path


def _of_budget(rows: list[Row], budget: Budget, out: Path, suffix: str) -> list[str]:
    main = [row for row in rows if not is_variant(row)]
    lines = _view(main, "scn", budget, out, suffix)
    if lines:
        title = "Table 2: SCN with and without its diversity loss"
        lines += _section(title, budget, tables.ablation_table(main))
        title = "Labels that are not coordinates"
        lines += _section(title, budget, tables.label_effect_table(main))
        for method in dict.fromkeys(row["method"] for row in rows if is_variant(row)):
            title = f"Settings of {method}, the paper's labels"
            lines += _section(title, budget, tables.sweep_table(rows, method))
    measured = [row for row in main if row.get("view") == "pixel"]  # failures are listed above
    return lines + _view(measured, "pixel", budget, out, suffix)


def _view(rows: list[Row], view: str, budget: Budget, out: Path, suffix: str) -> list[str]:
    """Return the plots and tables of all metrics under a label view."""
    metrics = {name: Scores(rows, view, name) for name in metrics_of(view)}
    accuracy, ridge = metrics["accuracy"], metrics["ridge_accuracy"]
    if not accuracy.methods:
        return []
    of_paper = view == "scn"
    image = out / f"accuracy{'' if of_paper else '-pixel'}{suffix}.png"
    subtitle = f"{'' if of_paper else 'screen coordinates, '}{budget}"
    lines = _plot(image, plots.by_game(accuracy, subtitle, paper=of_paper))
    if of_paper and any(accuracy.values.values()) and any(ridge.values.values()):
        lines += _plot(out / f"overall{suffix}.png", plots.overall(accuracy, ridge, str(budget)))
    for name, scores in metrics.items():
        measured = name in ALWAYS_THERE or any(scores.values.values())  # not in rows of before
        if METRICS[name].by_game and measured:
            table = tables.accuracy_table(scores, paper=of_paper and name == "accuracy")
            title = _HEADINGS.get((view, name), f"{METRICS[name].title}, {view} labels")
            note = _RIDGE if of_paper and name == "ridge_accuracy" else ""
            lines += _section(title, budget, table, note)
    return lines + _section(_HEADINGS[view, ""], budget, tables.disentanglement_table(rows, view))


def _section(title: str, budget: Budget, table: list[str], note: str = "") -> list[str]:
    heading = ["", f"### {title} ({budget})", "", *([note, ""] if note else [])]
    return [*heading, *table] if table else []


def _curves(snapshots: list[Row], out: Path) -> list[str]:
    """Return a plot and a table for each set of snapshots whose trainings are alike."""
    parts: dict[Budget, list[Row]] = {}
    for row in snapshots:
        parts.setdefault(budget_of(row)._replace(updates=1), []).append(row)
    lines: list[str] = []
    for i, budget in enumerate(sorted(parts, key=repr), 1):
        games, curves = curves_of(parts[budget])
        if all(len(means) < 2 for means in curves.values()):
            continue
        updates = sorted({update for means in curves.values() for update in means})
        trained_on = str(budget).partition("updates of ")[2]
        image = out / f"curves{'' if i == 1 else f'-{i}'}.png"
        methods = {row["title"]: row["method"] for row in parts[budget]}
        cells = [
            [f"{update:,}", *(number(means.get(update)) for means in curves.values())]
            for update in updates
        ]
        lines += ["", f"## Accuracy against updates, the paper's labels ({trained_on})"]
        lines += _plot(image, plots.curves(curves, games, methods))
        lines += ["", *markdown.table(["updates", *curves], cells), ""]
        lines.append(
            f"Means over {len(games)} games: {', '.join(games)}." if len(games) > 1 else games[0]
        )
    return lines


def _plot(path: Path, image: bytes) -> list[str]:
    write_atomic(path, image)
    return ["", f"![{path.stem}]({path.name})"]
