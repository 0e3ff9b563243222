"""Figures as the pages write them."""

from collections.abc import Iterable

import prose_rows as rows

from slotenv.environments import atari_game

NUMBER_WORDS = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
SEVERAL_SEEDS = ("scn", "random", "object_mixture", "object_mixture_held")


def dec(*values: float | None, digits: int = 2) -> list[str]:
    """Write numbers as .70, not 0.70."""
    return [f"{value:.{digits}f}".replace("0.", ".", 1) for value in values if value is not None]


def whole(*values: float | None) -> list[str]:
    """Write whole numbers, with a comma at thousands."""
    return [f"{value:,.0f}" for value in values if value is not None]


def word(count: int) -> str:
    """Write a small number as a word."""
    return NUMBER_WORDS[count]


def named(games: Iterable[str]) -> str:
    """List games as a sentence does."""
    *names, last = (str(atari_game(game)) for game in games)
    return f"{', '.join(names)} and {last}" if names else last


CLEARLY = 0.02
"""From so much on, one encoder is called better than another."""
OURS = ("objects", "objects_held", "object_mixture")


def ours(metric: str, view: str = "scn") -> list[str]:
    """Return the means of objects, of objects held, and of the mixture."""
    return dec(*(rows.overall(method, metric, view) for method in OURS))


def seeds() -> tuple[str, str, str, str]:
    """Return the most seeds that four methods have, in how many of how many games, and the fewest.

    The fewest are those of any method in any game.
    """
    found = list(rows.seeds_of(SEVERAL_SEEDS).values())
    every = rows.bench("accuracy").values.values()
    fewest = min(len(of_game) for by_game in every for of_game in by_game.values())
    in_games = whole(found.count(max(found)), len(found))
    return word(max(found)).title(), *in_games, word(fewest)


def worse_than_the_mixture() -> str:
    """Name the games in which the mixture reads screen coordinates better clearly."""
    return named(
        game
        for game in rows.games()
        if rows.in_game("object_mixture", game, "ridge_accuracy", "pixel")
        > rows.in_game("objects", game, "ridge_accuracy", "pixel") + CLEARLY
    )


def beside_the_mixture(*games: str) -> list[str]:
    """Return what is read of screen coordinates from objects and from the mixture, by game."""
    return dec(
        *(
            rows.in_game(method, game, "ridge_accuracy", "pixel")
            for game in games
            for method in ("objects", "object_mixture")
        )
    )


def found(method: str, *measures: str) -> list[str]:
    """Return means over games of measures of detection."""
    return dec(*(rows.mean_found(method, measure) for measure in measures))


def attention(metric: str, *methods: str) -> list[str]:
    """Return means over the games of Slot Attention."""
    return dec(*(rows.overall(method, metric, of="slot_attention") for method in methods))


def sweep(metric: str) -> list[str]:
    """Return least and most of SCN's sweep, but for the compactness that stands out."""
    values = sorted(value for weight, value in rows.sweep(metric))
    return dec(values[0], values[-2 if metric == "compactness" else -1], digits=3)


def standing_out() -> tuple[str, str, str]:
    """Return the highest compactness of SCN's sweep, its weight, and accuracy there."""
    weight, compactness = max(rows.sweep("compactness"), key=lambda pair: pair[1])
    accuracy = min(value for of, value in rows.sweep("accuracy") if of == weight)
    return dec(compactness, digits=3)[0], f"{weight:g}", dec(accuracy)[0]


def agents() -> tuple[str, str]:
    """Return the number of seeds on slots, and on each of the rest."""
    done = [row["arm"] for row in rows.agents()]
    return word(done.count("slots")), word(max(done.count(arm) for arm in {*done} - {"slots"}))


def minutes(arm: str, seed: int) -> str:
    """Return the minutes that an agent took, with pretraining."""
    row = rows.agents(arm)[seed]
    return f"{(row['seconds'] + row['pretraining_seconds']) / 60:.0f}"
