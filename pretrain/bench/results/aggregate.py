"""Numbers from rows: their means over seeds and games, where some methods may lack some games."""

import math
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

import numpy as np

from pretrain.bench.references import REFERENCES
from pretrain.bench.results.rows import Row, is_variant
from pretrain.drawing.estimate import NONE, Estimate, estimate, show
from pretrain.methods import HELD, METHODS

_METHODS = [name for plain in METHODS for name in (plain, *(h for h in HELD if HELD[h] == plain))]
_ORDER = ("mean", "pixels", *_METHODS, "coordinates", *REFERENCES)
_RESAMPLES = 10_000
_MEAN_ROWS = 4  # besides the first


class Scores:
    """One metric of a budget's rows under one label view.

    Args:
        rows: Those of the other view are passed over.
        view: ``"scn"`` or ``"pixel"``.
        value: Field of a row, or a function of it; None means undefined.

    Attributes:
        values: Method's title -> game -> seed -> value; titles in the order of tables.
        methods: Title to name of the method.
        failed: (title, game) to reason, where a cell failed.
    """

    def __init__(
        self, rows: Iterable[Row], view: str, value: str | Callable[[Row], float | None]
    ) -> None:
        self.values: dict[str, dict[str, dict[int, float]]] = {}
        self.methods: dict[str, str] = {}
        self.failed: dict[tuple[str, str], str] = {}
        for row in sorted(rows, key=_place):
            title, game = row["title"], row["game"]
            if "failed" not in row and row["view"] != view:
                continue
            self.methods[title] = row["method"]
            games = self.values.setdefault(title, {})
            if "failed" in row:
                self.failed[title, game] = row["failed"]
                continue
            number = row.get(value) if isinstance(value, str) else value(row)
            if number is not None:
                games.setdefault(game, {})[row["seed"]] = float(number)

    @property
    def games(self) -> list[str]:
        """All games that anything is known of, sorted."""
        games = {game for part in self.values.values() for game in part}
        return sorted(games | {game for _, game in self.failed})

    def game_sets(self) -> list[list[str]]:
        """Return the sets of games that methods have numbers in.

        The largest comes first, among equals the one that more methods have all games of.
        """
        parts = [tuple(sorted(part)) for part in self.values.values() if part]

        def place(games: tuple[str, ...]) -> tuple[int, int]:
            return -len(games), -sum(set(games) <= set(part) for part in parts)

        return [list(games) for games in sorted(dict.fromkeys(parts), key=place)]

    def full_games(self) -> list[str]:
        """Return the largest set of games that a method has: all games, if one has them all."""
        return next(iter(self.game_sets()), [])

    def covered(self, title: str, full: list[str]) -> list[str]:
        """Return the full set of games if a method has all of it, else the games it has."""
        part = self.values[title]
        return full if part.keys() >= set(full) else sorted(part)

    def estimate(self, title: str, game: str) -> Estimate | None:
        """Return the mean over seeds in one game, None where there is no number."""
        return estimate(self.values.get(title, {}).get(game, {}).values())

    def overall(self, title: str, games: Collection[str]) -> Estimate | None:
        """Return the mean over games, None if one is missing.

        The error is over the seeds that all of them have.
        """
        part = self.values[title]
        if not games or not part.keys() >= set(games):
            return None
        mean = float(np.mean(self.by_game(title, games)))
        seeds = common(part[game] for game in games)
        totals = estimate(float(np.mean([part[game][seed] for game in games])) for seed in seeds)
        return Estimate(mean, totals.error if totals else None)

    def by_game(self, title: str, games: Iterable[str]) -> list[float]:
        """Return the means over seeds, game by game."""
        return [float(np.mean(list(self.values[title][game].values()))) for game in games]


def curves_of(rows: Iterable[Row]) -> tuple[list[str], dict[str, dict[int, float]]]:
    """Return the games that all snapshots have, and title -> updates -> mean accuracy over them."""
    rows = [row for row in rows if not is_variant(row)]
    points = {
        updates: Scores((r for r in rows if r["updates"] == updates), "scn", "accuracy")
        for updates in sorted({row["updates"] for row in rows})
    }
    games = common(part for scores in points.values() for part in scores.values.values())
    curves: dict[str, dict[int, float]] = {
        title: {
            updates: float(np.mean(scores.by_game(title, games)))
            for updates, scores in points.items()
            if games and scores.values.get(title)
        }
        for title in Scores(rows, "scn", "accuracy").values
    }
    return games, {title: means for title, means in curves.items() if means}


