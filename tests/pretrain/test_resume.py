"""A training's folder: stopped, killed, extended, damaged, asked for something else."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from small_training import SMALL, assert_equal_weights

from pretrain.config import TrainConfig
from pretrain.data.store import FrameStore
from pretrain.methods import METHODS
from pretrain.runtime.metrics_log import read_metrics
from pretrain.training import loop as train_module
from pretrain.training.loop import STATE, train
from slotenv import SlotEncoder

SUPPORT = Path(__file__).parents[1] / "support"


def test_interrupted_training_ends_with_the_same_weights_and_rows(
    store: FrameStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = TrainConfig(updates=120, **SMALL)
    whole = train(store, config, tmp_path / "whole", num_slots=2)
    original, calls = train_module._Run.update, []

    def update_then_ctrl_c(run: object, batch: object) -> None:
        original(run, batch)  # type: ignore[arg-type]
        calls.append(1)
        if len(calls) in (37, 38, 90):
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(train_module._Run, "update", update_then_ctrl_c)
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            train(store, config, tmp_path / "cut", num_slots=2)
    monkeypatch.undo()
    assert_equal_weights(train(store, config, tmp_path / "cut", num_slots=2), whole)
    rows = [
        [{k: v for k, v in row.items() if k != "seconds"} for row in read_metrics(tmp_path / name)]
        for name in ("whole", "cut")
    ]
    assert len(rows[0]) == len(rows[1])
    for expected, row in zip(*rows, strict=True):
        numbers = [{k: v for k, v in r.items() if k != "split"} for r in (row, expected)]
        assert row["split"] == expected["split"]
        assert numbers[0] == pytest.approx(numbers[1])


def test_killed_training_ends_with_the_same_weights(
    store: FrameStore, sprites: Path, tmp_path: Path
) -> None:
    config = TrainConfig(updates=400, **SMALL)
    whole = train(store, config, tmp_path / "whole", num_slots=2)
    script = (
        "from pathlib import Path; import pretrain.training.loop as t; t._SAVE_SECONDS = 0.2;"
        "from pretrain.data.store import FrameStore; from pretrain.config import TrainConfig;"
        f"t.train(FrameStore({str(sprites)!r}), TrainConfig(updates=400, **{SMALL!r}),"
        f"Path({str(tmp_path / 'cut')!r}), num_slots=2)"
    )
    environment = os.environ | {"PYTHONPATH": str(SUPPORT)}  # where the data's environment is
    process = subprocess.Popen([sys.executable, "-c", script], env=environment)
    state = tmp_path / "cut" / STATE
    deadline = time.monotonic() + 90
    while not state.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert state.exists()
    assert not (tmp_path / "cut" / "encoder").exists()
    assert_equal_weights(train(store, config, tmp_path / "cut", num_slots=2), whole)


def test_training_can_be_extended(store: FrameStore, tmp_path: Path) -> None:
    train(store, TrainConfig(updates=20, **SMALL), tmp_path / "cut", num_slots=2)
    extended = train(store, TrainConfig(updates=40, **SMALL), tmp_path / "cut", num_slots=2)
    whole = train(store, TrainConfig(updates=40, **SMALL), tmp_path / "whole", num_slots=2)
    assert_equal_weights(extended, whole)


def test_fewer_updates_than_were_done_are_refused(store: FrameStore, tmp_path: Path) -> None:
    train(store, TrainConfig(updates=20, **SMALL), tmp_path, num_slots=2)
    with pytest.raises(ValueError, match="holds a training of 20 updates, asked for 10"):
        train(store, TrainConfig(updates=10, **SMALL), tmp_path, num_slots=2)


def test_another_training_in_the_same_folder_is_refused(store: FrameStore, tmp_path: Path) -> None:
    train(store, TrainConfig(updates=10, **SMALL), tmp_path, num_slots=2)
    with pytest.raises(ValueError, match=r"another training \(num_slots was 2, is 3\)"):
        train(store, TrainConfig(updates=10, **SMALL), tmp_path, num_slots=3)
    rounded = TrainConfig(updates=10, precision="bf16", **SMALL)
    with pytest.raises(ValueError, match=r"precision was 'float32', is 'bf16'"):
        train(store, rounded, tmp_path, num_slots=2)


def test_a_damaged_state_is_named(store: FrameStore, tmp_path: Path) -> None:
    train(store, TrainConfig(updates=10, **SMALL), tmp_path, num_slots=2)
    (tmp_path / STATE).write_bytes(b"nonsense")
    with pytest.raises(ValueError, match=r"train_state.safetensors is damaged"):
        train(store, TrainConfig(updates=20, **SMALL), tmp_path, num_slots=2)


def test_a_metrics_line_cut_short_is_dropped(store: FrameStore, tmp_path: Path) -> None:
    train(store, TrainConfig(updates=50, **SMALL), tmp_path, num_slots=2)
    rows = read_metrics(tmp_path)
    with open(tmp_path / "metrics.jsonl", "a") as file:
        file.write(json.dumps({"update": 60})[:7])
    assert read_metrics(tmp_path) == rows


def test_an_encoder_made_otherwise_is_never_overwritten(
    store: FrameStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted = TrainConfig(method="objects")
    first = train(store, fitted, tmp_path / "objects", num_slots=None)
    file = tmp_path / "objects" / "encoder" / "model.safetensors"
    written = file.stat().st_mtime_ns
    assert_equal_weights(train(store, fitted, tmp_path / "objects", num_slots=None), first)
    assert file.stat().st_mtime_ns == written
    trained = TrainConfig(updates=10, **SMALL)
    with pytest.raises(ValueError, match=r"otherwise \(method was 'objects', is 'scn'\): use"):
        train(store, trained, tmp_path / "objects", num_slots=2)
    with pytest.raises(ValueError, match="seed was 0, is 1"):
        train(store, TrainConfig(method="objects", seed=1), tmp_path / "objects", num_slots=None)
    before = replace(METHODS["objects"], encoder="object_mixture")
    monkeypatch.setitem(METHODS, "objects", before)
    with pytest.raises(ValueError, match="architecture was 'objects', is 'object_mixture'"):
        train(store, fitted, tmp_path / "objects", num_slots=None)
    monkeypatch.undo()
    other = TrainConfig(method="objects", validation_share=0.5)
    with pytest.raises(ValueError, match=r"validation_share was 0\.2, is 0\.5"):
        train(store, other, tmp_path / "objects", num_slots=None)
    with pytest.raises(ValueError, match="num_slots was None, is 1"):
        train(store, fitted, tmp_path / "objects", num_slots=1)
    assert train(store, fitted, tmp_path / "one", num_slots=1).num_slots == 1
    scn = train(store, trained, tmp_path / "scn", num_slots=2)
    with pytest.raises(ValueError, match="method was 'scn', is 'objects'"):
        train(store, fitted, tmp_path / "scn", num_slots=None)
    assert_equal_weights(SlotEncoder.from_pretrained(tmp_path / "scn"), scn)
