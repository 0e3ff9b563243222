"""Pretraining by calling functions, as the command line does."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_envs import SPRITES

from pretrain.config import RunConfig, TrainConfig
from pretrain.data.run_files import read_record
from pretrain.data.store import FrameStore
from pretrain.run import run
from pretrain.training.loop import train


def test_a_run_notes_the_call_in_place_of_a_command(tmp_path: Path) -> None:
    config = RunConfig(env=f"fake_envs:{SPRITES}", out=tmp_path, frames=300, workers=1)
    run(config)
    assert read_record(tmp_path)["command"] == f"run({config!r})"
    run(config, ["run", "--env", "two words"])
    assert read_record(tmp_path)["command"] == "python -m pretrain run --env 'two words'"


def test_a_path_may_be_text() -> None:
    assert RunConfig(env="Pong", out="runs/pong").out == Path("runs/pong")  # type: ignore[arg-type]


@pytest.mark.parametrize(("asked", "slots"), [(None, 8), (3, 3)])
def test_slots_are_as_many_as_the_configuration_says_and_eight_without_labels(
    asked: int | None, slots: int, store: FrameStore, tmp_path: Path
) -> None:
    config = TrainConfig(method="random", num_slots=asked)
    assert train(store, config, tmp_path).num_slots == slots
