"""Rows by hand, and Pong at toy size."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pretrain.bench.cell import _facts
from pretrain.bench.matrix import Cell, collect_game
from pretrain.bench.results.rows import Row
from pretrain.config import BenchConfig

TOY: dict[str, Any] = {"games": ("pong",), "frames": 400, "probe_frames": 600, "updates": 5}
TOY["batch_size"] = 16


@pytest.fixture(scope="session")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with Pong's frames at toy size."""
    folder = tmp_path_factory.mktemp("frames")
    collect_game(BenchConfig(out=folder, **TOY), [Cell("pong", "scn")], 1)
    return folder


@pytest.fixture
def toy(frames: Path, tmp_path: Path) -> Callable[..., BenchConfig]:
    """Make a toy benchmark whose frames are there."""

    def make(name: str = "out", **changes: Any) -> BenchConfig:
        out = tmp_path / name
        if not out.exists():
            shutil.copytree(frames, out)
        return BenchConfig(out=out, **(TOY | changes))

    return make


@pytest.fixture
def row() -> Callable[..., Row]:
    """Make a row; what is not given is dull."""

    def make(method: str, game: str, accuracy: float | None, **changes: Any) -> Row:
        config = BenchConfig()
        settings = changes.pop("given", ())
        seed = changes.pop("seed", 0)
        measured = {
            "snapshot": False,
            "view": "scn",
            "num_slots": 3,
            "accuracy": accuracy,
            "ridge_accuracy": accuracy,
            "modularity": 0.5,
            "weighted_modularity": 0.25,
            "compactness": 0.125,
            "presence_accuracy": None,
            "accuracy_by_label": {},
            "ridge_by_label": {},
            "presence_by_object": {},
            "train_seconds": 1.0,
            "probe_seconds": 1.0,
        }
        return {**_facts(config, Cell(game, method, settings, seed)), **measured, **changes}

    return make
