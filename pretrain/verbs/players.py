"""The verb ``upkeep players``: slots on a better player's frames."""

from dataclasses import dataclass
from pathlib import Path

from pretrain.config import Amount, Flags


@dataclass(frozen=True, kw_only=True)
class PlayersConfig(Flags):
    """Probe a benchmark's finished encoders on a scripted player's frames, too; write a table.

    The same command goes on after a stop, and again after more cells are done.
    """

    out: Path = Path("runs/bench")
    """Folder of the benchmark; players.jsonl and players.md go there."""
    games: tuple[str, ...] = ()
    """Games, by key or Atari id. Default: all that have a scripted player."""
    methods: tuple[str, ...] = ()
    """Methods and references, by name. Default: all that are done."""
    frames: Amount = 50_000
    """Frames of the player in each game."""
    workers: Amount | None = None
    """Processes for collection; default: one per core. The data do not depend on it."""
    device: str = "auto"
    """cpu, cuda, or auto: cuda where there is one."""

    def __call__(self, command: list[str]) -> None:
        """Probe what is missing, and print where the table lies."""
        from pretrain.bench.players import probe_players

        print(f"table: {probe_players(**vars(self))}")
