"""How weights came about: what is written with them, and whether it is what is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from pretrain.config import TrainConfig
from pretrain.data.store import FrameStore
from slotenv import __version__
from slotenv.checkpoint import CONFIG, is_saved, read_config


def provenance(
    store: FrameStore, config: TrainConfig, *, updates: int, seconds: float, device: str
) -> dict[str, Any]:
    """Return how weights came about."""
    method, description = config.resolved_method, store.description
    return {
        "env_id": description.env_id,
        "frames": description.num_steps,
        "data_seed": description.seed,
        "player": description.player,
        "data_checksum": store.checksum,
        "method": method.name,
        "title": method.title,
        "objective": method.objective_name,
        "settings": method.settings,
        "updates": updates,
        "batch_size": config.batch_size,
        "run_length": config.run_length,
        "learning_rate": config.learning_rate,
        "seed": config.seed,
        "train_seconds": round(seconds, 1),
        "device": device,
        "devices": config.devices,
        "slotenv": __version__,
        "torch": torch.__version__,
    }


def refuse_other(folder: Path, asked: dict[str, Any]) -> bool:
    """Return whether a folder already holds an encoder that was made as asked.

    Args:
        folder: Where an encoder lies or will lie in ``encoder/``.
        asked: What its provenance must say.

    Raises:
        ValueError: If it holds an encoder that was made otherwise, which would be lost.
    """
    if not (folder / "encoder" / CONFIG).exists():
        return False
    made = read_config(folder / "encoder").get("provenance", {})
    if differs := differences(made, asked):
        raise ValueError(
            f"{folder} holds an encoder that was made otherwise ({differs}): use another folder, "
            "or delete this one"
        )
    return is_saved(folder / "encoder")


def differences(made: Mapping[str, Any], asked: Mapping[str, Any]) -> str:
    """Say in which of the things that are asked for something was made otherwise, if it was."""
    return "; ".join(
        f"{name} was {made.get(name)!r}, is {value!r}"
        for name, value in asked.items()
        if made.get(name) != value
    )
