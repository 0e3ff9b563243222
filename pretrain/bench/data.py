"""The frames of a benchmark: per game one set for each training seed and one for the probe."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from pretrain.bench.matrix import Cell
from pretrain.config import MAX_SEED
from pretrain.data.collect import collect_data
from slotenv.environments import atari_game

if TYPE_CHECKING:
    from pretrain.verbs.bench import BenchConfig

PROBE_SEED = MAX_SEED
PRESET = "scn"


def pretrain_folder(out: Path, game: str, seed: int) -> Path:
    """Return where the frames of one training seed lie."""
    return out / game / "data" / f"pretrain-{seed}"


def probe_folder(out: Path, game: str) -> Path:
    """Return where a game's probe frames lie."""
    return out / game / "data" / "probe"


def player_folder(out: Path, game: str, player: str) -> Path:
    """Return where the probe frames of a player other than the random one lie."""
    return out / game / "data" / f"probe-{player}"


def collect_game(
    config: BenchConfig, game: str, cells: Collection[Cell], workers: int | None
) -> None:
    """Collect what is missing of the frames that some cells of a game need.

    Args:
        config: The benchmark.
        game: Key of the game.
        cells: The cells that will run.
        workers: Processes; None: one per core.

    Raises:
        StoreError: If a folder holds other frames, e.g. more or fewer of them.
    """
    wanted = [(probe_folder(config.out, game), config.probe_frames, PROBE_SEED)]
    wanted += [
        (pretrain_folder(config.out, game, seed), config.frames, seed)
        for seed in sorted({cell.seed for cell in cells if not cell.is_reference})
    ]
    for folder, frames, seed in wanted:
        collect_data(
            folder,
            env=str(atari_game(game)),
            preset=PRESET,
            frames=frames,
            seed=seed,
            workers=workers,
        )


def drop_frames(config: BenchConfig, game: str) -> None:
    """Delete the frames of a game that this benchmark uses; the same seeds give them again."""
    for seed in config.seeds:
        shutil.rmtree(pretrain_folder(config.out, game, seed), ignore_errors=True)
    shutil.rmtree(probe_folder(config.out, game), ignore_errors=True)
