"""The tables of ``variants.py``: means over games, and accuracy by game."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean, stdev

from variants_of_objects import UP, VARIANTS, WITHOUT

from pretrain.bench.results.rows import budgets, is_variant, read_rows, repeats, rows_of
from pretrain.drawing.estimate import number as shown
from pretrain.runtime.resumable import Row
from slotenv.markdown import table

_WORST = -1.0  # R2 has no lower bound, and explodes where numbers that repeat get huge weights

NUMBERS = {  # of a row, and with how many digits the table shows it
    "scn_ridge": 3,
    "scn_accuracy": 3,
    "pixel_ridge": 3,
    "pixel_accuracy": 3,
    "presence": 3,
    "scn_modularity": 3,
    "scn_compactness": 3,
    "num_slots": 1,
    "fit_seconds": 1,
    "frames_per_second": 0,
}

Cells = dict[tuple[str, str], dict[str, float]]  # (variant, game) to numbers, means over seeds


def quoted(path: Path, games: list[str]) -> tuple[dict[str, str], list[Row]]:
    """Return titles and rows of Slot Contrastive Networks, of a benchmark's first tables."""
    rows: dict[tuple[str, str, int], Row] = {}
    updates: dict[str, int] = {}
    every = read_rows([path]) if path.exists() else []
    shown = [budget for budget in budgets(every) if budget not in repeats(every)]
    for row in rows_of(every, shown[0]) if shown else []:
        name = row["method"]
        if name not in ("random", "scn") or row["game"] not in games or "failed" in row:
            continue
        if is_variant(row):
            continue
        updates[name] = max(updates.get(name, 0), row["updates"])
        kept = rows.setdefault(
            (name, row["game"], row["seed"]),
            {"variant": name, "game": row["game"], "num_slots": row["num_slots"]}
            | {"fit_seconds": row["train_seconds"]},
        )
        view = row["view"]
        kept |= {f"{view}_accuracy": row["accuracy"], f"{view}_ridge": row["ridge_accuracy"]}
        kept |= {f"{view}_{name}": row[name] for name in ("modularity", "compactness")}
        if view == "pixel":
            kept["presence"] = row["presence_accuracy"]
    titles = {
        name: f"SCN, {f'{number:,} updates' if number else 'untrained'} (benchmark's frames)"
        for name, number in sorted(updates.items())
    }
    return titles, list(rows.values())


def cells_of(rows: list[Row]) -> Cells:
    """Average rows over seeds; R2 is clipped first."""
    cells: Cells = {}
    for row in rows:
        same = [r for r in rows if (r["variant"], r["game"]) == (row["variant"], row["game"])]
        cell = cells[row["variant"], row["game"]] = {}
        for number in NUMBERS:
            values = [float(r[number]) for r in same if r.get(number) is not None]
            if values:
                cell[number] = fmean(max(value, _WORST) for value in values)
    return cells


def mean(cells: Cells, variant: str, number: str) -> str:
    """Return the mean of a number over the games that have it."""
    own = [cell for (name, _), cell in cells.items() if name == variant and number in cell]
    return f"{fmean(cell[number] for cell in own):,.{NUMBERS[number]}f}" if own else "-"


def difference(cells: Cells, variant: str, number: str) -> str:
    """Return how far a variant is from the final form in the games of both, with standard error."""
    values = [
        cell[number] - cells["final", game][number]
        for (name, game), cell in cells.items()
        if name == variant and number in cell and number in cells.get(("final", game), {})
    ]
    if variant == "final" or not values:
        return "-"
    error = f" ± {stdev(values) / len(values) ** 0.5:.3f}" if len(values) > 1 else ""
    return f"{fmean(values):+.3f}{error}"


def tables(cells: Cells, quotes: dict[str, str], games: list[str], notes: list[str]) -> str:
    """Return both tables as Markdown: means over games, and accuracy by game."""
    heads = ["variant", "games", "R2 (scn)", "to the final form", "least squares", "R2 (pixel)"]
    heads += ["to the final form", "least squares", "presence", "modularity", "compactness"]
    heads += ["K", "fit s", "frames/s"]
    lines: list[list[str]] = []
    by_game: list[list[str]] = []
    parts = {
        "from simple to final": quotes | {name: one.title for name, one in UP.items()},
        "final form with one change": {name: one.title for name, one in WITHOUT.items()},
    }
    for part, titles in parts.items():
        lines.append([f"*{part}*", *[""] * (len(heads) - 1)])
        by_game.append([f"*{part}*", *[""] * len(games)])
        for name, title in titles.items():
            own = [game for variant, game in cells if variant == name]
            if not own:
                continue
            line = [title, str(len(own)), *(mean(cells, name, number) for number in NUMBERS)]
            line.insert(3, difference(cells, name, "scn_ridge"))
            line.insert(6, difference(cells, name, "pixel_ridge"))
            lines.append(line)
            of_games = [cells.get((name, game), {}) for game in games]
            by_game.append([title, *(ridge_and_least_squares(cell) for cell in of_games)])
    notes = [
        f"R2 is that of ridge regression, except where it says least squares. Either is clipped at "
        f"{_WORST:g} in each game: where slots are collinear, least squares explodes. Modularity "
        "and compactness are those of the scn labels. Seconds and frames/s are of one CPU core. "
        "± is the standard error over games.",
        *notes,
    ]
    second = "R2 by game under the scn labels, ridge / least squares:"
    first, last = table(heads, lines), table(["variant", *games], by_game)
    return "\n".join([*first, "", second, "", *last, "", "\n\n".join(notes)])


def ridge_and_least_squares(cell: dict[str, float]) -> str:
    """Return both scores of a game."""
    return f"{shown(cell.get('scn_ridge'))} / {shown(cell.get('scn_accuracy'))}"


def notes_on(rows: list[Row]) -> list[str]:
    """Say what a reader of the table should know of these rows."""
    notes = []
    final = {(row["game"], row["seed"]): row["slots"] for row in rows if row["variant"] == "final"}
    for name in dict.fromkeys(row["variant"] for row in rows if row["variant"] != "final"):
        own = [row for row in rows if row["variant"] == name]
        if all(final.get((row["game"], row["seed"])) == row["slots"] for row in own):
            notes.append(f"The slots of {VARIANTS[name].title!r} are those of the final form.")
    if len({row["source"] for row in rows}) > 1:
        notes.append("These rows come from more than one version of the encoder.")
    return notes
