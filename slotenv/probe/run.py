"""The probe: from an encoder and recorded frames to a report."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from slotenv.labels import GameLabels, LabelValues, labels_for
from slotenv.probe.dataset import Encode, ProbeData, Split, read_features, split_frames
from slotenv.probe.metrics import (
    balanced_accuracy,
    label_accuracies,
    slot_compactness,
    slot_importance,
    slot_modularity,
    weighted_modularity,
)
from slotenv.probe.regressors import (
    Standardised,
    ols_predictions,
    presence_predictions,
    ridge_predictions,
    standardise,
)
from slotenv.probe.report import ProbeCounts, ProbeReport

MIN_FRAMES = 20
"""Frames a part must have with the object on the screen (and, for presence, without it)."""

MAX_POINTS = 400

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
    labels = labels_for(game, view)
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}")
    truth = labels.read(dataset.ram)
    if len(truth.values) != len(dataset):
        raise ValueError(f"{len(dataset)} frames but {len(truth.values)} rows of RAM")
    slots, digests = read_features(encode, dataset, batch_size=batch_size)
    split = split_frames(digests)
    if shuffle_labels:
        rows = _shuffled_rows(split, len(digests), np.random.default_rng(seed))
        truth = LabelValues(truth.values[rows], truth.presence[rows])
    _, num_slots, slot_dim = slots.shape
    standard = standardise(slots.reshape(len(slots), -1), split.train)

    scores, left_out = _score_coordinates(labels, truth, standard, split)
    presence: dict[str, float] = {}
    if view == "pixel":
        presence, reasons = _score_presence(labels, truth, standard, split)
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


class _LabelScore(NamedTuple):
    """One label's outcome; ``coefficients`` are (V,), ``points`` pairs (true, predicted)."""

    name: str
    object: str
    ols: float
    ridge: float
    coefficients: NDArray[np.float64]
    points: list[list[float]]


def _score_coordinates(
    labels: GameLabels, truth: LabelValues, standard: Standardised, split: Split
) -> tuple[list[_LabelScore], dict[str, str]]:
    """Score every usable label; return scores in the labels' order and reasons for the others."""
    left_out: dict[str, str] = {}
    groups: dict[bytes, list[int]] = {}  # labels that are there in the same frames: one fit
    for column, name in enumerate(labels.names):
        reason = _why_unusable(truth.values[:, column], truth.presence[:, column], split)
        if reason:
            left_out[name] = reason
        else:
            groups.setdefault(truth.presence[:, column].tobytes(), []).append(column)
    scores = {
        column: score
        for columns in groups.values()
        for column, score in _score_group(labels, columns, truth, standard.features, split)
    }
    return [scores[column] for column in sorted(scores)], left_out


def _why_unusable(
    values: NDArray[np.float64], present: NDArray[np.bool_], split: Split
) -> str | None:
    parts = {"training": split.train, "validation": split.validation, "test": split.test}
    for part, rows in parts.items():
        there = rows[present[rows]]
        if len(there) < min(MIN_FRAMES, len(rows)):
            return f"on the screen in {len(there)} frames of the {part} part, need {MIN_FRAMES}"
        if part != "validation" and np.ptp(values[there]) == 0:
            return f"constant in the {part} part"
    return None


def _score_group(
    labels: GameLabels,
    columns: list[int],
    truth: LabelValues,
    features: NDArray[np.float64],
    split: Split,
) -> Iterator[tuple[int, _LabelScore]]:
    present = truth.presence[:, columns[0]]
    train, validation, test = (
        part[present[part]] for part in (split.train, split.validation, split.test)
    )
    train_x, test_x = features[train], features[test]
    train_y, test_y = truth.values[train][:, columns], truth.values[test][:, columns]
    ols, coefficients = ols_predictions(train_x, train_y, test_x)
    validation_y = truth.values[validation][:, columns]
    ridge = ridge_predictions(train_x, train_y, features[validation], validation_y, test_x)
    ols_r2, ridge_r2 = label_accuracies(test_y, ols), label_accuracies(test_y, ridge)
    shown = np.unique(np.linspace(0, len(test) - 1, MAX_POINTS).astype(int))
    for i, column in enumerate(columns):
        yield (
            column,
            _LabelScore(
                name=labels.names[column],
                object=labels.objects[column],
                ols=float(ols_r2[i]),
                ridge=float(ridge_r2[i]),
                coefficients=coefficients[i],
                points=np.stack([test_y[shown, i], ols[shown, i]], axis=1).round(3).tolist(),
            ),
        )


def _score_presence(
    labels: GameLabels, truth: LabelValues, standard: Standardised, split: Split
) -> tuple[dict[str, float], dict[str, str]]:
    """Score the presence of every object that both comes and goes; reasons for the others."""
    scores: dict[str, float] = {}
    left_out: dict[str, str] = {}
    features = standard.features
    for name in dict.fromkeys(labels.objects):
        columns = [i for i, owner in enumerate(labels.objects) if owner == name]
        present = np.logical_or.reduce(truth.presence[:, columns], axis=1)
        train, test = present[split.train], present[split.test]
        rare = min(int(min(part.sum(), (~part).sum())) for part in (train, test))
        if rare < MIN_FRAMES:
            left_out[f"{name} (presence)"] = (
                "always on the screen"
                if present.all()
                else f"need {MIN_FRAMES} frames with it and without it in the training and the "
                f"test part, the fewest are {rare}"
            )
            continue
        predicted = presence_predictions(features[split.train], train, features[split.test])
        scores[name] = balanced_accuracy(test, predicted)
    return scores, left_out


def _importance(
    scores: list[_LabelScore], varying: NDArray[np.bool_], shape: tuple[int, int]
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
