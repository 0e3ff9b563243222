"""Means over games when some methods lack some of them, as text: like with like, or marked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pretrain.bench.results.aggregate import Scores
from pretrain.drawing.estimate import NONE, show

MARKED = (
    "Where a number of games is given, the mean is over those alone and does not compare with "
    "other lines; the accuracy tables have means over the same games."
)
_MEAN_ROWS = 4  # besides the first


def count_games(count: int) -> str:
    """Write a number of games."""
    return "1 game" if count == 1 else f"{count} games"


def overall(scores: Scores, title: str, games: Sequence[str], digits: int = 3) -> str:
    """Write the mean over games of a method that has all of them."""
    return show(scores.overall(title, games), digits)


def mean_rows(scores: Scores) -> tuple[list[tuple[str, list[str]]], list[str]]:
    """Return the rows of means as (heading, games), and the methods that none is made for.

    A mean of one game repeats the game's line, so that there is one only for want of others.
    """
    (full, titles), *smaller = list(scores.game_sets().items()) or [((), [])]
    if not full:
        return [], []
    of = "" if len(full) == len(scores.games) else f" of {_named(titles)}"
    rows = [(f"**mean of {'the ' if of else ''}{count_games(len(full))}{of}**", list(full))]
    shown = [part for part in smaller if len(part[0]) > 1] or smaller
    shown = shown[:_MEAN_ROWS]
    for games, titles in shown:
        rows.append((f"mean of the {count_games(len(games))} of {_named(titles)}", list(games)))
    cut = [
        f"{', '.join(titles)} ({count_games(len(games))})"
        for games, titles in smaller
        if (games, titles) not in shown
    ]
    return rows, cut


def mean_note(scores: Scores, cut: Sequence[str]) -> str:
    """Say what the rows of means cover."""
    sets = scores.game_sets()
    if not sets:
        return "There is no number to take a mean of."
    complete = len(scores.full_games()) == len(scores.games)
    if complete and len(sets) == 1:
        return "The mean is over all games listed."
    text = "" if complete else f"No method has all {count_games(len(scores.games))}. "
    text += f"All means in a row are over the same games; {NONE} is for methods that lack some."
    return f"{text} Without a row of means: {'; '.join(cut)}." if cut else text


def means(
    metrics: Mapping[str, Scores], title: str, full: Mapping[str, Sequence[str]]
) -> tuple[str, list[str], bool]:
    """Return a method's heading and means, and whether it lacks games of any metric it has.

    The number of games stands in the heading if it is the same for all, else in the cells.
    """
    games = {name: scores.covered(title, full[name]) for name, scores in metrics.items()}
    cells = [overall(scores, title, games[name], 4) for name, scores in metrics.items()]
    partly = [games[name] != list(full[name]) and bool(games[name]) for name in metrics]
    counts = {len(part) for part in games.values() if part}
    if any(partly) and len(counts) == 1 and sum(partly) == sum(map(bool, games.values())):
        return f"{title} ({count_games(counts.pop())})", cells, True
    sizes = [count_games(len(part)) for part in games.values()]
    marked = [
        f"{cell} ({size})" if part else cell
        for cell, size, part in zip(cells, sizes, partly, strict=True)
    ]
    return title, marked, any(partly)


def _named(titles: Sequence[str]) -> str:
    if len(titles) > 3:
        return f"{', '.join(titles[:2])} and {len(titles) - 2} more"
    return " and ".join(filter(None, (", ".join(titles[:-1]), titles[-1])))
