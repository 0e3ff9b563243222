"""A training's folder that is damaged, cut short, or finished and read-only."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import safetensors.torch
import torch
from small_training import SMALL, assert_equal_weights

from pretrain.config import TrainConfig
from pretrain.data.store import FrameStore
from pretrain.training.encoders import snapshots_of
from pretrain.training.loop import STATE, train
from slotenv import SlotEncoder


def rewritten(path: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    """Change the tensors of a state and write a file that is whole by itself."""
    tensors = safetensors.torch.load(path.read_bytes())
    change(tensors)
    path.write_bytes(safetensors.torch.save(tensors))


def flip(tensors: dict[str, torch.Tensor]) -> None:
    tensors["encoder.head_linear.bias"].view(torch.int32)[0] ^= 1


def drop_moments(tensors: dict[str, torch.Tensor]) -> None:
    for name in [name for name in tensors if name.startswith("optimizer.")]:
        del tensors[name]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (flip, "its tensors were changed"),
        (drop_moments, "its tensors were changed"),
        (lambda t: t.pop("best.head_linear.bias"), "its tensors were changed"),
        (lambda t: t.update(more=torch.zeros(1)), "its tensors were changed"),
        (lambda t: t.pop("record"), "has no digest of its tensors"),
        (lambda t: t.update(record=t["record"][:-5]), "is not valid JSON"),
        (lambda t: t.update(record=torch.zeros(0)), "is not valid JSON"),
    ],
)
def test_a_state_that_was_changed_is_refused(
    store: FrameStore,
    tmp_path: Path,
    change: Callable[[dict[str, torch.Tensor]], object],
    words: str,
) -> None:
    train(store, TrainConfig(updates=4, **SMALL), tmp_path, num_slots=3)
    rewritten(tmp_path / STATE, change)
    with pytest.raises(ValueError, match=rf"train_state\.safetensors.*{words}.*delete it"):
        train(store, TrainConfig(updates=8, **SMALL), tmp_path, num_slots=3)


def test_a_metrics_line_that_was_changed_is_named_and_nothing_is_dropped(
    store: FrameStore, tmp_path: Path
) -> None:
    train(store, TrainConfig(updates=20, **SMALL), tmp_path, num_slots=3)
    path = tmp_path / "metrics.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(["nonsense\n", *lines[1:]]))
    damaged = path.read_text()
    with pytest.raises(ValueError, match=r"metrics\.jsonl, line 1 is not valid JSON"):
        train(store, TrainConfig(updates=40, **SMALL), tmp_path, num_slots=3)
    assert path.read_text() == damaged


def test_a_finished_training_writes_nothing(
    store: FrameStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = TrainConfig(updates=10, **SMALL)
    trained = train(store, config, tmp_path, num_slots=3)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}

    def refuse(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    for name in ("open", "replace", "rename", "unlink", "mkdir"):
        monkeypatch.setattr(os, name, refuse)
    assert_equal_weights(train(store, config, tmp_path, num_slots=3), trained)
    monkeypatch.undo()
    after = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    assert after == before


def test_a_finished_training_without_its_encoder_writes_it_again(
    store: FrameStore, tmp_path: Path
) -> None:
    """A kill came between the last state and the encoder."""
    config = TrainConfig(updates=10, **SMALL)
    trained = train(store, config, tmp_path, num_slots=3)
    shutil.rmtree(tmp_path / "encoder")
    assert_equal_weights(train(store, config, tmp_path, num_slots=3), trained)
    found = SlotEncoder.from_pretrained(tmp_path / "encoder")
    assert_equal_weights(found, trained)


@pytest.mark.parametrize("there", ["nothing", "snapshot", "half a snapshot", "all"])
def test_an_untrained_encoder_that_was_cut_short_is_finished(
    store: FrameStore, tmp_path: Path, there: str
) -> None:
    config = TrainConfig(method="random", slot_dim=4, threads=1)
    whole = train(store, config, tmp_path / "whole", num_slots=3)
    folder = tmp_path / "cut"
    if there != "nothing":
        shutil.copytree(tmp_path / "whole", folder)
    if there in ("snapshot", "half a snapshot"):
        shutil.rmtree(folder / "encoder")
    if there == "half a snapshot":
        half = folder / "snapshots" / "000000"
        (half / "config.json").rename(half / ".config.json.next")
        (folder / "snapshots" / ".000000.tmp").mkdir()
    assert_equal_weights(train(store, config, folder, num_slots=3), whole)
    assert list(snapshots_of(folder)) == [0]
    for name in ("encoder", "snapshots/000000"):
        assert_equal_weights(SlotEncoder.from_pretrained(folder / name), whole)
