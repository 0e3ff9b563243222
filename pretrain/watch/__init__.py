"""A film of play: what each slot looks at, drawn on the frame, and its numbers beside it."""

from __future__ import annotations

import importlib
import itertools
from pathlib import Path

import numpy as np

from pretrain.drawing.attention import Occlusion, attention_marks
from pretrain.drawing.moments import random_play, sample_rows
from pretrain.runtime.progress import Progress
from pretrain.watch.film import Play, play
from pretrain.watch.pages import Pages, to_gif, to_mp4
from slotenv.atomic import write_atomic
from slotenv.compatibility import check_game
from slotenv.encoders import SlotEncoder
from slotenv.environments import make_env

__all__ = ["watch"]

_SAMPLE = 100  # frames of random play, and as many of the film, for background and spread
_STEPS_APART = 3  # of random play; an odd number, as many things blink every other step


def watch(encoder: str, out: Path, *, env: str | None, asked: Play, fps: int) -> Path:
    """Play, look and write the film.

    Args:
        encoder: As :meth:`slotenv.SlotEncoder.from_pretrained` takes it.
        out: The film, .gif or .mp4.
        env: Environment; None: the one that the encoder was pretrained on.
        asked: Who plays, and how long.
        fps: Steps shown per second.

    Returns:
        Its path.

    Raises:
        FileNotFoundError: If there is no such encoder or agent.
        ValueError: If the environment is not known or does not fit, or the agent does not fit.
        ModuleNotFoundError: If a package is missing that .mp4 needs and .gif does not.

    Warns:
        UserWarning: If the encoder was trained on another game.
    """
    as_gif = out.suffix.lower() == ".gif"
    if not as_gif:  # that they are missing is told now, not after the film was played
        for module in ("imageio", "imageio_ffmpeg"):
            importlib.import_module(module)
    looks = SlotEncoder.from_pretrained(encoder)
    env_id = env or looks.provenance.get("env_id")
    if env_id is None:
        raise ValueError(f"{encoder} does not say what it was pretrained on: give --env")
    if asked.agent is None:  # what wraps an agent's environment checks it, too
        check_game(env_id, looks.provenance.get("env_id"), user="watch")
    film = play(asked, env_id, looks)
    with make_env(env_id, looks.preprocess) as made:
        others = random_play(made, steps=_SAMPLE * _STEPS_APART, seed=asked.seed + 1)
        sample = [frame for frame, _ in itertools.islice(others, 0, None, _STEPS_APART)]
    sample += list(film.frames[sample_rows(len(film.frames), _SAMPLE)])
    occlusion = Occlusion(looks.encode, np.stack(sample))
    effects = []
    with Progress("watch", total=len(film.frames), unit="frames") as progress:
        for frame in film.frames:
            effects.append(occlusion(frame))
            progress.advance(1)
    marks, strengths = attention_marks(
        np.stack(effects), film.starts, occlusion.block, film.frames.shape[1:]
    )
    # Numbers are shown around their mean over the sample, two deviations to either side.
    usual, slots = looks.encode(np.stack(sample)), looks.encode(film.frames)
    spread = usual.std(axis=0)
    shades = 0.5 + (slots - usual.mean(axis=0)) / np.where(spread > 1e-6, 4 * spread, np.inf)
    pages = Pages(
        title=f"{env_id}, {f'{asked.algo} agent' if asked.agent else 'random play'}",
        film=film,
        marks=marks,
        strengths=strengths,
        shades=shades.clip(0, 1),
        constant=occlusion.spread == 0,
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(out, to_gif(pages, fps) if as_gif else to_mp4(pages, fps))
    return out
