"""The probe: from an encoder and recorded frames to a report."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from slotenv.labels import LabelValues, labels_for
from slotenv.probe.dataset import (
    Encode,
    Features,
    ProbeData,
    Split,
    read_features,
    split_frames,
)
from slotenv.probe.metrics import (
    slot_compactness,
    slot_importance,
    slot_modularity,
    weighted_modularity,
)
from slotenv.probe.regressors import (
    standardise,
)
from slotenv.probe.report import ProbeCounts, ProbeReport
from slotenv.probe.scores import LabelScore, score_coordinates, score_presence

_DISENTANGLEMENT = {
    "modularity": slot_modularity,
    "weighted_modularity": weighted_modularity,
    "compactness": slot_compactness,
}


def run_probe(
    encode: Encode,
    dataset: ProbeData,
    *,
    game: str,
    view: str = "scn",
    shuffle_labels: bool = False,
    seed: int = 0,
    batch_size: int = 256,
) -> ProbeReport:
    """Measure how well linear regressors read object coordinates from slots.

    Frames are cut 70/10/20 by contiguous index, and test frames that occur in the other parts are
    dropped. Features are all slots concatenated, standardised on the training part. Under the
    ``pixel`` view a coordinate is fitted and scored only where its object is on the screen, and
    presence is scored by itself.

    Args:
        encode: From frames uint8 (B, H, W, 3) to slots (B, K, D).
        dataset: Frames and RAM from play that the encoder was not trained on.
        game: The game they come from, in any form that :func:`slotenv.labels.labels_for` takes.
        view: ``"scn"`` or ``"pixel"``; never compare numbers across views.
        shuffle_labels: Permute the labels within each part, as a control: accuracy must fall to
            about 0 or below.
        seed: Seed of that permutation; nothing else is random.
        batch_size: Frames encoded at a time.

    Returns:
        The report. What is undefined or not scored is named there, with the reason.

    Raises:
        TypeError: If frames or RAM are not uint8.
        ValueError: If the game has no such labels, shapes do not fit or there are too few frames.

    Example:
        >>> report = run_probe(encode, dataset, game="pong")  # doctest: +SKIP
        >>> print(report.to_markdown())  # doctest: +SKIP
    """
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}")
    # What is wrong is told before the frames are encoded.
    rows = len(labels_for(game, view).read(dataset.ram).values)
    if rows != len(dataset):
        raise ValueError(f"{len(dataset)} frames but {rows} rows of RAM")
    features = read_features(encode, dataset, batch_size=batch_size)
    return probe_features(
        features, dataset, game=game, view=view, shuffle_labels=shuffle_labels, seed=seed
    )


def probe_features(
    features: Features,
    dataset: ProbeData,
    *,
    game: str,
    view: str = "scn",
    shuffle_labels: bool = False,
    seed: int = 0,
) -> ProbeReport:
    """Do what :func:`run_probe` does, on slots that were encoded before.

    For several views of the same encoding, and for features that are no function of one frame.

    Args:
        features: Slots and digests of the frames of ``dataset``, as
            :func:`slotenv.probe.read_features` gives them.
        dataset: Where the RAM and the episodes are read; its frames are not.
        game: As for :func:`run_probe`.
        view: ``"scn"`` or ``"pixel"``.
        shuffle_labels: Permute the labels within each part, as a control.
        seed: Seed of that permutation.

    Raises:
        TypeError: If RAM is not uint8.
        ValueError: If the game has no such labels, shapes do not fit or there are too few frames.
    """
    labels = labels_for(game, view)
    slots, digests = features
    truth = labels.read(dataset.ram)
    if not len(truth.values) == len(slots) == len(digests):
        raise ValueError(
            f"{len(slots)} frames were encoded but there are {len(truth.values)} rows of RAM and "
            f"{len(digests)} digests"
        )
    split = split_frames(digests)
    if shuffle_labels:
        rows = _shuffled_rows(split, len(digests), np.random.default_rng(seed))
        truth = LabelValues(truth.values[rows], truth.presence[rows])
    _, num_slots, slot_dim = slots.shape
    standard = standardise(slots.reshape(len(slots), -1), split.train)

    scores, left_out = score_coordinates(labels, truth, standard, split)
    presence: dict[str, float] = {}
    if view == "pixel":
        presence, reasons = score_presence(labels, truth, standard, split)
        left_out |= reasons
    importance, undefined = _importance(scores, standard.varying, (num_slots, slot_dim))
    if not scores:
        undefined |= dict.fromkeys(("accuracy", "ridge_accuracy"), "no label could be scored")
    if view == "pixel" and not presence:
        undefined["presence_accuracy"] = "no object both comes and goes often enough"
    disentanglement = _disentanglement(importance, undefined)
    return ProbeReport(
        game=labels.game,
        view=view,
        accuracy=_mean([score.ols for score in scores]),
        ridge_accuracy=_mean([score.ridge for score in scores]),
        accuracy_by_label={score.name: score.ols for score in scores},
        ridge_by_label={score.name: score.ridge for score in scores},
        object_by_label={score.name: score.object for score in scores},
        **disentanglement,
        presence_accuracy=_mean(list(presence.values())),
        presence_by_object=presence,
        undefined=undefined,
        left_out=left_out,
        importance=[] if importance is None else importance.tolist(),
        object_names=[] if importance is None else list(dict.fromkeys(s.object for s in scores)),
        num_slots=num_slots,
        slot_dim=slot_dim,
        counts=_counts(split, standard.varying.reshape(num_slots, slot_dim), dataset),
        shuffled=shuffle_labels,
        seed=seed,
        points={score.name: score.points for score in scores},
    )


def _importance(
    scores: list[LabelScore], varying: NDArray[np.bool_], shape: tuple[int, int]
) -> tuple[NDArray[np.float64] | None, dict[str, str]]:
    """Return the (P, K) importance, or None and why the metrics built on it are undefined."""
    if not scores:
        reason = "no label could be scored"
    else:
        coefficients = np.zeros((len(scores), varying.size))
        coefficients[:, varying] = [score.coefficients for score in scores]
        try:
            objects = [score.object for score in scores]
            return slot_importance(coefficients.reshape(len(scores), *shape), objects), {}
        except ValueError as error:
            reason = str(error)
    return None, dict.fromkeys(_DISENTANGLEMENT, reason)


def _disentanglement(
    importance: NDArray[np.float64] | None, undefined: dict[str, str]
) -> dict[str, float | None]:
    """Return the metrics of the importance; note in ``undefined`` why one is None."""
    values: dict[str, float | None] = dict.fromkeys(_DISENTANGLEMENT)
    for name, metric in _DISENTANGLEMENT.items():
        if importance is not None:
            try:
                values[name] = metric(importance)
            except ValueError as error:
                undefined[name] = str(error)
    return values


def _shuffled_rows(split: Split, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    rows = np.arange(count)
    for part in (split.train, split.validation, split.test):
        rows[part] = rng.permutation(part)
    return rows


def _counts(split: Split, varying: NDArray[np.bool_], dataset: ProbeData) -> ProbeCounts:
    episode: NDArray[np.integer[Any]] = dataset.episode
    return ProbeCounts(
        train=len(split.train),
        validation=len(split.validation),
        test=len(split.test),
        duplicates=split.duplicates,
        constant_dims=int((~varying).sum()),
        dead_slots=int((~varying.any(axis=1)).sum()),
        episodes=len(np.unique(episode)),
    )


def _mean(values: list[float]) -> float | None:
    return float(np.mean(values)) if values else None
