from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pretrain.bench.results.rows import Row, gather_rows, read_rows

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
        ("{", r"a\.jsonl, line 2 is not valid JSON"),
        ("[]", "line 2 must be a JSON object"),
        ("{}", "line 2: field 'method' is missing"),
    ],
)
def test_what_is_no_row_is_named(row: MakeRow, tmp_path: Path, line: str, text: str) -> None:
    path = write(tmp_path / "a.jsonl", row("scn", "pong", 0.1))
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(ValueError, match=text):
        read_rows([path])


def test_a_wrong_kind_of_value_is_named(row: MakeRow, tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", row("scn", "pong", 0.1) | {"accuracy": "high"})
    with pytest.raises(ValueError, match="line 1: field 'accuracy' is 'high'"):
        read_rows([path])


def test_a_measured_row_needs_its_scores_and_a_failed_one_does_not(
    row: MakeRow, tmp_path: Path
) -> None:
    scored = row("scn", "pong", 0.1)
    del scored["compactness"]
    with pytest.raises(ValueError, match=r"line 1: .*it lacks compactness"):
        read_rows([write(tmp_path / "a.jsonl", scored)])
    failed = read_rows([write(tmp_path / "b.jsonl", {**scored, "failed": "no frames"})])
    assert [one["failed"] for one in failed] == ["no frames"]


def test_no_rows_are_no_table(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("\n")
    with pytest.raises(ValueError, match=r"a\.jsonl holds no rows"):
        read_rows([tmp_path / "a.jsonl"])


@pytest.mark.parametrize("value", ["Infinity", "NaN", "1e999", "true", '"0.5"'])
def test_accuracies_that_are_no_numbers_are_refused(
    row: MakeRow, tmp_path: Path, value: str
) -> None:
    path = write(tmp_path / "a.jsonl", row("scn", "pong", 0.125))
    path.write_text(path.read_text().replace("0.125", value, 1))
    with pytest.raises(ValueError, match=r"a\.jsonl, line 1"):
        read_rows([path])
