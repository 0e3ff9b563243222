"""Probing the encoders of a run: trained, untrained, with shuffled labels, and along training."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pretrain.store import FrameStore
from slotenv.atomic import write_atomic
from slotenv.checkpoint import read_config
from slotenv.encoders import SlotEncoder
from slotenv.environments import game_key
from slotenv.labels import labels_for
from slotenv.matching import check_game, compare_frames
from slotenv.probe import Features, ProbeReport, probe_features, read_features
from slotenv.probe.run import probe_transfer
from slotenv.tracking import Tracking, track_recording

PROBE_FILE, RESULTS_FILE = "probe.json", "results.jsonl"
_METRICS = ("accuracy", "ridge_accuracy", "modularity", "weighted_modularity", "compactness")


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

    Args:
        encoder: The encoder.
        store: Frames to fit and test on.
        view: ``"scn"`` or ``"pixel"``.
        shuffle_labels: As for :func:`slotenv.probe.run_probe`; not with ``fit_on``.
        fit_on: Frames of another play of the game to fit on; ``store`` is only tested on then.
        hold: As for :func:`read_slots`.

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
    if fit_on is None:
        features = read_slots(encoder, store, hold=hold)
        return probe_features(features, store, game=game, view=view, shuffle_labels=shuffle_labels)
    if _checked_game(encoder, fit_on) != game:
        raise ValueError(
            f"{fit_on.folder} is of {fit_on.description.env_id}, {store.folder} of "
            f"{store.description.env_id}: fit and test on the same game"
        )
    return probe_transfer(
        read_slots(encoder, store, hold=hold),
        store,
        fit_features=read_slots(encoder, fit_on, hold=hold),
        fit_dataset=fit_on,
        game=game,
        view=view,
    )


def read_slots(encoder: SlotEncoder, store: FrameStore, *, hold: bool) -> Features:
    """Encode all frames of a data set, for a probe.

    Args:
        encoder: The encoder.
        store: The frames.
        hold: Whether slots are those of the wrappers' ``hold=True``: a hidden object is where it
            was last seen in its episode.

    Raises:
        ValueError: If slots are to be held whose numbers have no names, as only objects' have.
    """
    # Raises, before frames are encoded, if there is nothing to hold by.
    Tracking(slot_dim=encoder.slot_dim, fields=encoder.slot_fields, hold=hold)
    features = read_features(encoder.encode, store)
    if not hold:
        return features
    held = track_recording(features.slots, store.episode, fields=encoder.slot_fields)
    return features._replace(slots=held)


def _checked_game(encoder: SlotEncoder, store: FrameStore) -> str:
    """Return the game of a data set that an encoder may be probed on; raise if it may not."""
    game = game_key(store.description.env_id)
    if game is None:
        raise ValueError(
            f"there are no labels for {store.description.env_id}: only Atari games have"
        )
    if encoder.provenance.get("data_checksum") == store.checksum:
        raise ValueError(
            "this is the data set that the encoder was trained on: probe on another seed's "
            "(python -m pretrain collect --seed ...)"
        )
    preset = encoder.preprocess
    # A plain preset does not say how frames were made: it can only be compared with another one.
    plain_differs = (preset.name == "plain") != (store.preset.name == "plain")
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
    folder: Path,
    stores: list[FrameStore],
    *,
    view: str,
    curve: bool,
    announce: Callable[[str], object] = print,
) -> dict[str, Any]:
    """Probe a run's encoder, its untrained form and a shuffled-label control; keep the results.

    What ``probe.json`` already holds of the same weights, data and view is not computed again.

    Args:
        folder: Run folder, with ``encoder/`` and ``snapshots/``.
        stores: Probe data, one per probe seed.
        view: ``"scn"`` or ``"pixel"``.
        curve: Whether to probe all snapshots, on the first data set.
        announce: Called with a line before each probe.

    Returns:
        The content of ``probe.json``: ``rows``, ``curve`` and the snapshots' own ``snapshots``.
    """
    path = folder / PROBE_FILE
    known = _read_known(path)
    trained, untrained = folder / "encoder", folder / "snapshots" / "000000"

    def row(name: str, encoder_folder: Path, store: FrameStore, shuffled: bool) -> dict[str, Any]:
        key = f"{read_config(encoder_folder)['weights_sha256']} {store.checksum} {view} {shuffled}"
        if key not in known:
            announce(f"probe: {name}, seed {store.description.seed}")
            encoder = SlotEncoder.from_pretrained(encoder_folder)
            report = probe_encoder(encoder, store, view=view, shuffle_labels=shuffled)
            known[key] = {
                "key": key,
                "name": name,
                "seed": store.description.seed,
                "updates": encoder.provenance.get("updates", 0),
                "train_seconds": encoder.provenance.get("train_seconds"),
                "report": report.to_dict(),
            }
            _write(path, list(known.values()), [], [])
        return known[key] | {"name": name}

    method = method_name(trained)
    rows = [row(method, trained, store, False) for store in stores]
    if untrained.exists():  # an encoder that was fitted to frames never was
        rows += [row("untrained", untrained, store, False) for store in stores]
    rows.append(row(f"{method}, shuffled labels", trained, stores[0], True))
    snapshots = []
    points = []
    if curve:
        for snapshot in sorted(folder.glob("snapshots/*")):
            found = row("snapshot", snapshot, stores[0], False)
            snapshots.append(found)
            points.append(
                {
                    "updates": int(snapshot.name),
                    "train_seconds": found["train_seconds"],
                    "accuracy": found["report"]["accuracy"],
                    "ridge_accuracy": found["report"]["ridge_accuracy"],
                }
            )
    made = read_config(trained)
    results = "".join(json.dumps(_result(row, made)) + "\n" for row in rows + snapshots)
    write_atomic(folder / RESULTS_FILE, results)
    return _write(path, rows, points, snapshots)


def method_name(encoder_folder: Path) -> str:
    """Return the name of the method that made an encoder, as tables show it."""
    made = read_config(encoder_folder)["provenance"]
    return str(made.get("title", "encoder"))


def _result(row: dict[str, Any], made: dict[str, Any]) -> dict[str, Any]:
    """Return one line of ``results.jsonl``: what was measured, on what, made how."""
    report, provenance = row["report"], made["provenance"]
    return {
        "method": row["name"],
        "game": report["game"],
        "frames_preset": made["kwargs"]["preprocess"]["name"],
        "view": report["view"],
        "seed": provenance["seed"],
        "probe_seed": row["seed"],
        "frames": provenance["frames"],
        "updates": row["updates"],
        "num_slots": report["num_slots"],
        "train_seconds": row["train_seconds"],
        "device": provenance["device"],
        "slotenv": provenance["slotenv"],
        **{name: report[name] for name in _METRICS},
        "accuracy_by_label": report["accuracy_by_label"],
        "counts": report["counts"],
    }


def _read_known(path: Path) -> dict[str, dict[str, Any]]:
    if not path.exists():
        return {}
    try:
        content = json.loads(path.read_text())
        return {row["key"]: row for row in content["rows"] + content["snapshots"]}
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is damaged ({error}): delete it and run again") from error


def _write(
    path: Path,
    rows: list[dict[str, Any]],
    curve: list[dict[str, Any]],
    snapshots: list[dict[str, Any]],
) -> dict[str, Any]:
    content = {"rows": rows, "curve": curve, "snapshots": snapshots}
    write_atomic(path, json.dumps(content) + "\n")
    return content
