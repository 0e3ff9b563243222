"""A film of play: where each slot is or what it looks at, and what it holds beside the frame."""

from __future__ import annotations

import importlib
import itertools
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pretrain.drawing.attention import Occlusion, attention_marks
from pretrain.drawing.marks import TRAIL, Mark, slot_marks
from pretrain.drawing.moments import random_play, sample_rows
from pretrain.runtime.progress import Progress
from pretrain.watch.film import Film, Play, play
from pretrain.watch.pages import Pages, to_gif, to_mp4
from pretrain.watch.panels import AttentionPanel, BoxPanel, Panel
from slotenv.atomic import write_atomic
from slotenv.compatibility import check_game
from slotenv.encoders import SlotEncoder
from slotenv.environments import make_env

__all__ = ["mark_attention", "mark_boxes", "watch"]

_SAMPLE = 100  # frames of random play, and as many of the film, for background and spread
_BATCH = 256  # frames encoded at once
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
    if looks.has_boxes:
        marks, panel = mark_boxes(looks, film)
    else:
        marks, panel = mark_attention(
            looks, film, _usual_frames(env_id, looks, film, asked.seed + 1)
        )
    title = f"{env_id}, {f'{asked.algo} agent' if asked.agent else 'random play'}"
    pages = Pages(title=title, film=film, marks=marks, panel=panel)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(out, to_gif(pages, fps) if as_gif else to_mp4(pages, fps))
    return out


def mark_boxes(encoder: SlotEncoder, film: Film) -> tuple[list[list[Mark]], Panel]:
    """Mark where each slot is in each frame, for encoders that say so.

    Returns:
        The marks of each frame, with paths that do not leave its episode; and the panel.
    """
    boxes = np.concatenate([encoder.boxes(frames) for frames in _parts(film.frames)])
    starts = np.maximum.accumulate(np.where(film.starts, np.arange(len(film.starts)), 0))
    marks = [
        slot_marks(list(boxes[max(start, t - TRAIL) : t + 1]), film.frames.shape[1:])
        for t, start in enumerate(starts.tolist())
    ]
    return marks, BoxPanel(slots=encoder.describe(film.frames), boxes=boxes)


def mark_attention(
    encoder: SlotEncoder, film: Film, usual: NDArray[np.uint8]
) -> tuple[list[list[Mark]], Panel]:
    """Mark what each slot looks at in each frame; ``usual`` (n, H, W, 3) are for comparison."""
    occlusion = Occlusion(encoder.encode, usual)
    effects = []
    with Progress("watch", total=len(film.frames), unit="frames") as progress:
        for frame in film.frames:
            effects.append(occlusion(frame))
            progress.advance(1)
    marks, strengths = attention_marks(
        np.stack(effects), film.starts, occlusion.block, film.frames.shape[1:]
    )
    # Numbers are shown around their mean over the sample, two deviations to either side.
    sample, slots = encoder.encode(usual), encoder.encode(film.frames)
    spread = sample.std(axis=0)
    shades = 0.5 + (slots - sample.mean(axis=0)) / np.where(spread > 1e-6, 4 * spread, np.inf)
    return marks, AttentionPanel(
        strengths=strengths,
        shades=shades.clip(0, 1),
        constant=occlusion.spread == 0,
        marked=np.array([len({mark.colour for mark in of_frame}) for of_frame in marks]),
    )


def _usual_frames(env_id: str, encoder: SlotEncoder, film: Film, seed: int) -> NDArray[np.uint8]:
    """Return frames of random play, and as many of the film."""
    with make_env(env_id, encoder.preprocess) as made:
        others = random_play(made, steps=_SAMPLE * _STEPS_APART, seed=seed)
        sample = [frame for frame, _ in itertools.islice(others, 0, None, _STEPS_APART)]
    return np.stack([*sample, *film.frames[sample_rows(len(film.frames), _SAMPLE)]])


def _parts(frames: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """Return frames in parts that fit into memory when they are encoded."""
    return [frames[start : start + _BATCH] for start in range(0, len(frames), _BATCH)]
