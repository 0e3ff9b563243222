"""How good a ready-made encoder is: always what it sees, and accuracy where there is a truth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pretrain.config import MAX_SEED
from pretrain.drawing.marked_frame import draw_marks
from pretrain.probe import held_features, read_slots
from pretrain.upkeep.detection import read_detection
from pretrain.upkeep.galleries import best, seen_moments
from pretrain.upkeep.plays import recorded_play
from slotenv import SlotDescription
from slotenv.encoders import FittedEncoder
from slotenv.encoders.description import describe_slots
from slotenv.environments import atari_game
from slotenv.labels import labelled_games
from slotenv.probe import METRICS, probe_features
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
    encoder: FittedEncoder, game: str, wanted: Figures, plays: Path
) -> tuple[Figures, Image.Image]:
    """Return the figures of a game's encoder, and a picture of what its slots see.

    Args:
        encoder: The encoder.
        game: The game's key.
        wanted: As :func:`figures_to_have` gives it; it is part of what is returned.
        plays: Folder of frames, as for :func:`pretrain.upkeep.plays.recorded_play`.
    """
    seen, picture = look(encoder, game, wanted, plays)
    return wanted | seen | {"probe": _probe(encoder, game, wanted, plays)}, picture


def look(
    encoder: FittedEncoder, game: str, wanted: Figures, plays: Path
) -> tuple[Figures, Image.Image]:
    """Return what slots see in the frames of judging, and a picture; arguments as for judge.

    ``slots`` is a list of what each holds: a :class:`slotenv.SlotDescription` without its colour
    and picture, None where there is no number.
    """
    name = str(atari_game(game))
    store = recorded_play(plays, name, frames=wanted["frames"], seed=wanted["seed"])
    batches = frame_batches(store, len(store), _BATCH)
    found = [(frames, encoder.boxes(frames), encoder.foreground(frames)) for frames in batches]
    frames, boxes, foreground = (np.concatenate(part) for part in zip(*found, strict=True))
    slots = describe_slots(frames, boxes, foreground)
    figures = {
        "present_slots": round(float((boxes[..., 0] > SEEN).sum(axis=1).mean()), 2),
        "foreground": round(float(foreground.mean()), 4),
        "slots": [_slot_figures(slot) for slot in slots],
    }
    first = np.diff(store.episode, prepend=-1) != 0
    _, frame, marks = best(seen_moments(zip(frames, first.tolist(), boxes, strict=True)))
    return figures, draw_marks(frame, marks, zoom=2, font_size=16)


def _slot_figures(slot: SlotDescription) -> Figures:
    numbers = {"x": slot.x, "y": slot.y, "speed": slot.speed}
    shown = {name: round(number, 1) if slot.present else None for name, number in numbers.items()}
    return {"name": slot.name, "present": round(slot.present, 3), **shown}


def _probe(encoder: FittedEncoder, game: str, wanted: Figures, plays: Path) -> dict[str, Figures]:
    """Return the scores of plain and of held slots, none where there are no labels."""
    if not wanted["probe_frames"]:
        return {}
    name = str(atari_game(game))
    store = recorded_play(plays, name, frames=wanted["probe_frames"], seed=wanted["seed"])
    plain = read_slots(encoder, store, hold=False)
    scores = {}
    for kind, features in {
        "plain": plain,
        "held": held_features(plain, store, encoder),
    }.items():
        report = probe_features(features, store, game=game, view="pixel")
        scores[kind] = {metric: getattr(report, metric) for metric in METRICS}
    return scores
