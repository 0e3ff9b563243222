"""What the figures of README and docs follow from: the rows in ``examples/results``."""

import json
import re
from collections.abc import Collection
from functools import cache
from pathlib import Path
from statistics import fmean

from pretrain.bench.players import scores_by_measure
from pretrain.bench.results.aggregate import Scores, curves_of
from pretrain.bench.results.rows import (
    Budget,
    Row,
    budgets,
    is_variant,
    read_rows,
    repeats,
    rows_of,
)
from pretrain.bench.results.tables import ablation_table, games_ahead
from pretrain.drawing.estimate import Estimate, estimate
from pretrain.methods import METHODS
from slotenv.probe import PAPER_ACCURACY

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "examples/results"
UPDATES = 2_000  # of the benchmark on the pages; rows of other budgets have tables of their own


@cache
def read(name: str) -> list[Row]:
    """Return the rows of a file of ``examples/results``."""
    return [json.loads(line) for line in (RESULTS / name).read_text().splitlines()]


@cache
def every_row() -> list[Row]:
    """Return the benchmark's rows, of every budget, setting and snapshot."""
    rows = read_rows([RESULTS / "bench/rows.jsonl"])
    return [row for row in rows if "failed" not in row]


@cache
def budget() -> Budget:
    """Return the budget of the benchmark on the pages."""
    again = repeats(every_row())
    (one,) = (b for b in budgets(every_row()) if b.updates == UPDATES and b not in again)
    return one


@cache
def bench(metric: str, view: str = "scn") -> Scores:
    """Return a metric of the benchmark, without variants of methods."""
    rows = rows_of(every_row(), budget())
    return Scores([row for row in rows if not is_variant(row)], view, metric)


def title(method: str) -> str:
    """Return the title that a method has in tables."""
    return next(title for title, name in bench("accuracy").methods.items() if name == method)


def games(method: str = "objects") -> list[str]:
    """Return the games that a method was run in."""
    return sorted(bench("accuracy").values[title(method)])


def overall(
    method: str, metric: str = "accuracy", view: str = "scn", *, of: str | None = None
) -> float:
    """Return the mean over all games, or over those that it has, or that the method ``of`` has."""
    scores, name = bench(metric, view), title(method)
    found = scores.overall(name, games(of) if of else scores.covered(name, scores.full_games()))
    assert found is not None
    return found.mean


def in_game(method: str, game: str, metric: str = "accuracy", view: str = "scn") -> float:
    """Return the mean over seeds in one game."""
    (value,) = bench(metric, view).by_game(title(method), [game])
    return value


def seeds_of(methods: Collection[str]) -> dict[str, int]:
    """Return by game how many seeds all of these methods have."""
    values = bench("accuracy").values
    return {g: min(len(values[title(name)].get(g, ())) for name in methods) for g in games()}


def of_seed(
    method: str, seed: int, game: str = "pong", *, run_length: int | None = None, **settings: object
) -> float:
    """Return the accuracy of one training: with these settings, or pairs drawn in such runs."""
    of = budget()._replace(run_length=run_length or budget().run_length)
    (found,) = (
        row["accuracy"]
        for row in rows_of(every_row(), of)
        if (row["method"], row["game"], row["seed"], row["view"]) == (method, game, seed, "scn")
        and row["settings"] == {**METHODS[method].settings, **settings}
    )
    return float(found)


def sweep(metric: str) -> list[tuple[float, float]]:
    """Return pairs of the weight of its diversity loss and what SCN got in Pong, seed 0."""
    found = []
    for row in rows_of(every_row(), budget()):
        here = (row["method"], row["game"], row["seed"], row["view"]) == ("scn", "pong", 0, "scn")
        if here and "standardise" not in row["settings"]:
            found.append((float(row["settings"].get("diversity_weight", 1)), row[metric]))
    return found


def diversity_adds() -> list[float]:
    """Return what the diversity loss adds to accuracy over games, with its interval."""
    rows = [row for row in rows_of(every_row(), budget()) if not is_variant(row)]
    (line,) = (line for line in ablation_table(rows) if "what the diversity loss adds" in line)
    return [float(figure) for figure in re.findall(r"[-+]\d\.\d+", line)[:3]]


def ahead_of_paper(method: str) -> list[str]:
    """Return in how many games a method is ahead of the paper's SCN and C-SWM, and of how many."""
    return games_ahead(bench("accuracy"), title(method)).split(" of ")


def curve(method: str) -> dict[int, float]:
    """Return accuracy by updates in Pong."""
    _, curves = curves_of([r for r in every_row() if r["snapshot"] and r["game"] == "pong"])
    return curves[title(method)]


def behind_paper(method: str, margin: float) -> list[str]:
    """Return the games in which a method is behind the paper's by more than a margin."""
    paper = {game: PAPER_ACCURACY[game][method] for game in games(method)}
    return [g for g in paper if (paper[g] or 0) - in_game(method, g) > margin]


