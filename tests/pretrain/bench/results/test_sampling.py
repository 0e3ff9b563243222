"""Samplings side by side, against numbers worked out by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pretrain.bench.results.render import render
from pretrain.bench.results.rows import Row, budgets, repeats
from pretrain.bench.results.tables import sampling_table

MakeRow = Callable[..., Row]


def test_samplings_are_compared_over_common_seeds(row: MakeRow, tmp_path: Path) -> None:
    rows = [
        *(row("scn", "pong", a, seed=s, run_length=8) for s, a in enumerate((0.6, 0.4, 0.9))),
        row("scn", "boxing", 0.7, run_length=8),
        row("cswm", "pong", 0.8, run_length=8),
        *(row("scn", "pong", a, seed=s, run_length=1) for s, a in enumerate((0.5, 0.7))),
        row("random", "pong", 0.3),
        row("scn", "pong", 0.1, run_length=1, snapshot=True, updates=250),
    ]
    (few, many), *more = repeats(rows).items()
    assert not more
    assert (few.run_length, many.run_length) == (1, 8)
    headings, _, *lines = sampling_table(rows, [many, few])
    assert headings == "| method | game | seeds | random pairs | runs of 8 |"
    # Seeds 0 and 1: (0.5 + 0.7) / 2 and (0.6 + 0.4) / 2, deviations 0.1414 over the root of 2.
    assert lines == ["| SCN | pong | 2 | 0.600 ± 0.100 | 0.500 ± 0.100 |"]
    text = render(rows, tmp_path).read_text(encoding="utf-8")
    assert text.count("\n## 2,000 updates") == 1
    assert lines[0] in text
    (title,) = (line for line in text.splitlines() if "how pairs are drawn" in line)
    assert "runs of" not in title
    assert not (tmp_path / "accuracy-2.png").exists()


def test_budgets_that_differ_otherwise_keep_their_tables(row: MakeRow, tmp_path: Path) -> None:
    rows = [
        row("scn", "pong", 0.6, run_length=8),
        row("scn", "boxing", 0.7, run_length=8),
        row("scn", "pong", 0.5, run_length=8, updates=100),  # another budget
        row("scn", "tennis", 0.5, run_length=1),  # another training
    ]
    assert repeats(rows) == {}
    text = render(rows, tmp_path).read_text(encoding="utf-8")
    assert text.count("\n## ") == 3
    assert "how pairs are drawn" not in text


def test_equal_sets_of_trainings_both_have_tables_and_lines_need_a_seed(row: MakeRow) -> None:
    rows = [row("scn", "pong", 0.6, seed=0, run_length=8), row("scn", "pong", 0.5, run_length=1)]
    assert repeats(rows) == {}
    rows[1]["seed"] = 1
    assert sampling_table(rows, budgets(rows)) == []
    assert sampling_table(rows, budgets(rows)[:1]) == []
