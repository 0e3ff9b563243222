"""The whole verb on Pong at toy size."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest

from pretrain.bench import cell as cell_module
from pretrain.bench import executors
from pretrain.bench.cell import finished_rows
from pretrain.bench.matrix import Cell
from pretrain.bench.results.rows import Row
from pretrain.bench.run import bench
from pretrain.cli import main
from pretrain.config import BenchConfig

pytestmark = pytest.mark.ale
Toy = Callable[..., BenchConfig]
_TIMES = ("time", "train_seconds", "probe_seconds")


def rows_of(config: BenchConfig) -> list[Row]:
    lines = (config.out / "rows.jsonl").read_text().splitlines()
    return [
        {k: v for k, v in json.loads(line).items() if k not in {*_TIMES, "digest"}}
        for line in lines
    ]


def failing(monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    real = cell_module.train

    def train(store: Any, config: Any, folder: Path, **more: Any) -> Any:
        if config.resolved_method.name == method:
            raise RuntimeError("the loss is not a number")
        return real(store, config, folder, **more)

    monkeypatch.setattr(cell_module, "train", train)


def test_rows_say_everything_and_a_second_run_computes_nothing(
    toy: Toy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = toy(methods=("random", "scn", "mean", "coordinates"))
    bench(config)
    rows = rows_of(config)
    assert [(r["method"], r["view"]) for r in rows] == [
        (method, view)
        for method in ("coordinates", "mean", "random", "scn")
        for view in ("pixel", "scn")
    ]
    scn = rows[-1]
    assert scn["updates"] == 5
    assert scn["frames"] == 400
    assert scn["num_slots"] == 3
    assert scn["batch_size"] == 16
    assert scn["accuracy"] == pytest.approx(
        sum(scn["accuracy_by_label"].values()) / len(scn["accuracy_by_label"])
    )
    assert (rows[-3]["updates"], rows[-3]["frames"]) == (0, 0)
    text = (config.out / "tables.md").read_text()
    assert "Table 3: slot accuracy, the paper's labels (5 updates of 16 pairs, 400 frames" in text
    assert "0.73" in text
    assert (config.out / "accuracy.png").exists()
    assert "4 of 4 cells done" in capsys.readouterr().err

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("computed again")

    monkeypatch.setattr(executors, "run_cell", refuse)
    monkeypatch.setattr(executors, "collect_game", refuse)
    before = (config.out / "rows.jsonl").read_bytes()
    bench(config)
    assert (config.out / "rows.jsonl").read_bytes() == before
    assert "4 cells, 4 of them done before" in capsys.readouterr().err


def test_the_command_in_a_row_makes_the_row(toy: Toy) -> None:
    config = toy(methods=("scn:diversity_weight=0.3",))
    bench(config)
    (_, row) = rows_of(config)
    again = toy("again")
    arguments = row["command"].split()[3:]
    main([*arguments, "--out", str(again.out)])
    assert rows_of(again) == rows_of(config)


def test_a_cell_with_damaged_rows_or_another_budget_is_done_again(toy: Toy) -> None:
    config = toy(methods=("scn", "mean"))
    bench(config)
    rows = rows_of(config)
    path = Cell("pong", "scn").folder(config) / "rows.jsonl"
    path.write_text(path.read_text()[:100])
    bench(config)
    assert rows_of(config) == rows

    longer = toy(methods=("scn", "mean"), updates=8)
    assert finished_rows(longer, Cell("pong", "mean")) is not None
    assert finished_rows(longer, Cell("pong", "scn")) is None
    bench(longer)
    assert [r["updates"] for r in rows_of(longer)] == [0, 0, 8, 8]
    with pytest.raises(RuntimeError, match="1 of 2 cells failed"):
        bench(config)
    assert "holds a training of 8 updates, asked for 5" in (config.out / "tables.md").read_text()


def test_snapshots_are_added_to_a_finished_cell(toy: Toy) -> None:
    bench(toy(methods=("scn", "random")))
    config = toy(methods=("scn", "random"), curve=True)
    bench(config)
    snapshots = [row for row in rows_of(config) if row["snapshot"]]
    assert [(r["method"], r["updates"], r["view"]) for r in snapshots] == [("scn", 0, "scn")]


def test_a_failing_cell_is_shown_does_not_stop_the_rest_and_is_tried_again(
    toy: Toy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = toy(methods=("loss1only", "mean"), drop_frames=True)
    with monkeypatch.context() as patch:
        failing(patch, "loss1only")
        with pytest.raises(RuntimeError, match=r"1 of 2 cells failed.*pong loss1only seed 0"):
            bench(config)
    rows = rows_of(config)
    assert [row.get("failed") for row in rows] == ["the loss is not a number", None, None]
    folder = Cell("pong", "loss1only").folder(config)
    assert "Traceback" in json.loads((folder / "failed.json").read_text())["details"]
    assert "failed: the loss is not a number" in (config.out / "tables.md").read_text()
    assert (config.out / "pong" / "data" / "probe").exists()  # it will be tried again
    bench(config)
    assert not any("failed" in row for row in rows_of(config))


def test_a_failed_collection_fails_the_games_cells(toy: Toy) -> None:
    config = toy(methods=("mean", "random"), frames=401)
    with pytest.raises(RuntimeError, match="2 of 2 cells failed"):
        bench(config)
    assert "no frames of pong" in rows_of(config)[0]["failed"]
    assert "num_steps is 400 there, 401 asked" in rows_of(config)[0]["failed"]


def test_frames_are_dropped_when_all_is_done(toy: Toy) -> None:
    config = toy(methods=("mean", "random"), drop_frames=True)
    bench(config)
    data = config.out / "pong" / "data"
    assert not (data / "probe").exists()
    assert not (data / "pretrain-0").exists()
    bench(config)  # nothing is missing, so nothing is collected
    assert not (data / "probe").exists()


def test_processes_give_the_same_rows_and_survive_a_kill(
    toy: Toy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    methods = ("scn", "mean", "random")
    here, there = toy("here", methods=methods), toy("there", methods=methods, jobs=2)
    bench(here)
    start, killed = executors._start, []

    def start_and_kill_once(config: BenchConfig, task: executors.Task, share: int) -> BaseProcess:
        process = start(config, task, share)
        if not task.collects and not killed:
            killed.append(task)
            process.kill()
        return process

    monkeypatch.setattr(executors, "_start", start_and_kill_once)
    bench(there)
    assert killed
    assert rows_of(there) == rows_of(here)


def test_a_cell_whose_process_is_always_killed_fails_alone(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = toy(methods=("scn", "mean"), jobs=2)
    start = executors._start

    def start_and_kill(config: BenchConfig, task: executors.Task, share: int) -> BaseProcess:
        process = start(config, task, share)
        if task.cells[0].method == "scn" and not task.collects:
            process.kill()
        return process

    monkeypatch.setattr(executors, "_start", start_and_kill)
    with pytest.raises(RuntimeError, match="1 of 2 cells failed"):
        bench(config)
    reasons = [row.get("failed") for row in rows_of(config)]
    assert "its process was killed 2 times (signal 9, out of memory?)" in reasons
    assert len(reasons) == 3


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_ctrl_c_keeps_what_was_done_and_the_same_command_goes_on(toy: Toy, jobs: str) -> None:
    config = toy(methods=("scn",), updates=100_000)
    arguments = ["bench", "--games", "Pong", "--methods", "scn", "--updates", "100000"]
    arguments += ["--frames", "400", "--probe-frames", "600", "--batch-size", "16"]
    arguments += ["--jobs", jobs, "--out", str(config.out)]
    process = subprocess.Popen(
        [sys.executable, "-m", "pretrain", *arguments],
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ,
    )
    folder = Cell("pong", "scn").folder(config)
    metrics = folder / "metrics.jsonl"
    deadline = time.monotonic() + 90
    while not (metrics.exists() and metrics.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=240)
    assert process.returncode == 130
    assert "the same command goes on" in err
    assert "Traceback" not in err
    assert (folder / "train_state.safetensors").exists()
    assert not (folder / "failed.json").exists()
    done = json.loads(metrics.read_text().splitlines()[-1])["update"]
    finished = toy(methods=("scn",), updates=done + 10)
    bench(finished)
    assert rows_of(finished)[0]["updates"] == done + 10


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], toy: Toy) -> None:
    for arguments, code, text in (
        (["bench", "--games", "Pnog"], 2, "no labels to probe for 'Pnog'"),
        (["bench", "--methods", "scn:a=1"], 2, "no setting 'a'"),
        (["bench", "--help"], 0, "--drop-frames"),
        (["tables", "--help"], 0, "--out"),
    ):
        with pytest.raises(SystemExit) as stopped:
            main([*arguments, "--out", str(tmp_path / "no")])
        assert stopped.value.code == code
        output = capsys.readouterr()
        assert text in output.err + output.out
    assert not (tmp_path / "no").exists()

    config = toy(methods=("mean",))
    bench(config)
    main(["tables", str(config.out / "rows.jsonl"), "--out", str(tmp_path / "tables")])
    assert (tmp_path / "tables" / "tables.md").read_text() == (config.out / "tables.md").read_text()