def least_squares_losses() -> dict[str, float]:
    """Return by game how far least squares is behind ridge on objects, in screen coordinates."""
    by_metric = (
        [in_game("objects", game, metric, "pixel") for game in games()]
        for metric in ("ridge_accuracy", "accuracy")
    )
    return {game: ridge - plain for game, ridge, plain in zip(games(), *by_metric, strict=True)}


def identity(*, doubles: bool = True, followed: bool = False) -> dict[str, float]:
    """Return by game in how many of 1,000 frames the slot of an object changes."""
    found = {}
    for row in read("bench/identity.jsonl"):
        of = (row["followed"] if followed else row)["overall"]
        changes = of["changes"] - (0 if doubles else of["doubles"])
        found[row["game"]] = 1000 * changes / of["assigned"]
    return found


def played(method: str, game: str) -> tuple[float, float, float]:
    """Return what is read on random play, on a player's frames, and there with the old probe."""
    measures = scores_by_measure(read("bench/players.jsonl"), "accuracy_by_label")
    random, player, transfer = (one.by_game(title(method), [game])[0] for one in measures)
    return random, player, transfer


def agents(arm: str = "") -> list[Row]:
    """Return the rows of finished agents by seed, of all arms or of one."""
    done = [row for row in read("learning_curves.jsonl") if row["evaluated"]]
    return sorted((r for r in done if arm in ("", r["arm"])), key=lambda row: row["seed"])


def grey_losses() -> dict[str, float]:
    """Return by game what screen coordinates lose without colour."""
    rows = [row for row in read("grey.jsonl") if row["view"] == "pixel"]
    by = {(row["game"], row["look"]): row["ridge_accuracy"] for row in rows}
    return {game: by[game, "colour"] - by[game, "grey"] for game, look in by if look == "grey"}


def variant_loss(name: str) -> float:
    """Return how much pixel accuracy a variant of the encoder is behind the final form."""
    by = {(row["variant"], row["game"]): row["pixel_ridge"] for row in read("variants.jsonl")}
    return fmean(by["final", game] - value for (one, game), value in by.items() if one == name)


def pong_scn(method: str, metric: str = "accuracy") -> Estimate:
    """Return a long training's mean over probe data sets in Pong."""
    rows = [row for row in read("pong_scn.jsonl") if row["method"] == method]
    found = estimate(row[metric] for row in rows)
    assert found is not None
    return found


def probe_frames(row: Row) -> int:
    """Return how many frames a row was probed on."""
    return sum(row["counts"][part] for part in ("train", "validation", "test", "duplicates"))


def pong_curve() -> dict[int, float]:
    """Return accuracy by updates of the long training."""
    rows = [row for row in read("pong_scn.jsonl") if row["method"] == "snapshot"]
    return {row["updates"]: row["accuracy"] for row in rows}


def found(method: str) -> list[Row]:
    """Return the rows of detection of a method, one a game."""
    return [row for row in read("detection/detection.jsonl") if row.get("method") == method]


def mean_found(method: str, measure: str) -> float:
    """Return the mean of a measure of detection over the games."""
    return fmean(row["report"][measure] for row in found(method))


def outside(env: str, method: str) -> float:
    """Return what ridge reads from a method's slots in an environment that is not Atari's."""
    (row,) = (r for r in read("outside.jsonl") if (r["env"], r["method"]) == (env, method))
    return float(row["ridge"])


def read_ridge(kind: str, *, hold: bool) -> dict[str, float]:
    """Return what ridge reads of single or pooled frames, by game."""
    rows = [r for r in read("single_frames.jsonl") if (r["kind"], r["hold"]) == (kind, hold)]
    return {row["game"]: row["ridge_accuracy"] for row in rows}


def mean_read(kind: str, *, hold: bool) -> float:
    """Return the mean of :func:`read_ridge`."""
    return fmean(read_ridge(kind, hold=hold).values())


def single_loses(game: str, *, hold: bool) -> float:
    """Return what a game loses in single frames beside pooled ones."""
    return read_ridge("pooled", hold=hold)[game] - read_ridge("single", hold=hold)[game]


def longer() -> list[Row]:
    """Return the rows of Supervised where it was trained longer than the benchmark."""
    return [row for row in read("supervised/rows.jsonl") if row["view"] == "scn"]


def longer_in() -> tuple[int, int]:
    """Return how many updates it was trained there, and in how many games."""
    (updates,) = {row["updates"] for row in longer()}
    return updates, len(longer())


def longer_and_shorter() -> tuple[float, float]:
    """Return its mean over those games, trained longer and as the benchmark does."""
    found = {row["game"]: row["accuracy"] for row in longer()}
    return fmean(found.values()), fmean(in_game("supervised", game) for game in found)
