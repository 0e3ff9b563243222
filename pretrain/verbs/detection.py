"""The verb ``upkeep detection``: are the objects found, and do slots lie on objects?"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pretrain.config import MAX_SEED, Amount, Flags, Seed


@dataclass(frozen=True, kw_only=True)
class DetectionConfig(Flags):
    """Compare the boxes of slots with true boxes, frame by frame, and with those of rivals.

    Frames are those of random play in ALE/<Game>-v5. Rivals learn from the first half of them; all
    are judged on the second. Writes detection.jsonl, detection.md, a picture <game>.png with true
    boxes (white) and found ones, and gallery.png. The same command goes on after a stop. A game
    that OCAtari cannot read is named in the table, and the others go on.
    """

    out: Path = Path("runs/detection")
    """Folder: frames/ gets the frames, a folder named by truth and preset the rest."""
    games: tuple[str, ...] = ()
    """Games, by key or Atari id. Default: all that have a ready-made encoder and a truth."""
    truth: Literal["ocatari", "labels"] = "ocatari"
    """Where objects are. ocatari: as OCAtari reads boxes from RAM, in an environment of its own,
    made when first needed; labels: the pixel labels, which a few objects of 20 games have."""
    preset: Literal["v5", "scn"] = "v5"
    """Frames: single ones, as gym.make gives them (v5), or the maximum of two each (scn)."""
    frames: Amount = 1_000
    """Frames of each game."""
    encoder: str = "{game}"
    """Encoder of objects: its folder, a run folder or a hub id; {game} stands for the game's key.
    Default: the ready-made one."""
    rival: str | None = None
    """Another encoder to stand beside, one with attention (method slot_attention_contrast): its
    folder or a run folder; {game} as above, and games without such a folder do without."""
    seed: Seed = MAX_SEED
    """Decides the play. No encoder is trained on frames of seeds from 1,000,000 on."""
    environment: Path | None = None
    """Folder for OCAtari's environment. Default: slotenv/ocatari in the user's cache."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.frames < 2:
            raise ValueError("frames must be at least 2: half of them are judged")
        for name, folder in {"encoder": self.encoder, "rival": self.rival}.items():
            if folder and "{game}" not in folder and len(self.games) != 1:
                raise ValueError(
                    f"{name} {folder!r} is one game's: give --games that game, or put {{game}} in "
                    "place of its key"
                )

    def __call__(self, command: list[str]) -> None:
        """Measure what is missing, and print where the table lies."""
        from pretrain.upkeep.detection import measure_detection

        print(f"table: {measure_detection(**vars(self))}")
