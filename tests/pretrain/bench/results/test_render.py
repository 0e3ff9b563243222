"""What stands in the file of all tables: budgets and views apart, curves and failures."""

from __future__ import annotations

from pathlib import Path

from bench_rows import MakeRow, failed

from pretrain.bench.results.render import render
from pretrain.bench.results.rows import budgets, rows_of


def test_budgets_are_not_mixed_and_untrained_rows_stand_in_all(row: MakeRow) -> None:
    small, large = row("scn", "pong", 0.5), row("scn", "pong", 0.7, updates=62_500)
    random = row("random", "pong", 0.4)
    found = budgets([small, large, random])
    assert [budget.updates for budget in found] == [62_500, 2_000]
    assert rows_of([small, large, random], found[0]) == [large, random]
    assert str(found[1]) == "2,000 updates of 128 pairs, 100,000 frames, probed on 50,000"
    (alone,) = budgets([random])
    assert str(alone) == "no updates, probed on 50,000 frames"


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
