"""The verb ``refit``: go on with an encoder of objects on other frames, such as an agent's own."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pretrain.config import Amount, Flags, Seed


@dataclass(frozen=True, kw_only=True)
class RefitConfig(Flags):
    """Go on with an encoder of objects on other frames; its slots keep order and meaning.

    A better player sees what random play never shows. Slots for what is new come behind the ones
    that are there, so that what an agent has learned on those stays true.
    """

    encoder: str
    """Encoder folder, run folder, hub id, or a game that has a ready-made encoder."""
    data: Path
    """Frames, a folder that collect made."""
    out: Path
    """Run folder: gets encoder/."""
    num_slots: Amount | None = None
    """Upper limit of slots, old ones included. Default: 24, or as many as there are if more."""
    seed: Seed = 0
    """Decides which frames are looked at and where new slots start."""

    def __call__(self, command: list[str]) -> None:
        """Refit, and print where the encoder lies.

        Raises:
            ValueError: If it is no encoder of objects, the frames are of another preset, or the
                folder already holds an encoder that was made otherwise.
            FileNotFoundError: If there is no such encoder.
        """
        import numpy as np

        from pretrain.data.store import FrameStore
        from pretrain.runtime.progress import say
        from pretrain.training.encoders import refuse_other
        from slotenv import SlotEncoder
        from slotenv.checkpoint import find_folder, read_config
        from slotenv.compatibility import check_game
        from slotenv.encoders import ObjectMixtureEncoder

        store = FrameStore(self.data)
        encoder = SlotEncoder.from_pretrained(self.encoder)
        if not isinstance(encoder, ObjectMixtureEncoder):
            raise ValueError(
                f"{self.encoder} holds a {type(encoder).__name__}, which cannot be refitted: go on "
                "training it, or pretrain with --method objects"
            )
        if store.preset.to_dict() != encoder.preprocess.to_dict():
            raise ValueError(
                f"{self.data} has frames {store.preset}, the encoder needs {encoder.preprocess}: "
                "collect with the encoder's preset"
            )
        check_game(store.description.env_id, encoder.provenance.get("env_id"), user="refit")
        made = {
            "refitted_from": read_config(find_folder(self.encoder))["weights_sha256"],
            "refit_checksum": store.checksum,
            "refit_seed": self.seed,
            "refit_num_slots": self.num_slots,
        }
        if not refuse_other(self.out, made):
            rows = np.random.default_rng([self.seed, 4]).permutation(len(store))
            other = encoder.refit(
                store.frames(np.sort(rows[: encoder.fit_frames])),
                num_slots=self.num_slots,
                seed=self.seed,
                announce=partial(say, "refit"),
            )
            other.provenance = {**other.provenance, **made, "player": store.description.player}
            other.save_pretrained(self.out / "encoder")
        print(f"encoder: {self.out / 'encoder'}")
