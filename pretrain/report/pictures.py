"""All pictures of a report, drawn from a run folder; None where there is nothing to draw from."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from pretrain.drawing.attention import Occlusion
from pretrain.drawing.canvas import to_png
from pretrain.drawing.labelled_frame import draw_marks
from pretrain.drawing.marks import fullness, marks_of
from pretrain.drawing.overlay import heat_scale, slot_panels
from pretrain.drawing.scenes import lively_clip, sample_rows, varied_frames
from pretrain.report import figures
from pretrain.report.animation import animate
from pretrain.report.run_folder import RunFolder
from pretrain.report.tables import mean_of, paper_accuracy, untrained_rows
from slotenv.labels import labelled_games, labels_for
from slotenv.labels.base import RAM_SIZE

_SAMPLE = 200  # frames for the background and the spread of the slots
_MOMENTS = 500  # from which the frame with most labelled objects is chosen
_SCENES, _CLIP = 5, 40  # still frames; frames of the animation


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """PNG files, but for ``animation``, a GIF.

    Attributes:
        labels: A frame with every label drawn on it.
        losses: Losses over training.
        importance: Objects x slots.
        predictions: Predicted against true values.
        curve: Probe accuracy over training.
        attention: Frames x slots with heat.
        animation: The same, moving.
        constant_slots: Slots that are the same in every frame.
    """

    labels: bytes | None
    losses: bytes | None
    importance: bytes | None
    predictions: bytes | None
    curve: bytes | None
    attention: bytes | None
    animation: bytes | None
    constant_slots: list[int]


PICTURES = [field.name for field in fields(Pictures) if field.name != "constant_slots"]


def draw(run: RunFolder) -> Pictures:
    """Draw what the run folder has the numbers for."""
    report = run.best_rows[0].report if run.best_rows else None
    attention, animation, constant_slots = _draw_attention(run)
    return Pictures(
        labels=_draw_labels(run),
        losses=figures.losses(run.metrics, num_slots=run.encoder.num_slots)
        if run.metrics
        else None,
        importance=(
            figures.importance(np.array(report.importance), report.object_names)
            if report and report.importance
            else None
        ),
        predictions=(
            figures.predictions(report.points, report.accuracy_by_label)
            if report and report.points
            else None
        ),
        curve=_draw_curve(run),
        attention=attention,
        animation=animation,
        constant_slots=constant_slots,
    )


def _draw_labels(run: RunFolder) -> bytes | None:
    if run.store is None or run.game not in labelled_games("pixel"):
        return None
    if run.store.ram.shape[1] != RAM_SIZE:
        return None
    labels, shape = labels_for(run.game, "pixel"), run.store.preset.shape
    moments = [
        (marks_of(labels, run.store.ram[row]), row)
        for row in sample_rows(len(run.store), _MOMENTS).tolist()
    ]
    marks, row = max(moments, key=lambda moment: fullness(moment[0], shape))
    return to_png(draw_marks(run.store.frames([row])[0], marks))


def _draw_curve(run: RunFolder) -> bytes | None:
    if not run.curve:
        return None
    paper = paper_accuracy(run)
    return figures.curve(
        run.curve,
        untrained=mean_of(untrained_rows(run), "accuracy"),
        paper=paper["scn"] if paper else None,
    )


def _draw_attention(run: RunFolder) -> tuple[bytes | None, bytes | None, list[int]]:
    if run.store is None:
        return None, None, []
    sample = run.store.frames(sample_rows(len(run.store), _SAMPLE))
    occlusion = Occlusion.fit(run.encoder.encode, sample)
    scenes = varied_frames(sample, occlusion, _SCENES)
    clip = lively_clip(run.store, occlusion, _CLIP)
    of_scenes = np.stack([occlusion(frame) for frame in scenes])  # (n, K, gh, gw)
    of_clip = np.stack([occlusion(frame) for frame in clip])
    scale = heat_scale(of_scenes)
    return (
        figures.attention(slot_panels(scenes, of_scenes, occlusion.block, scale), scale),
        animate(slot_panels(clip, of_clip, occlusion.block, scale)),
        np.flatnonzero(occlusion.spread == 0).tolist(),
    )
