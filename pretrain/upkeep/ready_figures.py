"""How good a ready-made encoder is: always what it sees, and accuracy where there is a truth."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pretrain.config import MAX_SEED
from pretrain.data.store import FrameStore
from pretrain.drawing.marked_frame import draw_marks
from pretrain.probe import probe_encoder
from pretrain.upkeep.detection import read_detection
from pretrain.upkeep.galleries import best, seen_moments
from pretrain.upkeep.plays import recorded_play
from slotenv.encoders import ObjectMixtureEncoder
from slotenv.environments import atari_game
from slotenv.labels import labelled_games
from slotenv.probe import METRICS
from slotenv.probe.dataset import frame_batches
from slotenv.tracking import SEEN

JUDGED_FRAMES = 1_000
"""Frames of random play that every encoder is looked at with."""
_BATCH = 250  # frames

Figures = dict[str, Any]
"""What ``provenance["judged"]`` of a ready-made encoder holds, as JSON."""


def figures_to_have(
    game: str, weights: str | None, *, probe_frames: int, detection: Path
) -> Figures:
    """Return what decides the figures of a game's encoder: they are measured again if it changes.

    Args:
        game: Its key.
        weights: SHA-256 of the encoder's weights, None before it is made.
        probe_frames: Frames of the probe, where there are labels.
        detection: Folder of ``upkeep detection``, which need not be there.
    """
    return {
        "frames": JUDGED_FRAMES,
        "seed": MAX_SEED,
        "probe_frames": probe_frames if game in labelled_games("pixel") else 0,
        "detection": read_detection(detection, game, weights),
    }


def judge(
    encoder: ObjectMixtureEncoder, game: str, wanted: Figures, plays: Path
) -> tuple[Figures, Image.Image]:
    """Return the figures of a game's encoder, and a picture of what its slots see.

    Args:
        encoder: The encoder.
        game: The game's key.
        wanted: As :func:`figures_to_have` gives it; it is part of what is returned.
        plays: Folder of frames, as for :func:`pretrain.upkeep.plays.recorded_play`.
    """
    name = str(atari_game(game))
    store = recorded_play(plays, name, frames=wanted["frames"], seed=wanted["seed"])
    batches = frame_batches(store, len(store), _BATCH)
    seen = [(encoder.boxes(frames), encoder.foreground_share(frames)) for frames in batches]
    boxes, foreground = (np.concatenate(part) for part in zip(*seen, strict=True))
    figures = wanted | {
        "present_slots": round(float((boxes[..., 0] > SEEN).sum(axis=1).mean()), 2),
        "foreground": round(float(foreground.mean()), 4),
        "probe": {},
    }
    if wanted["probe_frames"]:
        probed = recorded_play(plays, name, frames=wanted["probe_frames"], seed=wanted["seed"])
        for kind, hold in {"plain": False, "held": True}.items():
            report = probe_encoder(encoder, probed, view="pixel", hold=hold)
            figures["probe"][kind] = {metric: getattr(report, metric) for metric in METRICS}
    _, frame, marks = best(seen_moments(_play(store, boxes)))
    return figures, draw_marks(frame, marks, zoom=2, font_size=16)


def _play(
    store: FrameStore, boxes: NDArray[np.float32]
) -> Iterator[tuple[NDArray[np.uint8], bool, NDArray[np.float32]]]:
    """Yield each frame of a store, whether it is the first of its episode, and its boxes."""
    first = np.diff(store.episode, prepend=-1) != 0
    batches = frame_batches(store, len(store), _BATCH)
    frames = (frame for batch in batches for frame in batch)
    yield from zip(frames, first.tolist(), boxes, strict=True)
