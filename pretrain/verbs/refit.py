"""The verb ``refit``: go on with an encoder of objects on other frames, such as an agent's own."""

from dataclasses import dataclass
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
        """Refit, and print where the encoder lies."""
        from pretrain.training.refit import refit

        print(f"encoder: {refit(**vars(self))}")
