"""Going on with an encoder of objects on other frames."""

from functools import partial
from pathlib import Path

from pretrain.data.store import FrameStore
from pretrain.runtime.progress import say
from pretrain.training.batches import pair_starts
from pretrain.training.encoders import refuse_other
from pretrain.training.sample import draw_sample
from slotenv import SlotEncoder
from slotenv.checkpoint import find_folder, read_config
from slotenv.compatibility import check_game
from slotenv.encoders import FittedEncoder


def refit(*, encoder: str, data: Path, out: Path, num_slots: int | None, seed: int) -> Path:
    """Refit an encoder to frames, unless that is done; return the folder of the new one.

    Raises:
        ValueError: If it is no encoder of objects, the frames are of another preset, or the folder
            already holds an encoder that was made otherwise.
        FileNotFoundError: If there is no such encoder.
    """
    store, old = FrameStore(data), SlotEncoder.from_pretrained(encoder)
    if not isinstance(old, FittedEncoder):
        raise ValueError(
            f"{encoder} holds a {type(old).__name__}, which cannot be refitted: go on training it, "
            "or pretrain with --method objects"
        )
    if not old.preprocess.covers(store.preset):
        raise ValueError(
            f"{data} has frames {store.preset}, the encoder needs {old.preprocess}: collect with "
            "the encoder's preset"
        )
    check_game(store.description.env_id, old.provenance.get("env_id"), user="refit")
    made = {
        "refitted_from": read_config(find_folder(encoder))["weights_sha256"],
        "refit_checksum": store.checksum,
        "refit_seed": seed,
        "refit_num_slots": num_slots,
    }
    if not refuse_other(out, made):
        sample = draw_sample(
            store, pair_starts(store.episode), old.fit_frames, pairs=old.fit_pairs, seed=seed
        )
        new = old.refit(
            sample.frames,
            next_frames=sample.next_frames,
            num_slots=num_slots,
            seed=seed,
            announce=partial(say, "refit"),
        )
        new.provenance = {**new.provenance, **made, "player": store.description.player}
        new.save_pretrained(out / "encoder")
    return out / "encoder"
