"""The report of a run: one HTML file that opens anywhere, offline."""

import base64
import io
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from PIL import Image

from pretrain.data.store import FrameStore
from pretrain.drawing.attention import Occlusion
from pretrain.drawing.estimate import mean
from pretrain.drawing.files import to_png
from pretrain.drawing.marked_frame import draw_marks
from pretrain.drawing.marks import fullness, label_marks
from pretrain.drawing.moments import sample_rows
from pretrain.report import attention, figures, slots, tables
from pretrain.report.run_folder import RunFolder, read_run
from slotenv.atomic import write_atomic
from slotenv.encoders import SlotEncoder
from slotenv.labels import GameLabels, labelled_games, labels_for
from slotenv.labels.base import RAM_SIZE

_SAMPLE = 200  # frames for the background and the spread of the slots
_MOMENTS = 500  # from which the frame with most labelled objects is chosen
_SCENES, _CLIP = 3, 40  # still frames; frames of the animation


def write_report(folder: Path) -> Path:
    """Write ``report.html`` into a run folder, from what is there.

    Args:
        folder: Holds ``encoder/``; and, each optional, ``config.json``, ``metrics.jsonl``,
            ``probe.json``, ``data/probe`` and ``data/pretrain``.

    Returns:
        Path of the report.

    Raises:
        ValueError: If there is no encoder, or a file is damaged; the message says which.
    """
    page = render(read_run(folder))
    path = folder / "report.html"
    write_atomic(path, page)
    return path


def render(run: RunFolder) -> str:
    """Draw what the run folder has the numbers for, and return the page.

    Everything that comes from the run is escaped.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("pretrain.report", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pictures = _draw_numbers(run)
    seen: dict[str, Any] = {}
    if run.store is not None and run.encoder.has_boxes:
        seen = _draw_boxes(run.store, run.encoder)
    elif run.store is not None:
        seen = _draw_attention(run.store, run.encoder)
    page = environment.get_template("page.html.j2").render(
        run=run,
        encoder=run.encoder,
        known=run.encoder.provenance,
        facts=_facts(run),
        tiles=_tiles(run),
        tables=tables,
        pictures={name: _embedded(content) for name, content in pictures.items()},
        predictions=_draw_predictions(run),
        seen=seen,
    )
    # A path need not be text: bytes that are none were read as lone surrogates.
    return page.encode(errors="backslashreplace").decode()


def _facts(run: RunFolder) -> list[str]:
    """Return what was trained on, how long and where, as far as the encoder's folder says."""
    preset, known = run.encoder.preprocess, run.encoder.provenance
    facts = [f"Frames of {preset.height} × {preset.width} pixels (preset “{preset.name}”)"]  # noqa: RUF001
    if known.get("frames"):
        facts.append(f"{known['frames']:,} of them to learn from")
    if known.get("updates"):
        facts.append(f"{known['updates']:,} updates")
    if known.get("train_seconds"):
        seconds = known["train_seconds"]
        spent = f"{seconds / 60:.0f} minutes" if seconds >= 60 else f"{seconds:.0f} seconds"
        facts.append(f"made in {spent}")
    if known.get("device"):
        facts.append(f"on {known['device']}")
    if run.game:
        facts.append(f"game: {run.game}")
    return facts


def _tiles(run: RunFolder) -> list[tuple[str, str]]:
    """Return the page's first numbers: value and what it is."""
    paper = tables.paper_accuracy(run) or {}
    found = [
        (mean(row.report.accuracy for row in run.best_rows), "slot accuracy of this encoder"),
        (mean(row.report.accuracy for row in run.untrained_rows), "the same network, untrained"),
        (paper.get("scn") if run.rows else None, "the paper's SCN in this game"),
        (paper.get("supervised") if run.rows else None, "the paper's supervised network"),
    ]
    return [(f"{value:.2f}", name) for value, name in found if value is not None]


