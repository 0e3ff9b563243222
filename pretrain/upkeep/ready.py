"""Encoders for the package: those of all games, with one configuration."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from pretrain.drawing.files import to_png
from pretrain.runtime.pool import in_processes
from pretrain.runtime.progress import Progress
from pretrain.runtime.workers import usable_cores
from pretrain.upkeep.galleries import gallery
from pretrain.upkeep.plays import named_games
from pretrain.upkeep.ready_game import Game, code_digest, make_game
from slotenv.atomic import write_atomic
from slotenv.checkpoint import PICTURE
from slotenv.environments import atari_games


def make_ready(
    *,
    out: Path,
    data: Path,
    games: tuple[str, ...],
    frames: int,
    probe_frames: int,
    detection: Path,
    workers: int | None,
) -> Path:
    """Make what is missing of the games' encoders, and return the path of their gallery.

    Raises:
        ValueError: If one is no Atari game; nothing is written then.
        RuntimeError: At the end, if games failed.
    """
    code = code_digest()
    wanted = [
        Game(
            name=name,
            out=out,
            data=data,
            frames=frames,
            probe_frames=probe_frames,
            detection=detection,
            command="python -m pretrain upkeep ready --out slotenv/ready --games "
            f"{key} --frames {frames} --probe-frames {probe_frames}",
            code=code,
        )
        for key, name in named_games(games or atari_games()).items()
    ]
    missing = [game for game in wanted if not game.is_done()]
    failed = []
    done = len(wanted) - len(missing)
    with Progress("ready", total=len(wanted), start=done, unit="games") as progress:
        for game, said, is_made in _made(missing, workers or usable_cores()):
            if not is_made:
                failed.append(f"{game.name}: {said}")
            print(f"{game.key}: {'' if is_made else 'failed: '}{said}", flush=True)
            progress.advance(1)
    drawn = {game.name: game.folder / PICTURE for game in wanted}
    pictures = {name: Image.open(path) for name, path in drawn.items() if path.exists()}
    if pictures:
        data.mkdir(parents=True, exist_ok=True)  # nothing was collected if all were made before
        write_atomic(data / "gallery.png", to_png(gallery(pictures)))
    if failed:
        raise RuntimeError(
            f"{len(failed)} of {len(wanted)} games failed; the same command tries them again. "
            + "; ".join(failed)
        )
    return data / "gallery.png"


def _made(games: list[Game], workers: int) -> Iterator[tuple[Game, str, bool]]:
    """Make games' encoders; yield each with what there is to say, and whether it was made."""
    if workers == 1 or len(games) < 2:
        for game in games:
            yield game, *try_game(game)
        return
    calls = [(game, 1) for game in games]
    for i, outcome in in_processes(try_game, calls, min(workers, len(games)), what="ready"):
        yield games[i], *outcome


def try_game(game: Game, threads: int | None = None) -> tuple[str, bool]:
    """Make a game's encoder; return what there is to say, and whether it was made."""
    try:
        return make_game(game, threads), True
    except Exception as error:  # the other games go on
        return f"{type(error).__name__}: {error}", False
