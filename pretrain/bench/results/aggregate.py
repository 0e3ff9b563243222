"""From rows to numbers: budgets, means over seeds, means over games, bootstrap intervals."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from pretrain.bench.references import REFERENCES
from pretrain.bench.results.row import Row
from pretrain.drawing.estimate import Estimate, estimate
from pretrain.methods import HELD, METHODS

_METHODS = [name for plain in METHODS for name in (plain, *(h for h in HELD if HELD[h] == plain))]
_ORDER = ("mean", "pixels", *_METHODS, "coordinates", *REFERENCES)
_RESAMPLES = 10_000


class Budget(NamedTuple):
    """What rows must share to stand in one table."""

    updates: int
    batch_size: int | None
    run_length: int | None
    frames: int
    probe_frames: int
    preset: str

    def __str__(self) -> str:
        probe = f"probed on {self.probe_frames:,}"
        if not self.updates:
            return f"nothing trained, {probe} frames"
        runs = "" if self.run_length == 1 else f" in runs of {self.run_length}"
        frames = "" if self.preset == "scn" else f" of preset {self.preset}"
        return (
            f"{self.updates:,} updates of {self.batch_size} pairs{runs}, {self.frames:,} "
            f"frames{frames}, {probe}"
        )


class Interval(NamedTuple):
    """A mean over games with its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float


@dataclass
class Scores:
    """One metric of one budget: method's title -> game -> seed -> value.

    Attributes:
        values: The numbers; a method without any is left out.
        methods: Title to name in METHODS or REFERENCES.
        failed: (title, game) to reason, where a cell failed.
    """

    values: dict[str, dict[str, dict[int, float]]] = field(default_factory=dict)
    methods: dict[str, str] = field(default_factory=dict)
    failed: dict[tuple[str, str], str] = field(default_factory=dict)

    @property
    def titles(self) -> list[str]:
        """Methods in the order of tables."""
        return list(self.methods)

    @property
    def games(self) -> list[str]:
        """All games that anything is known of, sorted."""
        games = {game for part in self.values.values() for game in part}
        return sorted(games | {game for _, game in self.failed})

    def common_games(self) -> list[str]:
        """Return the games in which every method with any number has one."""
        parts = [set(part) for part in self.values.values() if part]
        return sorted(set.intersection(*parts)) if parts else []

    def game_sets(self) -> dict[tuple[str, ...], list[str]]:
        """Return the sets of games that methods have numbers in, each with those methods.

        The largest comes first, among equals the one that more methods have all games of.
        """
        sets: dict[tuple[str, ...], list[str]] = {}
        for title in self.titles:
            if part := self.values.get(title):
                sets.setdefault(tuple(sorted(part)), []).append(title)

        def place(games: tuple[str, ...]) -> tuple[int, int]:
            return -len(games), -sum(set(games) <= set(part) for part in self.values.values())

        return {games: sets[games] for games in sorted(sets, key=place)}

    def full_games(self) -> list[str]:
        """Return the largest set of games that a method has: all games, if one has them all."""
        return list(next(iter(self.game_sets()), ()))

    def covered(self, title: str, full: Sequence[str]) -> list[str]:
        """Return the full set of games if a method has all of it, else the games it has."""
        part = self.values.get(title, {})
        return list(full) if all(game in part for game in full) else sorted(part)

    def estimate(self, title: str, game: str) -> Estimate | None:
        """Return the mean over seeds in one game, None where there is no number."""
        return estimate(self.values.get(title, {}).get(game, {}).values())

    def overall(self, title: str, games: Sequence[str]) -> Estimate | None:
        """Return the mean over games; the error is over the seeds that all of them have."""
        part = self.values.get(title, {})
        if not games or any(game not in part for game in games):
            return None
        mean = float(np.mean(self.by_game(title, games)))
        seeds = set.intersection(*(set(part[game]) for game in games))
        totals = estimate(
            float(np.mean([part[game][seed] for game in games])) for seed in sorted(seeds)
        )
        return totals._replace(mean=mean) if totals else Estimate(mean, None, 1)

    def by_game(self, title: str, games: Sequence[str]) -> list[float]:
        """Return the means over seeds, game by game."""
        return [float(np.mean(list(self.values[title][game].values()))) for game in games]


def budget_of(row: Row) -> Budget:
    """Return the budget a row was trained at; of a snapshot, with the updates up to then."""
    names = ("updates", "batch_size", "run_length", "frames", "probe_frames", "frames_preset")
    return Budget(*(row[name] for name in names))


