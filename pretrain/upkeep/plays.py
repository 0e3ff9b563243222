"""Games by name, and random play of them that several measurements share."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pretrain.data.collect import collect_data
from pretrain.data.store import FrameStore
from slotenv.environments import atari_game


def named_games(games: Iterable[str]) -> dict[str, str]:
    """Return ALE's spelling of games by their keys.

    Raises:
        ValueError: If one is no Atari game.
    """
    named = {}
    for asked in games:
        name = atari_game(asked)
        if name is None:
            raise ValueError(f"{asked} is no Atari game: this needs the console")
        named[name.lower()] = name
    return named


def recorded_play(
    folder: Path, name: str, *, preset: str = "v5", frames: int, seed: int
) -> FrameStore:
    """Return frames of random play, collected into a folder of the game in ``folder`` if missing.

    Args:
        folder: Holds one folder for each game, preset, number of frames and seed.
        name: The game in ALE's spelling.
        preset: Name of the frame preset; ``"v5"`` is what ``gym.make("ALE/<Game>-v5")`` gives.
        frames: How many.
        seed: Decides the play.
    """
    kind = "" if preset == "v5" else f"-{preset}"
    place = folder / f"{name.lower()}{kind}-{frames}-s{seed}"
    collect_data(place, env=f"ALE/{name}-v5", preset=preset, frames=frames, seed=seed, workers=1)
    return FrameStore(place)