def common(parts: Iterable[Collection[Any]]) -> list[Any]:
    """Return what all parts have, but for empty ones: games or seeds."""
    known = [set(part) for part in parts if part]
    return sorted(set.intersection(*known)) if known else []


def bootstrap(values: Sequence[float]) -> tuple[float, float, float]:
    """Return the mean of a value a game, and low and high of its 95 % interval over games.

    Low and high are percentiles of the means of resampled games.
    """
    array = np.asarray(values, np.float64)
    picks = np.random.default_rng(0).integers(len(array), size=(_RESAMPLES, len(array)))
    low, high = np.percentile(array[picks].mean(axis=1), [2.5, 97.5])
    return float(array.mean()), float(low), float(high)


def count_games(count: int) -> str:
    """Write a number of games."""
    return "1 game" if count == 1 else f"{count} games"


def rows_of_means(scores: Scores) -> tuple[dict[str, list[str]], str]:
    """Return the games of each row of means by its heading, and a sentence on what they cover."""

    def titles(games: list[str]) -> list[str]:
        return [title for title, part in scores.values.items() if sorted(part) == games]

    def named(games: list[str]) -> str:
        *names, last = titles(games)
        if len(names) > 2:
            names, last = names[:2], f"{len(names) - 1} more"
        listed = f"{', '.join(names)} and {last}" if names else last
        return f"the {count_games(len(games))} of {listed}"

    full, *smaller = scores.game_sets() or [[]]
    if not full:
        return {}, "There is no number to take a mean of."
    complete = full == scores.games
    rows = {f"**mean of {count_games(len(full)) if complete else named(full)}**": full}
    # A mean of one game repeats the game's line: there is one only for want of others.
    shown = ([games for games in smaller if len(games) > 1] or smaller)[:_MEAN_ROWS]
    rows |= {f"mean of {named(games)}": games for games in shown}
    if complete and not smaller:
        return rows, "The mean is over all games listed."
    note = "" if complete else f"No method has all {count_games(len(scores.games))}. "
    note += f"All means in a row are over the same games; {NONE} is for methods that lack some."
    cut = [
        f"{', '.join(titles(games))} ({count_games(len(games))})"
        for games in smaller
        if games not in shown
    ]
    return rows, note + (f" Without a row of means: {'; '.join(cut)}." if cut else "")


def means_by_method(metrics: Sequence[Scores], digits: int = 3) -> tuple[dict[str, list[str]], str]:
    """Return by title a line of means over games, and a note if some are over fewer games.

    Those come last. The number of games stands at the title if it is the same for all metrics,
    else in the cells.
    """
    lines: dict[str, list[str]] = {}
    partly: dict[str, list[str]] = {}
    for title in metrics[0].methods:
        found = []
        for scores in metrics:
            full = scores.full_games()
            games = scores.covered(title, full)
            size = "" if games in ([], full) else f" ({count_games(len(games))})"
            found.append((show(scores.overall(title, games), digits), size))
        sizes = {size for cell, size in found if cell != NONE}
        if len(sizes) == 1:
            line = [title + max(sizes), *(cell for cell, _ in found)]
        else:
            line = [title, *(cell + size for cell, size in found)]
        if sizes:
            (lines if sizes == {""} else partly)[title] = line
    note = (
        " Where a number of games is given, the mean is over those alone and does not compare with "
        "other lines; the accuracy tables have means over the same games."
    )
    return lines | partly, note if partly else ""


def _place(row: Row) -> tuple[Any, ...]:
    method = row["method"]
    place = _ORDER.index(method) if method in _ORDER else len(_ORDER)
    settings = [  # numbers by size, and behind them what does not compare with numbers
        (name, value if isinstance(value, int | float) else math.inf, str(value))
        for name, value in sorted(row["settings"].items())
    ]
    return place, method, settings, row["game"], row["seed"]