def budgets(rows: Iterable[Row]) -> list[Budget]:
    """Return the budgets that rows were trained at, the largest first; else what was probed."""
    rows = list(rows)
    trained = {budget_of(row) for row in rows if is_trained(row) and not row.get("snapshot")}
    probed = {(budget.probe_frames, budget.preset) for budget in trained}
    alone = {
        Budget(0, None, None, 0, row["probe_frames"], row["frames_preset"])
        for row in rows
        if not is_trained(row) and (row["probe_frames"], row["frames_preset"]) not in probed
    }
    return sorted(trained | alone, key=lambda b: (-b.updates, *map(str, b)))


def rows_of(rows: Iterable[Row], budget: Budget) -> list[Row]:
    """Return a budget's rows without snapshots: those trained at it, and all untrained ones."""
    return [
        row
        for row in rows
        if not row.get("snapshot")
        and (row["probe_frames"], row["frames_preset"]) == (budget.probe_frames, budget.preset)
        and (not is_trained(row) or budget_of(row) == budget)
    ]


def is_trained(row: Row) -> bool:
    """Tell whether a row's method takes updates."""
    return row["batch_size"] is not None


def is_variant(row: Row) -> bool:
    """Tell whether a row's settings are others than its method's own: one of a sweep."""
    method = METHODS.get(row["method"])
    return method is not None and row["settings"] != method.settings


def scores_of(rows: Iterable[Row], view: str, value: str | Callable[[Row], float | None]) -> Scores:
    """Gather one metric.

    Args:
        rows: Rows of one budget.
        view: Label view; rows of the other are passed over.
        value: Field of the row, or a function of the row; None means undefined.
    """
    scores = Scores()
    for row in sorted(rows, key=_order):
        if "failed" in row:
            scores.methods[row["title"]] = row["method"]
            scores.failed[row["title"], row["game"]] = row["failed"]
        elif row["view"] == view:
            scores.methods[row["title"]] = row["method"]
            number = row.get(value) if isinstance(value, str) else value(row)
            if number is not None:
                games = scores.values.setdefault(row["title"], {})
                games.setdefault(row["game"], {})[row["seed"]] = float(number)
    return scores


def bootstrap(values: Sequence[float], *, seed: int = 0) -> Interval:
    """Return the mean of a value a game and its 95 % percentile interval over resampled games."""
    array = np.asarray(values, np.float64)
    picks = np.random.default_rng(seed).integers(len(array), size=(_RESAMPLES, len(array)))
    low, high = np.percentile(array[picks].mean(axis=1), [2.5, 97.5])
    return Interval(float(array.mean()), float(low), float(high))


def means_by_update(rows: Iterable[Row]) -> dict[str, dict[int, dict[str, float]]]:
    """Return the curves: title -> updates -> game -> accuracy, averaged over seeds."""
    rows = [row for row in rows if row.get("snapshot") and not is_variant(row)]
    titles = scores_of(rows, "scn", "accuracy").values
    found: dict[str, dict[int, dict[str, float]]] = {title: {} for title in titles}
    for updates in sorted({row["updates"] for row in rows}):
        scores = scores_of((r for r in rows if r["updates"] == updates), "scn", "accuracy")
        for title, part in scores.values.items():
            found[title][updates] = dict(zip(part, scores.by_game(title, list(part)), strict=True))
    return found


def curve_games(curves: Mapping[str, Mapping[int, Mapping[str, float]]]) -> list[str]:
    """Return the games that are in every point of every curve."""
    parts = [set(games) for part in curves.values() for games in part.values()]
    return sorted(set.intersection(*parts)) if parts else []


def of_common_seeds(rows: Sequence[Row]) -> list[Row]:
    """Return the rows of those seeds that all methods of a game have.

    One seed of a training may differ from the next by more than one method from another.
    """
    seeds: dict[str, dict[str, set[int]]] = {}
    for row in rows:
        seeds.setdefault(row["game"], {}).setdefault(row["title"], set()).add(row["seed"])
    common = {game: set.intersection(*parts.values()) for game, parts in seeds.items()}
    return [row for row in rows if row["seed"] in common[row["game"]]]


def _order(row: Row) -> tuple[Any, ...]:
    method = row["method"]
    place = _ORDER.index(method) if method in _ORDER else len(_ORDER)
    # Numbers by size; texts, which do not compare with them, behind.
    settings = [(n, isinstance(v, str), v) for n, v in sorted(row["settings"].items())]
    return place, method, settings, row["game"], row["seed"]
