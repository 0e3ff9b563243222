"""Detection measured game by game: slots, and their rivals, against where objects truly are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, NotRequired

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import AfterValidator
from typing_extensions import TypedDict

from pretrain.data.store import FrameStore
from pretrain.drawing.estimate import number
from pretrain.drawing.files import to_png
from pretrain.runtime.progress import say
from pretrain.runtime.resumable import MeasuredRows, Row
from pretrain.upkeep.attention_boxes import attention_boxes
from pretrain.upkeep.detection_picture import draw_detection
from pretrain.upkeep.detection_table import detection_table
from pretrain.upkeep.galleries import gallery
from pretrain.upkeep.label_truth import label_truth
from pretrain.upkeep.ocatari import PINNED, CannotRead, default_folder, ocatari_games
from pretrain.upkeep.plays import named_games, recorded_play
from pretrain.upkeep.rivals import difference_boxes, mean_boxes, tracked
from pretrain.upkeep.truth import Truth, ocatari_truth
from slotenv import SlotEncoder, ready, records
from slotenv.atomic import write_atomic
from slotenv.checkpoint import find_folder, read_config
from slotenv.encoders import FittedEncoder
from slotenv.environments import atari_game
from slotenv.labels import labelled_games
from slotenv.probe import DetectionReport, detection
from slotenv.probe.dataset import frame_batches
from slotenv.records import Count, Text

_BATCH = 250  # frames
_ROWS = "detection.jsonl"
_TRUTHS = ("ocatari", "labels")

Boxes = NDArray[np.float32]
"""(N, K, 5), as :func:`slotenv.probe.detection` takes them."""


class _Fields(TypedDict):
    """A line of ``detection.jsonl``: a game and a method, or why a game could not be measured."""

    __pydantic_config__ = records.STRICT  # type: ignore[misc]

    game: Text
    method: NotRequired[Text]
    left_out: NotRequired[dict[Text, Text]]
    report: NotRequired[DetectionReport]
    failed: NotRequired[Text]
    encoder: Text
    frames: Count
    seed: Count
    preset: NotRequired[Text]
    key: NotRequired[Text]


def _complete(row: _Fields) -> _Fields:
    missing = [name for name in ("method", "left_out", "report", "key") if name not in row]
    if missing and "failed" not in row:
        raise ValueError(f"no row of a detection measurement: it lacks {', '.join(missing)}")
    return row


_ROW: Any = Annotated[_Fields, AfterValidator(_complete)]


def measure_detection(
    *,
    out: Path,
    games: Sequence[str],
    truth: str,
    preset: str,
    frames: int,
    encoder: str,
    rival: str | None,
    seed: int,
    environment: Path | None,
) -> Path:
    """Measure game by game, write rows, pictures and table; return the table's path.

    A game that OCAtari cannot read, or in which it knows nothing that moves, is named in the table
    with the reason, and tried again by the next call.

    Raises:
        FileNotFoundError: If a game has no encoder, or none has a rival.
        ValueError: If a game is unknown or has no truth, or an encoder's slots have no boxes.
        RuntimeError: If OCAtari cannot be installed, or cannot read any of the games.
    """
    results = out / (truth if preset == "v5" else f"{truth}-{preset}")
    known = MeasuredRows(results / _ROWS, _ROW, by="game")
    facts: Row = {"encoder": encoder, "frames": frames, "seed": seed}
    if preset != "v5":  # which rows of before do not name
        facts["preset"] = preset
    known.rows = known.having(**facts)  # the others are other measurements
    environment = environment or default_folder()
    wanted = named_games(games or games_with(truth, environment))
    rivals = _rivals(rival, wanted)
    folders = {
        game: [find_folder(encoder.replace("{game}", game)), *rivals.get(game, [])]
        for game in wanted
    }
    results.mkdir(parents=True, exist_ok=True)
    source = PINNED[0] if truth == "ocatari" else "pixel labels"
    failed: list[str] = []
    for game, name in wanted.items():
        store = recorded_play(out / "frames", name, preset=preset, frames=frames, seed=seed)
        weights = [read_config(folder)["weights_sha256"] for folder in folders[game]]
        key = " ".join([weights[0], store.checksum, source, *weights[1:]])
        picture = results / f"{game}.png"
        if known.having(game=game, key=key) and picture.exists():
            continue
        try:
            known_objects = _truth(game, store, truth, environment)
        except CannotRead as error:
            failed.append(f"{game}: {error}")
            picture.unlink(missing_ok=True)  # of a measurement that did not fail
            known.put([{"game": game, "failed": str(error), **facts}])
            say("detection", failed[-1])
            continue
        judged = known_objects.part(len(store) // 2, len(store)).objects
        found = find_boxes([_open(folder, store) for folder in folders[game]], store, known_objects)
        write_atomic(picture, to_png(draw_detection(store, judged, found["slots"])))
        reports = {method: detection(boxes, judged) for method, boxes in found.items()}
        row = {"game": game, "left_out": known_objects.left_out, **facts, "key": key}
        known.put([{**row, "method": m, "report": report} for m, report in reports.items()])
        said = ", ".join(f"{m} {number(r.f1)}" for m, r in reports.items())
        print(f"{game}: F1 {said}", flush=True)
    table = known.write_table(detection_table(known.rows, truth, preset))
    if len(failed) == len(wanted):
        raise RuntimeError(failed[-1])
    drawn = {str(atari_game(row["game"])): results / f"{row['game']}.png" for row in known.rows}
    pictures = {name: Image.open(path) for name, path in drawn.items() if path.exists()}
    write_atomic(results / "gallery.png", to_png(gallery(pictures)))
    return table


def games_with(truth: str, environment: Path) -> list[str]:
    """Return the keys of all games with a ready-made encoder and a truth.

    Args:
        truth: ``"ocatari"`` or ``"labels"``.
        environment: Folder of OCAtari's environment, made if it is not there.
    """
    known = labelled_games("pixel") if truth == "labels" else ocatari_games(environment)
    return [game for game in ready.names() if game in known]


def read_detection(out: Path, game: str, weights: str | None) -> dict[str, float | None]:
    """Return the F1 of a game's slots by truth, where it was measured of an encoder's weights.

    Args:
        out: As for :func:`measure_detection`; it need not be there.
        game: Its key.
        weights: SHA-256 of the weights, as the encoder's config has it.
    """
    found = {}
    for truth in _TRUTHS:
        for row in MeasuredRows(out / truth / _ROWS, _ROW).having(game=game, method="slots"):
            if row["key"].split()[0] == weights:
                found[truth] = row["report"].f1
    return found


def find_boxes(
    encoders: Sequence[SlotEncoder], store: FrameStore, truth: Truth
) -> dict[str, Boxes]:
    """Return the boxes of each method in the second half of the frames.

    Args:
        encoders: One of objects, and perhaps one with attention that stands beside it.
        store: The frames.
        truth: The objects in them.

    Raises:
        ValueError: If one of the encoders has no boxes, or no attention.
    """
    half, count = len(store) // 2, len(store)
    ours, *others = encoders
    if not isinstance(ours, FittedEncoder):
        raise ValueError(
            f"the encoder of {store.description.env_id} is a {type(ours).__name__}, whose slots "
            "have no boxes: detection is for encoders of method objects"
        )
    slots = [ours.boxes(frames) for frames in frame_batches(store, count, _BATCH)]
    learned = truth.part(0, half)
    mean = mean_boxes(learned.objects, learned.number, half)
    found = {
        "slots": np.concatenate(slots)[half:],
        "difference": tracked(difference_boxes(store)[half:], store.episode[half:]),
        "mean": np.repeat(mean[None], count - half, axis=0),
    }
    for other in others:
        found["attention"] = attention_boxes(other, store.frames(np.arange(half, count)))
    return found


def _truth(game: str, store: FrameStore, truth: str, environment: Path) -> Truth:
    if truth == "labels":
        found = label_truth(game, store)
    else:
        found = ocatari_truth(game, store, environment)
    judged = found.part(len(store) // 2, len(store)).objects
    if not judged.counted[judged.kind].any():
        raise CannotRead("nothing that moves is known in the frames that are judged")
    return found


def _rivals(rival: str | None, games: Iterable[str]) -> dict[str, list[Path]]:
    """Return the folder of each game that has such an encoder."""
    if rival is None:
        return {}
    places = {game: rival.replace("{game}", game) for game in games}
    found = {game: [find_folder(at)] for game, at in places.items() if Path(at).is_dir()}
    if not found:
        raise FileNotFoundError(f"no game has an encoder in {rival}: give --rival other folders")
    return found


def _open(folder: Path, store: FrameStore) -> SlotEncoder:
    encoder = SlotEncoder.from_pretrained(folder)
    if encoder.provenance.get("data_checksum") == store.checksum:
        raise ValueError(f"{folder} was fitted to these frames: give another --seed")
    return encoder
