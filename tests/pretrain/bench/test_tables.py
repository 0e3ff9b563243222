"""Against numbers worked out by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pretrain.bench.aggregate import bootstrap, budgets, estimate, rows_of, scores_of
from pretrain.bench.cell import Row
from pretrain.bench.render import render
from pretrain.bench.tables import (
    ablation_table,
    accuracy_table,
    disentanglement_table,
    label_effect_table,
    sweep_table,
)
from slotenv.labels import labels_for

MakeRow = Callable[..., Row]


def failed(row: Row, reason: str) -> Row:
    return {"failed": reason, **{k: v for k, v in row.items() if k not in ("view", "accuracy")}}


def cells(lines: list[str], first: str) -> list[str]:
    (line,) = [line for line in lines if line.startswith(f"| {first} |")]
    return [cell.strip() for cell in line.strip("|").split("|")][1:]


def test_means_errors_and_the_papers_numbers(row: MakeRow) -> None:
    rows = [
        row("scn", "pong", 0.7, seed=0),
        row("scn", "pong", 0.5, seed=1),
        row("scn", "boxing", 0.2, seed=0),
        row("scn", "boxing", 0.2, seed=1),
        row("pixels", "pong", 0.3),
        row("pixels", "boxing", 0.1),
    ]
    lines = accuracy_table(scores_of(rows, "scn", "accuracy"), paper=True)
    assert lines[0] == "| game | Pixels 21 x 16 | SCN | *paper* |"
    # Seeds 0.7 and 0.5: mean 0.6, deviation 0.1414, over the root of 2.
    assert cells(lines, "pong") == ["0.300", "0.600 ± 0.100", "0.73"]
    assert cells(lines, "boxing") == ["0.100", "0.200 ± 0.000", "0.68"]
    # Seeds' overalls 0.45 and 0.35: mean 0.4, error 0.05. The paper's: (0.73 + 0.68) / 2.
    assert cells(lines, "**mean of 2 games**") == ["0.200", "0.400 ± 0.050", "0.71"]
    assert (
        lines[-1]
        == "The mean covers the 2 games in which every method has a number: all that are listed."
    )


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
    lines = accuracy_table(scores_of(rows, "scn", "accuracy"), paper=False)
    assert cells(lines, "boxing") == ["0.200", "failed: the loss is / not a number at update ..."]
    assert cells(lines, "tennis") == ["0.100", "–"]  # noqa: RUF001
    assert cells(lines, "**mean of 1 game**") == ["0.400", "0.600"]
    assert "1 game in which every method has a number: pong. Left out: boxing, tennis." in lines[-1]


def test_a_method_that_failed_everywhere_does_not_empty_the_mean(row: MakeRow) -> None:
    rows = [row("random", "pong", 0.4), failed(row("scn", "pong", None), "no")]
    lines = accuracy_table(scores_of(rows, "scn", "accuracy"), paper=False)
    assert cells(lines, "pong") == ["0.400", "failed: no"]
    assert cells(lines, "**mean of 1 game**") == ["0.400", "–"]  # noqa: RUF001


def test_one_of_two_seeds_failed(row: MakeRow) -> None:
    rows = [row("scn", "pong", 0.6), failed(row("scn", "pong", None, seed=1), "no")]
    lines = accuracy_table(scores_of(rows, "scn", "accuracy"), paper=False)
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
    assert "modularity: 1, weighted modularity: 2, compactness: 2 games" in lines[-1]


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


def test_labels_that_are_not_coordinates(row: MakeRow) -> None:
    labels = labels_for("tennis").labels
    real = [label.status in ("position", "encoded") for label in labels]
    assert 0 < sum(real) < len(real)
    values = {label.name: 0.8 if ok else 0.2 for label, ok in zip(labels, real, strict=True)}
    overall = float(np.mean(list(values.values())))
    lines = label_effect_table([row("scn", "tennis", overall, accuracy_by_label=values)])
    assert cells(lines, "SCN") == [f"{overall:.3f}", "0.800"]
    assert f"the {sum(real)} that are coordinates" in lines[0]


def test_sweeps_stand_by_themselves(row: MakeRow, tmp_path: Path) -> None:
    rows = [row("scn", "pong", 0.6), row("scn", "pong", 0.9, given=("diversity_weight=0.3",))]
    lines = sweep_table(rows, "scn")
    assert cells(lines, "SCN (diversity_weight=0.3)")[0] == "0.900"
    text = render(rows, tmp_path).read_text()
    table_3 = text.partition("Table 3")[2].partition("###")[0]
    assert "diversity_weight" not in table_3
    assert "Settings of scn" in text


def test_budgets_are_not_mixed_and_untrained_rows_stand_in_all(row: MakeRow) -> None:
    small, large = row("scn", "pong", 0.5), row("scn", "pong", 0.7, updates=62_500)
    random = row("random", "pong", 0.4)
    found = budgets([small, large, random])
    assert [budget.updates for budget in found] == [62_500, 2_000]
    assert rows_of([small, large, random], found[0]) == [large, random]
    assert str(found[1]) == "2,000 updates of 128 pairs, 100,000 frames, probed on 50,000"
    (alone,) = budgets([random])
    assert str(alone) == "nothing trained, probed on 50,000 frames"


def test_views_are_not_mixed(row: MakeRow, tmp_path: Path) -> None:
    rows = [
        row("scn", "pong", 0.111),
        row("scn", "pong", 0.999, view="pixel", presence_accuracy=0.777),
    ]
    text = render(rows, tmp_path).read_text()
    ours, _, screen = text.partition("Screen coordinates")
    assert "0.111" in ours
    assert "0.999" not in ours
    assert "0.111" not in screen
    assert "0.777" in screen


def test_curves_and_failures_are_listed(row: MakeRow, tmp_path: Path) -> None:
    rows = [row("scn", "pong", 0.6), failed(row("scn", "boxing", None), "out of memory")]
    rows += [row("scn", "pong", a, snapshot=True, updates=u) for u, a in ((0, 0.3), (250, 0.4))]
    text = render(rows, tmp_path).read_text()
    assert "| 250 | 0.400 |" in text
    assert "- boxing, SCN, seed 0: out of memory (again: `python -m pretrain bench" in text
    for name in ("accuracy", "overall", "curves"):
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_nothing_yet_renders(tmp_path: Path, row: MakeRow) -> None:
    assert render([], tmp_path).read_text().startswith("# Benchmark")
    assert "failed: no" in render([failed(row("scn", "pong", None), "no")], tmp_path).read_text()


def test_a_wild_number_is_drawn(row: MakeRow, tmp_path: Path) -> None:
    render([row("scn", "pong", -27.0), row("scn", "boxing", 0.5)], tmp_path)


def test_bootstrap_intervals() -> None:
    assert bootstrap([0.3] * 7) == pytest.approx((0.3, 0.3, 0.3))
    values = np.random.default_rng(1).normal(0.5, 0.2, 100)
    found = bootstrap(list(values))
    expected = 1.96 * values.std() / 10
    assert found.mean == pytest.approx(values.mean())
    assert found.high - found.mean == pytest.approx(expected, rel=0.1)
    assert found.mean - found.low == pytest.approx(expected, rel=0.1)
    assert bootstrap(list(values)) == found


def test_estimates() -> None:
    assert estimate([2.0]) == (2.0, None, 1)
    assert estimate([1.0, 2.0, 3.0]) == pytest.approx((2.0, 1 / np.sqrt(3), 3))
