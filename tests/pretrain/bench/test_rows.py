from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pretrain.bench.cell import Row
from pretrain.bench.rows import gather_rows, read_rows

MakeRow = Callable[..., Row]


def write(path: Path, *rows: Row) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_rows_are_gathered_sorted_and_without_tracebacks(row: MakeRow, tmp_path: Path) -> None:
    late, early = row("scn", "tennis", 0.5), row("scn", "boxing", 0.4)
    broken = {"failed": "no", **row("scn", "pong", None), "details": "Traceback"}
    write(tmp_path / "tennis" / "scn-s0" / "rows.jsonl", late)
    write(tmp_path / "boxing" / "scn-s0" / "rows.jsonl", early)
    write(tmp_path / "pong" / "scn-s0" / "failed.json", broken)
    rows = gather_rows(tmp_path)
    assert [r["game"] for r in rows] == ["boxing", "pong", "tennis"]
    assert "details" not in rows[1]
    first = (tmp_path / "rows.jsonl").read_bytes()
    gather_rows(tmp_path)
    assert (tmp_path / "rows.jsonl").read_bytes() == first
    assert read_rows([tmp_path / "rows.jsonl"]) == rows


def test_later_files_win_and_numbers_win_over_failures(row: MakeRow, tmp_path: Path) -> None:
    a = write(tmp_path / "a.jsonl", row("scn", "pong", 0.1), row("scn", "boxing", 0.3))
    b = write(tmp_path / "b.jsonl", row("scn", "pong", 0.2))
    c = write(tmp_path / "c.jsonl", {"failed": "no", **row("scn", "pong", None)})
    assert [r["accuracy"] for r in read_rows([a, b, c])] == [0.3, 0.2]


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("{", "a.jsonl, line 2: no JSON"),
        ("[]", "line 2: a row is a JSON object, got list"),
        ("{}", "no row of a benchmark, it has no 'method'"),
    ],
)
def test_what_is_no_row_is_named(row: MakeRow, tmp_path: Path, line: str, text: str) -> None:
    path = write(tmp_path / "a.jsonl", row("scn", "pong", 0.1))
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(ValueError, match=text):
        read_rows([path])


def test_a_wrong_kind_of_value_is_named(row: MakeRow, tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", row("scn", "pong", 0.1) | {"accuracy": "high"})
    with pytest.raises(ValueError, match="line 1: 'accuracy' cannot be 'high'"):
        read_rows([path])
