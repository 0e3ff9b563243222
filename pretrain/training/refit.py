"""Going on with an encoder of objects on other frames, such as an agent's own."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pretrain.data.store import FrameStore
from pretrain.runtime.progress import say
from pretrain.training.provenance import refuse_other
from slotenv import SlotEncoder
from slotenv.checkpoint import find_folder, read_config
from slotenv.compatibility import check_game
from slotenv.encoders import ObjectMixtureEncoder

if TYPE_CHECKING:
    from pretrain.verbs.refit import RefitConfig


def refit(config: RefitConfig) -> Path:
    """Write the refitted encoder; return its folder.

    Raises:
        ValueError: If it is no encoder of objects, the frames are of another preset, or the folder
            already holds an encoder that was made otherwise.
        FileNotFoundError: If there is no such encoder.
    """
    store = FrameStore(config.data)
    encoder = SlotEncoder.from_pretrained(config.encoder)
    if not isinstance(encoder, ObjectMixtureEncoder):
        raise ValueError(
            f"{config.encoder} holds a {type(encoder).__name__}, which cannot be refitted: go on "
            "training it, or pretrain with --method objects"
        )
    if store.preset.to_dict() != encoder.preprocess.to_dict():
        raise ValueError(
            f"{config.data} has frames {store.preset}, the encoder needs {encoder.preprocess}: "
            "collect with the encoder's preset"
        )
    check_game(store.description.env_id, encoder.provenance.get("env_id"), user="refit")
    made = {
        "refitted_from": read_config(find_folder(config.encoder))["weights_sha256"],
        "refit_checksum": store.checksum,
        "refit_seed": config.seed,
        "refit_num_slots": config.num_slots,
    }
    folder = config.out / "encoder"
    if refuse_other(config.out, made):
        return folder
    rows = np.random.default_rng([config.seed, 4]).permutation(len(store))[: encoder.fit_frames]
    other = encoder.refit(
        store.frames(np.sort(rows)),
        num_slots=config.num_slots,
        seed=config.seed,
        announce=partial(say, "refit"),
    )
    other.provenance = {**other.provenance, **made, "player": store.description.player}
    other.save_pretrained(folder)
    return folder
