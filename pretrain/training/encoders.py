"""The encoders of a run folder: how they are made, what is written with them, which are there."""

import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gymnasium.spaces import Discrete
from numpy.typing import NDArray

from pretrain.config import TrainConfig
from pretrain.data.store import FrameStore
from pretrain.runtime.progress import say
from pretrain.training.sample import draw_sample
from slotenv import __version__
from slotenv.checkpoint import CONFIG, is_saved, read_config
from slotenv.encoders import SlotEncoder
from slotenv.environments import game_key, make_env
from slotenv.labels import labelled_games, labels_for
from slotenv.objectives import DataFacts, Objective

SNAPSHOTS = {0, 250} | {factor * 2**power for factor in (250, 375) for power in range(1, 13)}
"""Updates after which an encoder is kept, for the curve of accuracy over updates: more and more
apart, as learning slows down."""
_DEFAULT_SLOTS = 8


def build(
    config: TrainConfig, num_slots: int | None, store: FrameStore, rows: NDArray[np.int64]
) -> tuple[SlotEncoder, Objective | None]:
    """Make encoder and objective with the weights that ``config.seed`` decides.

    The objective is None for a method that is not trained; ``num_slots`` None lets an encoder that
    can count the objects do so; ``rows`` are the moments that are trained on.

    Raises:
        ValueError: If the objective has no such setting, or the data lack what it needs.
    """
    torch.manual_seed(config.seed)
    method = config.resolved_method
    architecture = method.encoder_class
    sample = draw_sample(
        store, rows, architecture.fit_frames, pairs=architecture.fit_pairs, seed=config.seed
    )
    encoder = architecture.from_frames(
        sample.frames,
        next_frames=sample.next_frames,
        preprocess=store.preset,
        num_slots=num_slots,
        slot_dim=config.slot_dim,
        seed=config.seed,
        announce=partial(say, "fit"),
    )
    objective = method.objective_class
    if objective is None:
        return encoder, None
    if unknown := set(method.settings) - set(objective.settings()):
        raise ValueError(
            f"method {method.name!r} has no setting {', '.join(sorted(unknown))}; its settings: "
            f"{', '.join(objective.settings()) or 'none'}"
        )
    env_id = store.description.env_id
    with make_env(env_id, store.preset) as env:
        space = env.action_space
    count, first = (int(space.n), int(space.start)) if isinstance(space, Discrete) else (None, 0)
    facts = DataFacts(env_id, count, store.ram[rows], first)
    return encoder, objective.for_data(encoder, facts, **method.settings)


def make_untrained(
    store: FrameStore,
    config: TrainConfig,
    folder: Path,
    num_slots: int | None,
    rows: NDArray[np.int64],
) -> SlotEncoder:
    """Make the encoder of a method that takes no updates and write it, as training would.

    What the folder holds from the same call before is returned as it is.
    """
    asked = {
        "method": config.resolved_method.name,
        "architecture": config.resolved_method.encoder_name,  # a method may have had another before
        "data_checksum": store.checksum,
        "seed": config.seed,
        "num_slots": num_slots,
        "slot_dim": config.slot_dim,
        "validation_share": config.validation_share,  # the rest is what an encoder is fitted to
    }
    if refuse_other(folder, asked):
        return SlotEncoder.from_pretrained(folder / "encoder")
    began = time.monotonic()
    encoder, _ = build(config, num_slots, store, rows)
    fitted = encoder.fit_frames > 0
    seconds = time.monotonic() - began if fitted else 0.0
    made = provenance(store, config, updates=0, seconds=seconds, device="cpu")
    encoder.provenance = {**encoder.provenance, **made, **asked}
    encoder.eval()
    if not fitted:  # first: a folder with an encoder is one that is finished
        encoder.save_pretrained(snapshot_folder(folder, 0))
    encoder.save_pretrained(folder / "encoder")
    return encoder


def slots_of(config: TrainConfig, env_id: str) -> int | None:
    """Return K: as given; None for encoders that count objects; else the paper's, or 8.

    The paper's K is a game's number of labelled objects.
    """
    if config.num_slots is not None or config.resolved_method.encoder_class.fit_frames:
        return config.num_slots
    game = game_key(env_id)
    return labels_for(game).num_objects if game in labelled_games("scn") else _DEFAULT_SLOTS


def provenance(
    store: FrameStore, config: TrainConfig, *, updates: int, seconds: float, device: str
) -> dict[str, Any]:
    """Return how weights came about, which is written with them."""
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
    """Return whether a run folder already holds an encoder whose provenance says what is asked.

    Raises:
        ValueError: If it holds an encoder that was made otherwise, which would be lost.
    """
    if not (folder / "encoder" / CONFIG).exists():
        return False
    config = read_config(folder / "encoder")
    made = {"architecture": config.get("architecture"), **config.get("provenance", {})}
    if differs := differences(made, asked):
        raise ValueError(
            f"{folder} holds an encoder that was made otherwise ({differs}): use another folder, "
            "or delete this one"
        )
    return is_saved(folder / "encoder")


def differences(made: Mapping[str, Any], asked: Mapping[str, Any]) -> str:
    """Say which of the things asked for were made otherwise; empty if none was."""
    return "; ".join(
        f"{name} was {made.get(name)!r}, is {value!r}"
        for name, value in asked.items()
        if made.get(name) != value
    )


def snapshot_folder(folder: Path, update: int) -> Path:
    """Where a run folder keeps the encoder as it was after some updates."""
    return folder / "snapshots" / f"{update:06d}"


def snapshots_of(folder: Path) -> dict[int, Path]:
    """Return the snapshots in a run folder that are whole, by updates, in order."""
    names = [path.name for path in (folder / "snapshots").glob("*") if path.name.isdecimal()]
    folders = {update: snapshot_folder(folder, update) for update in sorted(map(int, names))}
    return {update: path for update, path in folders.items() if is_saved(path)}