def _draw_numbers(run: RunFolder) -> dict[str, bytes]:
    """Draw the charts that there are numbers for, and the labels where there are any."""
    pictures: dict[str, bytes] = {}
    if run.metrics:
        pictures["losses"] = figures.losses(run.metrics, num_slots=run.encoder.num_slots)
    if (report := run.report) and report.importance:
        matrix = np.array(report.importance)
        pictures["importance"] = figures.importance(matrix, report.object_names)
    if run.curve:
        untrained = mean(row.report.accuracy for row in run.untrained_rows)
        paper = tables.paper_accuracy(run) or {}
        pictures["curve"] = figures.curve(run.curve, untrained=untrained, paper=paper.get("scn"))
    store = run.store
    if store and run.game in labelled_games("pixel") and store.ram.shape[1] == RAM_SIZE:
        pictures["labels"] = _draw_labels(store, labels_for(run.game, "pixel"))
    return pictures


def _draw_predictions(run: RunFolder) -> list[tuple[str, dict[str, Any]]]:
    """Draw a chart of each label that has predictions, beside its name."""
    if run.report is None:
        return []
    scores = run.report.accuracy_by_label
    return [
        (label, _embedded(figures.predictions(label, pairs, scores.get(label))))
        for label, pairs in run.report.points.items()
    ]


def _draw_boxes(store: FrameStore, encoder: SlotEncoder) -> dict[str, Any]:
    """Draw boxes and tracks, and describe the slots; for encoders that have boxes."""
    found = slots.stretches(store, encoder)
    rows, unseen, frames = slots.described(store, encoder)
    moments = [slots.moment(stretch) for stretch in slots.varied_moments(found, _SCENES)]
    return {
        "moments": [_embedded(to_png(picture)) for picture in moments],
        "animation": _embedded(slots.animate(slots.liveliest(found))) if moments else None,
        "slots": [(row, _embedded(row.crop)["uri"]) for row in rows],
        "unseen": unseen,
        "frames": frames,
    }


def _draw_attention(store: FrameStore, encoder: SlotEncoder) -> dict[str, Any]:
    """Draw what each slot looks at, and say which are the same in every frame."""
    sample = store.frames(sample_rows(len(store), _SAMPLE))
    occlusion = Occlusion(encoder.encode, sample)
    scenes = attention.varied_frames(sample, occlusion, _SCENES)
    clip = attention.lively_clip(store, occlusion, _CLIP)
    of_scenes = np.stack([occlusion(frame) for frame in scenes])  # (n, K, gh, gw)
    of_clip = np.stack([occlusion(frame) for frame in clip])
    scale = attention.heat_scale(of_scenes)
    still = attention.slot_panels(scenes, of_scenes, occlusion.block, scale)
    moving = attention.slot_panels(clip, of_clip, occlusion.block, scale)
    return {
        "attention": _embedded(attention.sheet(still, scale)),
        "heat": _embedded(attention.animate(moving)),
        "constant": np.flatnonzero(occlusion.spread == 0).tolist(),
    }


def _draw_labels(store: FrameStore, labels: GameLabels) -> bytes:
    """Draw the labels on the frame that shows most of them."""
    moments = [
        (label_marks(labels, store.ram[row]), row)
        for row in sample_rows(len(store), _MOMENTS).tolist()
    ]
    marks, row = max(moments, key=lambda moment: fullness(moment[0], store.preset.shape))
    return to_png(draw_marks(store.frames([row])[0], marks))


def _embedded(content: bytes) -> dict[str, Any]:
    """Return an image as the page embeds it: a URI, and the width to show it at in CSS pixels."""
    with Image.open(io.BytesIO(content)) as picture:
        width = round(picture.width * 96 / picture.info.get("dpi", (96,))[0])  # charts have more
        kind = str(picture.format).lower()
    return {"uri": f"data:image/{kind};base64,{base64.b64encode(content).decode()}", "width": width}
