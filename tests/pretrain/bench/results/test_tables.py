"""Tables against numbers worked out by hand."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from bench_rows import MakeRow, failed

from pretrain.bench.results.aggregate import Scores
from pretrain.bench.results.render import render
from pretrain.bench.results.tables import (
    ablation_table,
    accuracy_table,
    disentanglement_table,
    label_effect_table,
    sweep_table,
)
from slotenv.labels import labels_for


def cells(lines: list[str], first: str) -> list[str]:
    (line,) = [line for line in lines if line.startswith(f"| {first} |")]
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip("|"))][1:]


def test_means_errors_and_the_papers_numbers(row: MakeRow) -> None:
    rows = [
        row("scn", "pong", 0.7, seed=0),
        row("scn", "pong", 0.5, seed=1),
        row("scn", "boxing", 0.2, seed=0),
        row("scn", "boxing", 0.2, seed=1),
        row("pixels", "pong", 0.3),
        row("pixels", "boxing", 0.1),
    ]
    lines = accuracy_table(Scores(rows, "scn", "accuracy"), paper=True)
    assert lines[0] == "| game | Pixels 21 x 16 | SCN | *paper* |"
    # Seeds 0.7 and 0.5: mean 0.6, deviation 0.1414, over the root of 2.
    assert cells(lines, "pong") == ["0.300", "0.600 ± 0.100", "0.73"]
    assert cells(lines, "boxing") == ["0.100", "0.200 ± 0.000", "0.68"]
    # Seeds' overalls 0.45 and 0.35: mean 0.4, error 0.05. The paper's: (0.73 + 0.68) / 2.
    assert cells(lines, "**mean of 2 games**") == ["0.200", "0.400 ± 0.050", "0.71"]
    assert lines[-1] == "The mean is over all games listed."


def test_missing_and_failed_cells_are_shown_and_left_out_of_the_mean(row: MakeRow) -> None:
    rows = [
        row("random", "pong", 0.4),
        row("random", "boxing", 0.2),
        row("random", "tennis", 0.1),
        row("scn", "pong", 0.6),
        failed(
            row("scn", "boxing", None), "the loss is | not a number at update 12345678901234567"
        ),
    ]
    lines = accuracy_table(Scores(rows, "scn", "accuracy"), paper=False)
    assert cells(lines, "boxing") == ["0.200", r"failed: the loss is \| not a number at update ..."]
    assert cells(lines, "tennis") == ["0.100", "–"]  # noqa: RUF001
    # All three games: (0.4 + 0.2 + 0.1) / 3.
    assert cells(lines, "**mean of 3 games**") == ["0.233", "–"]  # noqa: RUF001
    assert cells(lines, "mean of the 1 game of SCN") == ["0.400", "0.600"]


def test_each_row_of_means_is_over_the_same_games(row: MakeRow) -> None:
    known = {
        "random": {"boxing": 0.2, "freeway": 0.6, "pong": 0.4, "tennis": 0.8},
        "scn": {"boxing": 0.1, "freeway": 0.2, "pong": 0.6},
        "loss1only": {"boxing": 0.3, "freeway": 0.4, "pong": 0.5},
        "cswm": {"boxing": 0.5, "pong": 0.9},
        "stdim": {"pong": 0.7},
    }
    rows = [row(method, game, a) for method, part in known.items() for game, a in part.items()]
    lines = accuracy_table(Scores(rows, "scn", "accuracy"), paper=True)
    means = [
        line.partition("|")[2].partition("|")[0].strip() for line in lines if "mean of" in line
    ]
    assert means == [
        "**mean of 4 games**",
        "mean of the 3 games of SCN and SCN Loss1Only",
        "mean of the 2 games of C-SWM",
    ]
    # Random, paper, SCN, paper, Loss1Only, C-SWM, paper, ST-DIM, paper. The paper's, from
    # boxing, freeway, pong, tennis: random 0.71 0.58 0.47 0.43, SCN 0.68 0.83 0.73 0.50,
    # C-SWM 0.35 0.84 0.82 0.66, ST-DIM 0.94 0.82 0.83 0.73.
    full = ["0.500", "0.55", "–", "0.69", "–", "–", "0.67", "–", "0.83"]  # noqa: RUF001
    assert cells(lines, means[0]) == full
    three = ["0.400", "0.59", "0.300", "0.75", "0.400", "–", "0.67", "–", "0.86"]  # noqa: RUF001
    assert cells(lines, means[1]) == three
    two = ["0.300", "0.59", "0.350", "0.71", "0.400", "0.700", "0.58", "–", "0.89"]  # noqa: RUF001
    assert cells(lines, means[2]) == two
    spread = cells(lines, "95 % interval over games")
    assert [cell for cell in spread if " to " in cell] == spread[:1]
    assert lines.index(next(line for line in lines if "interval" in line)) == 7
    assert "Without a row of means: ST-DIM (1 game)." in lines[-1]


def test_only_the_largest_sets_of_games_have_a_row(row: MakeRow) -> None:
    games = ("boxing", "breakout", "freeway", "pong", "seaquest", "tennis", "venture")
    methods = ("random", "scn", "loss1only", "cswm", "stdim", "supervised")
    rows = [row(method, game, 0.5) for i, method in enumerate(methods) for game in games[: 7 - i]]
    lines = accuracy_table(Scores(rows, "scn", "accuracy"), paper=False)
    means = [line.partition("mean of ")[2][:9] for line in lines[:-1] if "mean of" in line]
    assert means == ["7 games**", *(f"the {n} gam" for n in (6, 5, 4, 3))]
    assert "Without a row of means: Supervised (2 games)." in lines[-1]


def test_no_method_has_all_games(row: MakeRow) -> None:
    rows = [row("random", game, 0.4) for game in ("pong", "boxing")]
    rows += [row("scn", "pong", 0.6), row("scn", "tennis", 0.8), row("cswm", "pong", 0.1)]
    lines = accuracy_table(Scores(rows, "scn", "accuracy"), paper=False)
    none = "–"  # noqa: RUF001
    assert cells(lines, "**mean of the 2 games of Random-CNN**") == ["0.400", none, none]
    assert cells(lines, "mean of the 2 games of SCN") == [none, "0.700", none]
    assert lines[-1].startswith("No method has all 3 games.")


def test_methods_that_lack_games_are_marked(row: MakeRow) -> None:
    rows = [row("random", "pong", 0.4, modularity=0.1), row("random", "boxing", 0.2)]
    rows += [row("scn", "pong", 0.6, modularity=0.3)]
    rows += [row("cswm", "pong", 0.6, modularity=None), row("cswm", "boxing", 0.6)]
    lines = disentanglement_table(rows, "scn")
    assert [line.split("|")[1].strip() for line in lines[2:5]] == [
        "Random-CNN",
        "SCN (1 game)",
        "C-SWM",
    ]
    assert cells(lines, "Random-CNN")[:3] == ["0.3000", "0.2500", "0.1250"]
    assert cells(lines, "SCN (1 game)")[:3] == ["0.3000", "0.2500", "0.1250"]
    assert cells(lines, "C-SWM")[:3] == ["0.5000 (1 game)", "0.2500", "0.1250"]
    assert "does not compare with other lines" in lines[-1]


def test_a_method_that_failed_everywhere_does_not_empty_the_mean(row: MakeRow) -> None:
    rows = [row("random", "pong", 0.4), failed(row("scn", "pong", None), "no")]
    lines = accuracy_table(Scores(rows, "scn", "accuracy"), paper=False)
    assert cells(lines, "pong") == ["0.400", "failed: no"]
    assert cells(lines, "**mean of 1 game**") == ["0.400", "–"]  # noqa: RUF001


def test_one_of_two_seeds_failed(row: MakeRow) -> None:
    rows = [row("scn", "pong", 0.6), failed(row("scn", "pong", None, seed=1), "no")]
    lines = accuracy_table(Scores(rows, "scn", "accuracy"), paper=False)
    assert cells(lines, "pong") == ["0.600 (a seed failed: no)"]


def test_undefined_metrics_are_left_out_of_their_mean(row: MakeRow) -> None:
    rows = [
        row("scn", "pong", 0.6, modularity=0.2),
        row("scn", "bowling", 0.6, modularity=None),
        row("mean", "pong", 0.0, modularity=None, weighted_modularity=None, compactness=None),
    ]
    lines = disentanglement_table(rows, "scn")
    assert cells(lines, "SCN") == ["0.2000", "0.2500", "0.1250", "0.004", "0.014"]
    assert not any("Mean predictor" in line for line in lines)
    assert "(modularity: 1, weighted modularity: 2, compactness: 2 games)" in lines[-1]
    # Rows of before have no numbers by variance: there is a column if any row has.
    newer = [row("scn", "boxing", 0.6, variance_modularity=0.5), *rows]
    lines = disentanglement_table(newer, "scn")
    assert "| variance modularity |" in lines[0]
    assert "variance compactness" not in lines[0]
    assert cells(lines, "SCN")[3] == "0.5000"


def test_what_the_diversity_loss_adds(row: MakeRow) -> None:
    rows = [
        row(method, game, accuracy)
        for method, game, accuracy in (
            ("scn", "pong", 0.6),
            ("loss1only", "pong", 0.5),
            ("scn", "boxing", 0.4),
            ("loss1only", "boxing", 0.1),
            ("scn", "tennis", 0.9),
        )
    ]
    lines = ablation_table(rows)
    assert cells(lines, "SCN Loss1Only")[:2] == ["2/2/2/2", "0.300"]
    assert cells(lines, "SCN")[1] == "0.500"
    assert cells(lines, "what the diversity loss adds [95 %]")[1] == "+0.200 [+0.100, +0.300]"
    assert cells(lines, "*paper: SCN*") == ["20", "0.45", "–", "0.0045", "0.0137"]  # noqa: RUF001
    assert ablation_table(rows[:1]) == []
    # A second seed of one of the two is no reason to compare three trainings with two.
    lines = ablation_table([*rows, row("scn", "pong", 0.0, seed=1)])
    assert cells(lines, "what the diversity loss adds [95 %]")[1] == "+0.200 [+0.100, +0.300]"


def test_labels_that_are_not_coordinates(row: MakeRow) -> None:
    labels = labels_for("tennis").labels
    real = [label.status in ("position", "encoded") for label in labels]
    assert 0 < sum(real) < len(real)
    values = {label.name: 0.8 if ok else 0.2 for label, ok in zip(labels, real, strict=True)}
    overall = float(np.mean(list(values.values())))
    lines = label_effect_table([row("scn", "tennis", overall, accuracy_by_label=values)])
    assert cells(lines, "SCN") == [f"{overall:.3f}", "0.800", "0.800"]
    assert f"the {sum(real)} that are coordinates" in lines[0]


def test_labels_in_a_code_are_counted_apart(row: MakeRow) -> None:
    # Demon Attack keeps player_x and three enemies' x, all in a code, and four y's.
    labels = labels_for("demonattack").labels
    values = {label.name: 0.5 if label.axis == "y" else 0.1 for label in labels}
    lines = label_effect_table([row("scn", "demonattack", 0.3, accuracy_by_label=values)])
    assert cells(lines, "SCN") == ["0.300", "0.300", "0.500"]
    assert "| the 4 whose byte is on a line with one |" in lines[0]


def test_labels_of_a_method_that_lacks_games(row: MakeRow) -> None:
    names = {game: [label.name for label in labels_for(game).labels] for game in ("pong", "tennis")}
    rows = [
        row(method, game, a, accuracy_by_label=dict.fromkeys(names[game], a))
        for method, game, a in (
            ("random", "pong", 0.4),
            ("random", "tennis", 0.2),
            ("scn", "pong", 0.6),
        )
    ]
    lines = label_effect_table(rows)
    assert cells(lines, "Random-CNN") == ["0.300"] * 3
    assert cells(lines, "SCN (1 game)") == ["0.600"] * 3
    assert "Means over 2 games (pong, tennis)" in lines[-1]


def test_sweeps_stand_by_themselves(row: MakeRow, tmp_path: Path) -> None:
    rows = [row("scn", "pong", 0.6), row("scn", "pong", 0.9, given=("diversity_weight=0.3",))]
    lines = sweep_table(rows, "scn")
    assert cells(lines, "SCN (diversity_weight=0.3)")[0] == "0.900"
    more = [row("scn", "pong", 0.9, given=(f"diversity_weight={w}",)) for w in (10, 3)]
    lines = sweep_table([*more, *rows, row("scn", "pong", 0.0, seed=1)], "scn")
    assert [line.split(" | ")[:2] for line in lines[2:6]] == [
        ["| SCN", "0.600"],  # the seed that the others lack does not count
        *(["| SCN (diversity_weight=" + w + ")", "0.900"] for w in ("0.3", "3", "10")),
    ]
    text = render(rows, tmp_path).read_text()
    table_3 = text.partition("Table 3")[2].partition("###")[0]
    assert "diversity_weight" not in table_3
    assert "Settings of scn" in text


def test_games_ahead_of_the_paper_are_counted(row: MakeRow) -> None:
    # The better of the paper's SCN and C-SWM: boxing 0.68, freeway 0.84, pong 0.82.
    known = {"scn": {"boxing": 0.69, "freeway": 0.84, "pong": 0.9}, "random": {"pong": 0.5}}
    rows = [row(method, game, a) for method, part in known.items() for game, a in part.items()]
    lines = accuracy_table(Scores(rows, "scn", "accuracy"), paper=True)
    first = "games ahead of the paper's SCN and C-SWM"
    assert cells(lines, first) == ["0 of 1", "", "2 of 3", ""]
    assert first not in "".join(accuracy_table(Scores(rows, "scn", "accuracy"), paper=False))


def test_a_wild_number_is_drawn(row: MakeRow, tmp_path: Path) -> None:
    wild = [row("pixels", "tennis", -12_262_339.5), row("pixels", "pong", -99.0)]
    lines = accuracy_table(Scores(wild, "scn", "accuracy"), paper=False)
    assert cells(lines, "tennis") == ["-1.2e+07"]
    assert cells(lines, "pong") == ["-99.000"]
    # Resampled pairs of games are both wild, one of each, or both tame.
    assert cells(lines, "95 % interval over games") == ["-1.2e+07 to -99.00"]
    render([row("scn", "pong", -27.0), row("scn", "boxing", 0.5)], tmp_path)
