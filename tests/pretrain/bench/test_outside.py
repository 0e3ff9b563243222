"""Methods from outside the package in the processes that a benchmark starts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import small_objective

from pretrain.bench import executors
from pretrain.bench.cell import cell_folder, failure
from pretrain.bench.executors import run_in_processes, tasks_of
from pretrain.bench.matrix import cells_of
from pretrain.methods import Method
from pretrain.runtime.workers import pack
from pretrain.verbs.bench import BenchConfig

Toy = Callable[..., BenchConfig]
SMALL = Method(name="small", title="Small", objective=small_objective.Small)


def test_a_cell_has_the_name_and_the_method() -> None:
    config = BenchConfig(games=("pong",), methods=("random", SMALL))
    _, cell = cells_of(config)
    assert (cell.method, cell.title, cell.is_trained) == ("small", "Small", True)
    assert cell.resolved == SMALL


@pytest.mark.parametrize("name", ["pixels", "objects_held", "scn"])
def test_a_name_that_is_taken_is_refused(name: str) -> None:
    method = Method(name=name, title="Mine", objective=small_objective.Small)
    with pytest.raises(ValueError, match=f"there is another .*{name!r}"):
        cells_of(BenchConfig(games=("pong",), methods=(method,)))


@pytest.mark.ale
def test_other_processes_train_it(toy: Toy) -> None:
    config = toy(methods=(SMALL,), jobs=2)
    (cell,) = cells_of(config)
    list(run_in_processes(config, tasks_of([cell])))
    assert failure(config, cell) is None
    rows = (cell_folder(config, cell) / "rows.jsonl").read_text().splitlines()
    assert {json.loads(line)["title"] for line in rows} == {"Small"}


@pytest.mark.ale
def test_a_process_that_does_not_know_it_says_why_it_failed(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = toy(methods=(SMALL,), jobs=2)
    monkeypatch.setattr(
        executors,
        "pack",
        lambda *given: pack(*given).replace(b"small_objective", b"small_elsewhere"),
    )
    (cell,) = cells_of(config)
    list(run_in_processes(config, tasks_of([cell])))
    row = failure(config, cell)
    assert row is not None
    assert "No module named 'small_elsewhere'" in row["failed"]
    assert "at the top of a module" in row["failed"]
    assert "killed" not in row["failed"]


def test_a_process_that_ends_before_it_begins_is_told_apart(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    log.write_text(f"Traceback\nOSError: of before\n{executors._STARTED}\n")
    assert "under if __name__ == '__main__'" in executors._last_words(log)
    log.write_text(f"{executors._STARTED}\nTraceback:\n  line\nKeyError: 'now'\n")
    assert executors._last_words(log) == ": KeyError: 'now'"
