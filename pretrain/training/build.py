"""Encoder and objective of a method, made for a data set."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

import gymnasium as gym
import numpy as np
import torch
from numpy.typing import NDArray

from pretrain.config import TrainConfig
from pretrain.data.store import FrameStore
from pretrain.runtime.progress import say
from pretrain.training.provenance import provenance, refuse_other
from pretrain.training.snapshots import snapshot_folder
from slotenv.encoders import SlotEncoder
from slotenv.environments import game_key, make_env
from slotenv.labels import labelled_games, labels_for
from slotenv.objectives import DataFacts, Objective

_DEFAULT_SLOTS = 8
_FIT_PAIRS = 256  # of the frames an encoder is fitted to, those with the next frame beside them


def build(
    config: TrainConfig, num_slots: int | None, store: FrameStore, rows: NDArray[np.int64]
) -> tuple[SlotEncoder, Objective | None]:
    """Make encoder and objective with the weights that ``config.seed`` decides.

    Args:
        config: How to train.
        num_slots: K; None lets an encoder that can count the objects do so.
        store: The data.
        rows: The moments that are trained on.

    Returns:
        The objective is None for a method that is not trained.

    Raises:
        ValueError: If the objective has no such setting, or the data lack what it needs.
    """
    torch.manual_seed(config.seed)
    method = config.resolved_method
    architecture = method.encoder_class
    sample = np.random.default_rng([config.seed, 3]).permutation(rows)[: architecture.fit_frames]
    sample[:_FIT_PAIRS].sort()  # reading in order is faster
    sample[_FIT_PAIRS:].sort()
    encoder = architecture.from_frames(
        store.frames(sample),
        next_frames=store.frames(sample[:_FIT_PAIRS] + 1),
        preprocess=store.preset,
        num_slots=num_slots,
        slot_dim=config.slot_dim,
        seed=config.seed,
        announce=partial(say, "fit"),
    )
    objective = method.objective_class
    if objective is None:
        return encoder, None
    count, first = _discrete_actions(store)
    facts = DataFacts(store.description.env_id, count, store.ram[rows], first)
    if unknown := set(method.settings) - set(method.takes()):
        raise ValueError(
            f"method {method.name!r} has no setting {', '.join(sorted(unknown))}; its settings: "
            f"{', '.join(method.takes()) or 'none'}"
        )
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

    Raises:
        ValueError: If the folder holds an encoder that was made otherwise.
    """
    asked = {
        "method": config.resolved_method.name,
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


def _discrete_actions(store: FrameStore) -> tuple[int | None, int]:
    """Return how many actions there are and the lowest of them; None and 0 if not discrete."""
    with make_env(store.description.env_id, store.preset) as env:
        space = env.action_space
    if isinstance(space, gym.spaces.Discrete):
        return int(space.n), int(space.start)
    return None, 0
