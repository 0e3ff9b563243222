"""The table of the verb ``players``, as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from pretrain.bench.results.aggregate import Scores, budgets, rows_of, scores_of
from pretrain.bench.results.row import Row
from pretrain.drawing.estimate import NONE, mean, show
from slotenv import markdown

_INTRODUCTION = """\
# On a better player's frames

Encoders were trained on random play. Accuracy is the mean test R2 of linear probes of screen
coordinates, as in tables.md, fitted and tested on random play (*random*), fitted and tested on a
scripted player's frames (*player*), and fitted on random play but tested on the player's frames
(*transfer*). *change* is player less random. R2 is relative to how much a coordinate varies, and
play changes that: *transfer* is to be compared with *player*, which has the same test frames.
Least squares explodes on nearly collinear features, ridge does not. Presence is balanced accuracy
(0.5 is chance). Means are over the labels that all three have."""
_RANDOM, _PLAYER, _TRANSFER = MEASURES = (
    ("random", "random"),
    ("scripted", "scripted"),
    ("scripted", "random"),
)
"""Who played the tested frames, and who those that the probe was fitted on."""

_HEADINGS = (
    *("game", "method", "random", "player", "change", "transfer"),
    *("transfer, ridge", "player, ridge", "presence: random, player, transfer"),
)


def players_table(rows: Sequence[Row]) -> str:
    """Return the table of rows, for each budget one.

    Args:
        rows: As :func:`pretrain.bench.players.probe_players` writes them, three of each cell.
    """
    lines = _INTRODUCTION.splitlines()
    for budget in budgets(rows):
        part = rows_of(rows, budget)
        lines += ["", f"## {str(budget)[0].upper()}{str(budget)[1:]}", "", *_table(part)]
    return "\n".join([*lines, "", *_notes(rows)]) + "\n"


def _table(rows: Sequence[Row]) -> list[str]:
    accuracy = _by_measure(rows, "accuracy_by_label")
    ridge = _by_measure(rows, "ridge_by_label")
    presence = _by_measure(rows, "presence_by_object")
    lines = []
    for game in accuracy[_RANDOM].games:
        for title in accuracy[_RANDOM].titles:
            random, player, transfer = (
                accuracy[measure].estimate(title, game) for measure in MEASURES
            )
            if random is None or player is None:
                continue
            cells = [show(found) for found in (random, player)]
            cells += [f"{player.mean - random.mean:+.3f}", show(transfer)]
            cells += [
                show(ridge[measure].estimate(title, game)) for measure in (_TRANSFER, _PLAYER)
            ]
            there = [presence[measure].estimate(title, game) for measure in MEASURES]
            cells.append(", ".join(map(show, there)) if any(there) else NONE)
            lines.append([game, title, *cells])
    return markdown.table(_HEADINGS, lines)


def _by_measure(rows: Sequence[Row], field: str) -> dict[tuple[str, str], Scores]:
    """Return each measurement's means over what all three of a cell have scored."""
    shared: dict[str, set[str]] = {}
    for row in rows:
        shared[row["cell"]] = shared.get(row["cell"], set(row[field])) & set(row[field])
    average = partial(_mean, field=field, shared=shared)
    return {
        measure: scores_of(
            [row for row in rows if (row["player"], row["fitted_on"]) == measure], "pixel", average
        )
        for measure in MEASURES
    }


def _mean(row: Row, field: str, shared: dict[str, set[str]]) -> float | None:
    return mean(value for name, value in row[field].items() if name in shared[row["cell"]])


def _notes(rows: Sequence[Row]) -> list[str]:
    """Say how much better the player is, and what could not be scored."""
    scores: dict[str, dict[str, float]] = {}
    missing: dict[str, set[str]] = {}
    for row in rows:
        scores.setdefault(row["game"], {})[row["player"]] = row["score_per_1000"]
        coordinates = (name for name in row["left_out"] if not name.endswith("(presence)"))
        missing.setdefault(row["game"], set()).update(coordinates)
    text = "; ".join(
        f"{game} {by['random']:+.1f} and {by['scripted']:+.1f}" for game, by in scores.items()
    )
    notes = [f"Score in 1,000 frames of random play and of the player: {text}."]
    notes += [
        f"Not scored in {game}: {', '.join(sorted(names))}."
        for game, names in missing.items()
        if names
    ]
    return notes
