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
from pretrain.bench.results.means import NONE
from pretrain.bench.results.row import Row
from pretrain.bench.results.sampling import repeats, sampling_lines
from slotenv.atomic import write_atomic

_INTRODUCTION = """\
Rendered from rows (`python -m pretrain tables ROWS.jsonl --out FOLDER`). Accuracy is the mean
test R2 of linear probes over a game's labels: 1 is perfect, 0 is predicting the mean. ± is the
standard error over seeds, where there are several; intervals are bootstrapped over games. The
paper's columns are its own numbers, at 62,500 updates."""
_SAMPLINGS = """\
Trainings alike but for the length of the runs of consecutive pairs that they draw, at equal
updates, over the seeds that both have."""
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
    for number, budget in enumerate((b for b in found if b not in repeated), 1):
        suffix = "" if number == 1 else f"-{number}"
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
    lines: list[str] = []

    def section(title: str, content: list[str], note: str = "") -> None:
        if content:
            lines.extend(["", f"### {title} ({budget})", "", *([note, ""] if note else [])])
            lines.extend(content)

    accuracy = scores_of(main, "scn", "accuracy")
    ridge = scores_of(main, "scn", "ridge_accuracy")
    if accuracy.values or accuracy.failed:
        _plot(out, f"accuracy{suffix}.png", plots.by_game(accuracy, str(budget), paper=True), lines)
        if accuracy.values and ridge.values:
            _plot(out, f"overall{suffix}.png", plots.overall(accuracy, ridge, str(budget)), lines)
        section(
            "Table 3: slot accuracy, the paper's labels",
            tables.accuracy_table(accuracy, paper=True),
        )
        section(
            "Slot accuracy with ridge, the paper's labels",
            tables.accuracy_table(ridge, paper=False),
            _RIDGE,
        )
        section(
            "Table 1: modularity and compactness, the paper's labels",
            tables.disentanglement_table(main, "scn"),
        )
        section("Table 2: SCN with and without its diversity loss", tables.ablation_table(main))
        section("Labels that are not coordinates", tables.label_effect_table(main))
        for method in dict.fromkeys(row["method"] for row in rows if is_variant(row)):
            section(f"Settings of {method}, the paper's labels", tables.sweep_table(rows, method))
    lines += _pixel_view(main, budget, out, suffix)
    return lines


def _pixel_view(rows: list[Row], budget: Budget, out: Path, suffix: str) -> list[str]:
    measured = [row for row in rows if row.get("view") == "pixel"]
    if not measured:
        return []
    lines: list[str] = []
    accuracy = scores_of(measured, "pixel", "accuracy")
    _plot(
        out,
        f"accuracy-pixel{suffix}.png",
        plots.by_game(accuracy, f"screen coordinates, {budget}", paper=False),
        lines,
    )
    for title, name in (
        ("accuracy where the object is on the screen", "accuracy"),
        ("the same with ridge", "ridge_accuracy"),
        ("presence, balanced accuracy (0.5 is chance)", "presence_accuracy"),
    ):
        content = tables.accuracy_table(scores_of(measured, "pixel", name), paper=False)
        lines += ["", f"### Screen coordinates: {title} ({budget})", "", *content]
    content = tables.disentanglement_table(measured, "pixel")
    return [
        *lines,
        *("", f"### Screen coordinates: modularity and compactness ({budget})", "", *content),
    ]


def _samplings(rows: list[Row], alike: list[Budget]) -> list[str]:
    headings, lines = sampling_lines(rows, alike)
    if not lines:
        return []
    others = alike[0]._replace(run_length=1)  # the columns say how long runs are
    title = f"### Slot accuracy by how pairs are drawn, the paper's labels ({others})"
    return ["", title, "", _SAMPLINGS, "", *tables.markdown(headings, lines)]


def _curves(rows: list[Row], out: Path) -> list[str]:
    parts: dict[Budget, list[Row]] = {}
    for row in rows:
        if row.get("snapshot"):
            parts.setdefault(budget_of(row)._replace(updates=1), []).append(row)
    lines: list[str] = []
    for number, (budget, part) in enumerate(sorted(parts.items(), key=str), 1):
        suffix = "" if number == 1 else f"-{number}"
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
                f"{sum(part[update][game] for game in games) / len(games):.3f}"
                if update in part
                else NONE
                for part in points.values()
            ),
        ]
        for update in updates
    ]
    lines = ["", f"## Accuracy against updates, the paper's labels ({trained_on})"]
    methods = {row["title"]: row["method"] for row in rows}
    _plot(image.parent, image.name, plots.curves(points, games, methods), lines)
    names = f"Means over {len(games)} games: {', '.join(games)}." if len(games) > 1 else games[0]
    return [*lines, "", *tables.markdown(["updates", *points], cells), "", names]


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


def _plot(out: Path, name: str, image: bytes, lines: list[str]) -> None:
    write_atomic(out / name, image)
    lines += ["", f"![{name.removesuffix('.png')}]({name})"]
