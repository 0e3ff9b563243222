"""Detection measured game by game: slots, and two rivals, against where objects truly are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from typing_extensions import TypedDict

from pretrain.data.collect import collect_data
from pretrain.data.store import FrameStore
from pretrain.drawing.estimate import number
from pretrain.drawing.files import to_png
from pretrain.drawing.marked_frame import COLOURS, draw_marks
from pretrain.drawing.marks import Mark, slot_marks
from pretrain.runtime.resumable import MeasuredRows
from pretrain.upkeep.detection_table import detection_table
from pretrain.upkeep.galleries import gallery
from pretrain.upkeep.label_truth import label_truth
from pretrain.upkeep.ocatari import PINNED, default_folder
from pretrain.upkeep.rivals import difference_boxes, mean_boxes, tracked
from pretrain.upkeep.truth import Truth, ocatari_truth
from slotenv import SlotEncoder, ready, records
from slotenv.atomic import write_atomic
from slotenv.checkpoint import find_folder, read_config
from slotenv.encoders import ObjectMixtureEncoder
from slotenv.environments import atari_game
from slotenv.probe import DetectionReport, TrueObjects, detection
from slotenv.probe.dataset import frame_batches
from slotenv.records import Count, Text

_WHITE = COLOURS.index((255, 255, 255))
_BATCH = 250  # frames

Boxes = NDArray[np.float32]
"""(N, K, 5), as :func:`slotenv.probe.detection` takes them."""


class _Row(TypedDict):
    """A line of ``detection.jsonl``: a game and a method."""

    __pydantic_config__ = records.STRICT  # type: ignore[misc]

    game: Text
    method: Text
    left_out: dict[Text, Text]
    report: DetectionReport
    encoder: Text
    frames: Count
    seed: Count
    key: Text


def measure_detection(
    *,
    out: Path,
    games: Sequence[str],
    truth: str,
    frames: int,
    encoder: str,
    seed: int,
    environment: Path | None,
) -> Path:
    """Measure game by game, write rows, pictures and table; return the table's path.

    Raises:
        FileNotFoundError: If a game has no encoder.
        ValueError: If a game is unknown or has no truth, or an encoder's slots have no boxes.
        RuntimeError: If OCAtari cannot be installed, or fails.
    """
    results = out / truth
    known = MeasuredRows(results / "detection.jsonl", _Row, by="game")
    facts = {"encoder": encoder, "frames": frames, "seed": seed}
    known.rows = known.having(**facts)  # the others are other measurements
    results.mkdir(parents=True, exist_ok=True)
    source = PINNED[0] if truth == "ocatari" else "pixel labels"
    for game, name in _named(games).items():
        folder = find_folder(encoder.replace("{game}", game))
        store = _frames(out / "frames" / f"{game}-{frames}-s{seed}", name, frames, seed)
        key = f"{read_config(folder)['weights_sha256']} {store.checksum} {source}"
        picture = results / f"{game}.png"
        if not (known.having(game=game, key=key) and picture.exists()):
            known_objects = (
                label_truth(game, store)
                if truth == "labels"
                else ocatari_truth(game, store, environment or default_folder())
            )
            judged = known_objects.part(len(store) // 2, len(store)).objects
            found = find_boxes(_open(folder, store), store, known_objects)
            write_atomic(picture, to_png(draw_detection(store, judged, found["slots"])))
            reports = {method: detection(boxes, judged) for method, boxes in found.items()}
            row = {"game": game, "left_out": known_objects.left_out, **facts, "key": key}
            known.put([{**row, "method": m, "report": report} for m, report in reports.items()])
            said = ", ".join(f"{m} {number(r.f1)}" for m, r in reports.items())
            print(f"{game}: F1 {said}", flush=True)
    drawn = {str(atari_game(row["game"])): results / f"{row['game']}.png" for row in known.rows}
    pictures = {name: Image.open(path) for name, path in drawn.items() if path.exists()}
    write_atomic(results / "gallery.png", to_png(gallery(pictures)))
    return known.write_table(detection_table(known.rows, truth))


def find_boxes(encoder: ObjectMixtureEncoder, store: FrameStore, truth: Truth) -> dict[str, Boxes]:
    """Return the boxes of each method in the second half of the frames."""
    half, count = len(store) // 2, len(store)
    ours = [encoder.boxes(frames) for frames in frame_batches(store, count, _BATCH)]
    learned = truth.part(0, half)
    mean = mean_boxes(learned.objects, learned.number, half)
    return {
        "slots": np.concatenate(ours)[half:],
        "difference": tracked(difference_boxes(store)[half:], store.episode[half:]),
        "mean": np.repeat(mean[None], count - half, axis=0),
    }


def draw_detection(store: FrameStore, true: TrueObjects, found: Boxes) -> Image.Image:
    """Draw true boxes, in white, and found ones on the frame with the most counted objects.

    Args:
        store: Frames, of which the last N were judged.
        true: The objects in these.
        found: (N, K, 5) what was found in them.
    """
    counts = np.bincount(true.frame[true.counted[true.kind]], minlength=len(found))
    t = int(counts.argmax())
    frame = store.frames([len(store) - len(found) + t])[0]
    marks = true_marks(true, t)
    for mark in slot_marks([found[t]], frame.shape):
        marks.append(mark._replace(colour=mark.colour + (mark.colour >= _WHITE)))
    return draw_marks(frame, marks)


def true_marks(true: TrueObjects, frame: int) -> list[Mark]:
    """Return a white mark for each counted object of a frame; the first of a kind has its name."""
    marks, named = [], set[int]()
    for row in np.flatnonzero(true.frame == frame):
        kind = int(true.kind[row])
        if true.counted[kind]:
            x, y, width, height = true.box[row]
            left, top = round(x - (width - 1) / 2), round(y - (height - 1) / 2)
            name = "" if kind in named else true.kinds[kind]
            right, bottom = left + round(width), top + round(height)
            marks.append(Mark(name, left, top, right, bottom, colour=_WHITE))
            named.add(kind)
    return marks


def _named(games: Sequence[str]) -> dict[str, str]:
    """Return the key and the name of each game, of all with an encoder if there are none."""
    named = {}
    for asked in games or ready.names():
        name = atari_game(asked)
        if name is None:
            raise ValueError(f"{asked} is no Atari game: detection needs the console's RAM")
        named[name.lower()] = name
    return named


def _frames(folder: Path, name: str, frames: int, seed: int) -> FrameStore:
    """Return frames of a game, as ALE/<Game>-v5 gives them, collected if they are not there."""
    collect_data(folder, env=f"ALE/{name}-v5", preset="v5", frames=frames, seed=seed, workers=1)
    return FrameStore(folder)


def _open(folder: Path, store: FrameStore) -> ObjectMixtureEncoder:
    encoder = SlotEncoder.from_pretrained(folder)
    if not isinstance(encoder, ObjectMixtureEncoder):
        raise ValueError(
            f"{folder} holds a {type(encoder).__name__}, whose slots have no boxes: detection is "
            "for encoders of method objects"
        )
    if encoder.provenance.get("data_checksum") == store.checksum:
        raise ValueError(f"{folder} was fitted to these frames: give another --seed")
    return encoder
