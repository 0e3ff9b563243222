"""Methods from outside the package in the processes that a benchmark starts."""

from __future__ import annotations

import json
import pickle
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
import small_objective

from pretrain.bench import executors
from pretrain.bench.cell import cell_folder, failure
from pretrain.bench.config import BenchConfig
from pretrain.bench.executors import run_in_processes, tasks_of
from pretrain.bench.matrix import Cell, cells_of
from pretrain.methods import METHODS, Method
from pretrain.outside import pack, register, tables, unpack
from slotenv.objectives import OBJECTIVES, Objective

Toy = Callable[..., BenchConfig]


@pytest.fixture
def registered() -> Iterator[None]:
    """A method whose objective is in a module of the tests."""
    METHODS["small"] = Method(title="Small", objective="small")
    OBJECTIVES["small"] = small_objective.Small
    yield
    forget()


def forget() -> None:
    METHODS.pop("small", None)
    OBJECTIVES.pop("small", None)


def test_tables_travel_by_where_their_classes_are_defined(registered: None) -> None:
    packed, known = pack(), tables()
    forget()
    unpack(packed)
    assert METHODS["small"] == Method(title="Small", objective="small")
    assert OBJECTIVES["small"] is small_objective.Small
    forget()
    register(known)
    assert OBJECTIVES["small"] is small_objective.Small


def test_a_class_inside_a_function_is_refused_before_anything_starts(registered: None) -> None:
    class Local(small_objective.Small):
        pass

    OBJECTIVES["small"] = Local
    with pytest.raises(ValueError, match=r"Local.*: define its objective and encoder at the top"):
        pack()


def test_a_class_that_is_not_there_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("gone")
    kind = type("Gone", (small_objective.Small,), {"__module__": "gone"})
    module.Gone = kind  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "gone", module)
    monkeypatch.setitem(OBJECTIVES, "gone", kind)
    packed = pack()
    monkeypatch.delitem(sys.modules, "gone")
    with pytest.raises(ValueError, match=r"No module named 'gone'.*at the top of a module"):
        unpack(packed)


@pytest.mark.ale
def test_other_processes_train_it(registered: None, toy: Toy) -> None:
    config = toy(methods=("small",), jobs=2)
    list(run_in_processes(config, tasks_of(cells_of(config))))
    assert failure(config, Cell("pong", "small")) is None
    rows = (cell_folder(config, Cell("pong", "small")) / "rows.jsonl").read_text().splitlines()
    assert {json.loads(line)["title"] for line in rows} == {"Small"}


@pytest.mark.ale
def test_a_process_that_does_not_know_it_says_why_it_failed(
    registered: None, toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = toy(methods=("small",), jobs=2)
    lost = pickle.dumps(tables()).replace(b"small_objective", b"small_elsewhere")
    monkeypatch.setattr(executors, "pack", lambda: lost)
    list(run_in_processes(config, tasks_of(cells_of(config))))
    row = failure(config, Cell("pong", "small"))
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


def test_the_small_objective_is_one() -> None:
    assert issubclass(small_objective.Small, Objective)
