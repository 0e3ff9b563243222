"""Probing the encoders of a run: trained, untrained, with shuffled labels, and along training."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from pretrain.data.run_files import PROBE_FILE, CurvePoint, ProbeFile, ProbeRow, read_probe
from pretrain.data.store import FrameStore
from pretrain.training.encoders import snapshots_of
from slotenv import records
from slotenv.checkpoint import read_config
from slotenv.compatibility import check_game, compare_frames
from slotenv.encoders import SlotEncoder
from slotenv.environments import game_key
from slotenv.labels import labels_for
from slotenv.probe import (
    METRICS,
    Features,
    ProbeReport,
    held_boxes,
    probe_features,
    probe_transfer,
    read_features,
)
from slotenv.tracking import Tracking, slot_order, track_recording


def probe_encoder(
    encoder: SlotEncoder,
    store: FrameStore,
    *,
    view: str,
    shuffle_labels: bool = False,
    fit_on: FrameStore | None = None,
    hold: bool = False,
) -> ProbeReport:
    """Probe one encoder on one data set.

    ``view`` and ``shuffle_labels`` are as for :func:`slotenv.probe.run_probe`, ``hold`` is as for
    :func:`read_slots`. With ``fit_on``, frames of another play of the game, the probe is fitted on
    those and only tested on ``store``; labels cannot be shuffled then.

    Raises:
        ValueError: If a data set is the one the encoder was trained on, has no labels, or has
            frames of another shape or frame skip than the encoder's; if the two are of different
            games; or as :func:`read_slots`.

    Warns:
        UserWarning: If the encoder was trained on another game, or only one of its frames and
            these is the maximum of two emulator frames.
    """
    game = _checked_game(encoder, store)
    labels_for(game, view)  # that there are none is told before frames are encoded
    if fit_on is not None and _checked_game(encoder, fit_on) != game:
        raise ValueError(
            f"{fit_on.folder} is of {fit_on.description.env_id}, {store.folder} of "
            f"{store.description.env_id}: fit and test on the same game"
        )
    features = read_slots(encoder, store, hold=hold)
    if fit_on is None:
        return probe_features(features, store, game=game, view=view, shuffle_labels=shuffle_labels)
    fit_features = read_slots(encoder, fit_on, hold=hold)
    return probe_transfer(
        features, store, fit_features=fit_features, fit_dataset=fit_on, game=game, view=view
    )


def read_slots(encoder: SlotEncoder, store: FrameStore, *, hold: bool) -> Features:
    """Encode all frames of a data set, for a probe.

    With ``hold``, slots are those of the wrappers' ``hold=True``: a hidden object is where it was
    last seen in its episode.

    Raises:
        ValueError: If slots are to be held whose numbers have no names, as only objects' have.
    """
    # Raises, before frames are encoded, if there is nothing to hold by.
    Tracking(slot_dim=encoder.slot_dim, fields=encoder.slot_fields, hold=hold)
    encode = encoder.encode_with_boxes if encoder.has_boxes else encoder.encode
    features = read_features(encode, store)
    return held_features(features, store, encoder) if hold else features


def held_features(features: Features, store: FrameStore, encoder: SlotEncoder) -> Features:
    """Return what ``hold=True`` shows: things keep their slots, hidden ones where they were.

    ``features`` are the encoder's of all frames of ``store``.
    """
    fields, episode = encoder.slot_fields, store.episode
    order = slot_order(features.slots, episode, fields=fields, alike=encoder.alike_slots)
    slots, boxes = (
        None if array is None else np.take_along_axis(array, order[..., None], axis=1)
        for array in (features.slots, features.boxes)
    )
    assert slots is not None
    return features._replace(
        slots=track_recording(slots, episode, fields=fields, held=encoder.held_slots),
        boxes=None if boxes is None else held_boxes(boxes, episode, encoder.held_slots),
    )


def _checked_game(encoder: SlotEncoder, store: FrameStore) -> str:
    """Return the game of a data set that an encoder may be probed on; raise if it may not."""
    game = game_key(store.description.env_id)
    if game is None:
        raise ValueError(
            f"there are no labels for {store.description.env_id}: only Atari games have"
        )
    if store.ram.shape[1] == 0:
        raise ValueError(
            "this data set has no RAM, where labels are: probe on frames of "
            f"python -m pretrain collect --env {store.description.env_id}"
        )
    if encoder.provenance.get("data_checksum") == store.checksum:
        raise ValueError(
            "this is the data set that the encoder was trained on: probe on another seed's "
            "(python -m pretrain collect --seed ...)"
        )
    preset = encoder.preprocess
    # A plain preset does not say how frames were made: it can only be compared with another one.
    plain_differs = preset.is_atari != store.preset.is_atari
    if preset.shape != store.preset.shape or plain_differs:
        raise ValueError(
            f"the encoder was trained on frames of preset {preset.name!r} {preset.shape}, the data "
            f"set has {store.preset.name!r} {store.preset.shape}"
        )
    hint = f"python -m pretrain collect --preset {preset.name} collects what it was trained on."
    made = store.preset.frame_skip, store.preset.max_pool
    compare_frames(*made, preset, user="probe", hint=hint)
    check_game(store.description.env_id, encoder.provenance.get("env_id"), user="probe")
    return game


def probe_run(
    folder: Path, stores: list[FrameStore], *, view: str, curve: bool, hold: bool = False
) -> ProbeFile:
    """Probe a run's encoder, its untrained form and a shuffled-label control; keep the results.

    What ``probe.json`` already holds of the same weights, data and view is not computed again.

    Args:
        folder: Run folder, with ``encoder/`` and ``snapshots/``.
        stores: Probe data, one per probe seed.
        view: ``"scn"`` or ``"pixel"``.
        curve: Whether to probe all snapshots, on the first data set.
        hold: As for :func:`read_slots`.

    Returns:
        The new content of ``probe.json``.
    """
    there = read_probe(folder)
    known = {row.key: row for row in there.rows + there.snapshots}
    trained = folder / "encoder"

    def probed(name: str, encoder_folder: Path, store: FrameStore, shuffled: bool) -> ProbeRow:
        weights = read_config(encoder_folder)["weights_sha256"]
        key = f"{weights} {store.checksum} {view} {shuffled}{' held' if hold else ''}"
        if key not in known:
            seed = store.description.seed
            print(f"probe: {name}, seed {seed}")
            encoder = SlotEncoder.from_pretrained(encoder_folder)
            known[key] = ProbeRow(
                key=key,
                name=name,
                seed=seed,
                updates=encoder.provenance.get("updates", 0),
                train_seconds=encoder.provenance.get("train_seconds"),
                report=probe_encoder(encoder, store, view=view, shuffle_labels=shuffled, hold=hold),
            )
            so_far = ProbeFile(rows=list(known.values()))
            records.write(folder / PROBE_FILE, so_far, indent=None)
        return replace(known[key], name=name)

    made = read_config(trained)
    method = made.get("provenance", {}).get("title", "encoder") + (", held" if hold else "")
    taken = snapshots_of(folder)
    rows = [probed(method, trained, store, False) for store in stores]
    if 0 in taken:  # an encoder that was fitted to frames never was untrained
        rows += [probed("untrained", taken[0], store, False) for store in stores]
    rows.append(probed(f"{method}, shuffled labels", trained, stores[0], True))
    snapshots = [probed("snapshot", path, stores[0], False) for path in taken.values() if curve]
    points = [
        CurvePoint(
            updates=updates,
            train_seconds=row.train_seconds,
            accuracy=row.report.accuracy,
            ridge_accuracy=row.report.ridge_accuracy,
        )
        for updates, row in zip(taken, snapshots, strict=False)
    ]
    records.write_lines(folder / "results.jsonl", [_result(row, made) for row in rows + snapshots])
    content = ProbeFile(rows=rows, curve=points, snapshots=snapshots)
    records.write(folder / PROBE_FILE, content, indent=None)
    return content


def _result(row: ProbeRow, made: dict[str, Any]) -> dict[str, Any]:
    """Return one line of ``results.jsonl``: what was measured, on what, made how."""
    report, provenance = row.report, made.get("provenance", {})
    return {
        "method": row.name,
        "game": report.game,
        "frames_preset": made["kwargs"]["preprocess"]["name"],
        "view": report.view,
        "seed": provenance.get("seed"),
        "probe_seed": row.seed,
        "frames": provenance.get("frames"),
        "updates": row.updates,
        "num_slots": report.num_slots,
        "train_seconds": row.train_seconds,
        "device": provenance.get("device"),
        "slotenv": provenance.get("slotenv"),
        **{name: getattr(report, name) for name in METRICS},
        "accuracy_by_label": report.accuracy_by_label,
        "counts": report.counts,
    }
