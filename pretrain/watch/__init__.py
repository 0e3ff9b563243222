"""A film of play: what each slot looks at, drawn on the frame, and its numbers beside it."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pretrain.drawing.attention import Occlusion
from pretrain.drawing.scenes import sample_rows
from pretrain.runtime.progress import Progress
from pretrain.watch.film import play, random_frames
from pretrain.watch.pages import Pages
from pretrain.watch.tracks import follow
from pretrain.watch.video import to_gif, to_mp4
from slotenv.atomic import write_atomic
from slotenv.compatibility import check_game
from slotenv.encoders import SlotEncoder

if TYPE_CHECKING:
    from pretrain.verbs.watch import WatchConfig

__all__ = ["watch"]

_SAMPLE = 100  # frames of the film that background and spread are from, besides random play


def watch(config: WatchConfig) -> Path:
    """Play, look and write the film.

    Returns:
        Its path.

    Raises:
        FileNotFoundError: If there is no such encoder or agent.
        ValueError: If the environment is not known or does not fit, or the agent does not fit.
        ModuleNotFoundError: If a package is missing that .mp4 needs and .gif does not.

    Warns:
        UserWarning: If the encoder was trained on another game.
    """
    as_gif = config.out.suffix.lower() == ".gif"
    if not as_gif:  # that they are missing is told now, not after the film was played
        for module in ("imageio", "imageio_ffmpeg"):
            importlib.import_module(module)
    encoder = SlotEncoder.from_pretrained(config.encoder)
    env_id = config.env or encoder.provenance.get("env_id")
    if env_id is None:
        raise ValueError(f"{config.encoder} does not say what it was pretrained on: give --env")
    if config.agent is None:  # what wraps an agent's environment checks it, too
        check_game(env_id, encoder.provenance.get("env_id"), user="watch")
    film = play(config, env_id, encoder)
    sample = np.concatenate(
        [
            random_frames(env_id, encoder, config.seed + 1),
            film.frames[sample_rows(len(film.frames), _SAMPLE)],
        ]
    )
    occlusion = Occlusion.fit(encoder.encode, sample)
    with Progress("watch", total=len(film.frames), unit="frames") as progress:
        effects = []
        for frame in film.frames:
            effects.append(occlusion(frame))
            progress.advance(1)
    tracks = follow(np.stack(effects), film.starts, occlusion.block)
    player = f"{config.algo} agent" if config.agent else "random play"
    pages = Pages(
        title=f"{env_id}, {player}",
        film=film,
        effects=np.stack(effects),
        block=occlusion.block,
        tracks=tracks,
        shades=_shades(encoder, film.frames, sample),
        constant=occlusion.spread == 0,
    )
    config.out.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(config.out, to_gif(pages, config.fps) if as_gif else to_mp4(pages, config.fps))
    return config.out


def _shades(
    encoder: SlotEncoder, frames: NDArray[np.uint8], sample: NDArray[np.uint8]
) -> NDArray[np.float64]:
    """Return (n, K, D) slots in 0..1: 0.5 is the mean over the sample, the ends two deviations."""
    usual = encoder.encode(sample).astype(np.float64)
    slots = encoder.encode(frames).astype(np.float64)
    spread = usual.std(axis=0)
    shades = np.full_like(slots, 0.5)
    np.divide(slots - usual.mean(axis=0), 4 * spread, out=shades, where=spread > 1e-6)
    shades[:, spread > 1e-6] += 0.5
    return shades.clip(0, 1)
