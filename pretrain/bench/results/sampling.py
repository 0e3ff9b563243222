"""Pairs drawn at random beside pairs drawn in runs: the same trainings, at equal updates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pretrain.bench.results.aggregate import (
    Budget,
    Scores,
    budget_of,
    is_trained,
    is_variant,
    scores_of,
)
from pretrain.bench.results.row import Row
from pretrain.drawing.estimate import estimate, show


def repeats(rows: Iterable[Row], budgets: Sequence[Budget]) -> dict[Budget, Budget]:
    """Find the budgets that repeat some of another one's trainings with pairs drawn otherwise.

    They are there to compare samplings, and need no tables of their own.

    Args:
        rows: All rows.
        budgets: Their budgets.

    Returns:
        Budget to the one that has all of its trainings and more, and differs in run length only.
    """
    trainings: dict[Budget, set[tuple[str, str, int]]] = {budget: set() for budget in budgets}
    for row in rows:
        if is_trained(row) and not row.get("snapshot"):
            trainings[budget_of(row)].add((row["title"], row["game"], row["seed"]))
    found = {}
    for budget, own in trainings.items():
        others = [
            other
            for other, theirs in trainings.items()
            if other._replace(run_length=budget.run_length) == budget and own < theirs
        ]
        if others:
            found[budget] = max(others, key=lambda other: len(trainings[other]))
    return found


def sampling_lines(
    rows: Sequence[Row], budgets: Iterable[Budget]
) -> tuple[list[str], list[list[str]]]:
    """Return headings and lines of a table of accuracy by method, game and run length.

    Args:
        rows: All rows.
        budgets: Those that differ in run length only.

    Returns:
        Every line is over the seeds that all its numbers have; there is none where only one
        sampling has been run, or no seed is common.
    """
    scores = {
        budget.run_length or 1: _accuracy(rows, budget)
        for budget in sorted(budgets, key=lambda budget: budget.run_length or 1)
    }
    lines = []
    for title in dict.fromkeys(title for one in scores.values() for title in one.titles):
        for game in sorted({game for one in scores.values() for game in one.games}):
            parts = {n: one.values.get(title, {}).get(game, {}) for n, one in scores.items()}
            measured = [set(part) for part in parts.values() if part]
            seeds = sorted(set.intersection(*measured)) if len(measured) > 1 else []
            if seeds:
                cells = [
                    show(estimate(part.get(seed) for seed in seeds)) for part in parts.values()
                ]
                lines.append([title, game, str(len(seeds)), *cells])
    named = ["random pairs" if length == 1 else f"runs of {length}" for length in scores]
    return ["method", "game", "seeds", *named], lines


def _accuracy(rows: Iterable[Row], budget: Budget) -> Scores:
    chosen = [
        row
        for row in rows
        if is_trained(row)
        and not row.get("snapshot")
        and not is_variant(row)
        and budget_of(row) == budget
    ]
    return scores_of(chosen, "scn", "accuracy")
