"""The verb ``upkeep identity``: whether slots keep to their objects."""

from dataclasses import dataclass
from pathlib import Path

from pretrain.config import Amount, Flags


@dataclass(frozen=True, kw_only=True)
class IdentityConfig(Flags):
    """Count how often the slot that holds an object changes, on a benchmark's probe frames.

    Objects are where the console's RAM says; each is given the slot nearest to it. Writes
    identity.jsonl and identity.md. A change is a double where the object lies in two slots and the
    other one is nearer now.
    """

    bench: Path = Path("runs/bench")
    """Folder of a benchmark with probe frames and encoders of method objects."""
    out: Path = Path("runs/identity")
    """Folder for rows and table."""
    games: tuple[str, ...] = ()
    """Games, by key or Atari id. Default: all of the benchmark that have an encoder."""
    frames: Amount = 5_000
    """Frames of each game, the first of its probe frames."""

    def __call__(self, command: list[str]) -> None:
        """Measure what is missing, and print where the table lies."""
        from pretrain.bench.identity import measure_identity

        print(f"table: {measure_identity(**vars(self))}")
