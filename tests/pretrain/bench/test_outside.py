"""Methods from outside the package in the processes that a benchmark starts."""

from __future__ import annotations

import json
import multiprocessing
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
import small_objective

from pretrain.bench import executors
from pretrain.bench.cell import failure, fingerprint
from pretrain.bench.executors import run_in_processes
from pretrain.bench.matrix import cells_of
from pretrain.bench.run import bench
from pretrain.config import BenchConfig
from pretrain.methods import Method
from pretrain.runtime.workers import pack
from slotenv import SlotEncoder

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
def test_other_processes_train_it_on_several_devices(toy: Toy) -> None:
    config = toy(methods=(SMALL,), jobs=2, devices=2, device="cpu")
    (cell,) = cells_of(config)
    assert fingerprint(config, cell) == fingerprint(replace(config, devices=1), cell)
    list(run_in_processes(config, [cell]))
    assert failure(config, cell) is None
    folder = cell.folder(config)
    rows = (folder / "rows.jsonl").read_text().splitlines()
    assert {json.loads(line)["title"] for line in rows} == {"Small"}
    assert SlotEncoder.from_pretrained(folder).provenance["devices"] == 2


def test_too_few_devices_are_told_before_anything_is_done(tmp_path: Path) -> None:
    config = BenchConfig(out=tmp_path / "no", methods=("random", "scn"), devices=3, device="cpu")
    with pytest.raises(ValueError, match="cannot be shared out evenly among 3 devices"):
        bench(config)
    assert not config.out.exists()


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
    list(run_in_processes(config, [cell]))
    reason = failure(config, cell)
    assert reason is not None
    assert "No module named 'small_elsewhere'" in reason
    assert "at the top of a module" in reason
    assert "killed" not in reason


@pytest.mark.parametrize(
    ("log", "told"),
    [
        (
            f"Traceback\nOSError: of before\n{executors._STARTED}\n",
            r"exit code 3 before it began; .* under if __name__ == '__main__'",
        ),
        (
            f"{executors._STARTED}\nTraceback:\n  line\nKeyError: 'now'\n",
            r"exit code 3: KeyError: 'now'$",
        ),
    ],
)
def test_a_process_that_ends_before_it_begins_is_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log: str, told: str
) -> None:
    config = BenchConfig(out=tmp_path, games=("pong",), methods=("mean",), jobs=2)
    (cell,) = cells_of(config)

    def start(config: BenchConfig, task: executors.Task, share: int) -> BaseProcess:
        path = executors._log_of(config, task)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(log)
        process = multiprocessing.get_context("spawn").Process(target=sys.exit, args=(3,))
        process.start()
        return process

    monkeypatch.setattr(executors, "_start", start)
    assert list(run_in_processes(config, [cell])) == [cell]
    assert re.search(told, str(failure(config, cell)))
