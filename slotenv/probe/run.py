"""The probe: from an encoder and recorded frames to a report."""

import numpy as np
from numpy.typing import NDArray

from slotenv import checks
from slotenv.labels import GameLabels, LabelValues, labels_for
from slotenv.probe.dataset import Encode, Features, ProbeData, Split, read_features, split_frames
from slotenv.probe.metrics import METRICS, ProbeScores, metrics_of
from slotenv.probe.named import named_slots
from slotenv.probe.places import object_places
from slotenv.probe.report import ProbeCounts, ProbeReport
from slotenv.probe.scores import score_coordinates, score_presence, standardise


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
        encode: From frames uint8 (B, H, W, 3) to slots (B, K, D), an encoder's ``encode``; or to
            slots and boxes (B, K, 5), its ``encode_with_boxes``: for the named reading, which the
            ``pixel`` view has then.
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
        >>> report = run_probe(encoder.encode_with_boxes, dataset, game="pong")  # doctest: +SKIP
        >>> print(report.to_markdown())  # doctest: +SKIP
    """
    # What is wrong is told before the frames are encoded.
    _truth(labels_for(game, view), dataset, len(dataset))
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
    ``features`` are of the frames of ``dataset``, as :func:`slotenv.probe.read_features` gives
    them; of ``dataset`` itself only RAM and episodes are read. The rest is as there.
    """
    labels = labels_for(game, view)
    truth = _truth(labels, dataset, len(features.slots), len(features.digests))
    split = split_frames(features.digests)
    named = _named(features, dataset, labels, split)
    if shuffle_labels:
        rng, rows = np.random.default_rng(seed), np.arange(len(truth.values))
        for part in (split.train, split.validation, split.test):
            rows[part] = rng.permutation(part)
        truth = LabelValues(truth.values[rows], truth.presence[rows])
    slots = features.slots
    return _report(
        labels, truth, slots, named, split, [dataset], shuffled=shuffle_labels, seed=seed
    )


def probe_transfer(
    features: Features,
    dataset: ProbeData,
    *,
    fit_features: Features,
    fit_dataset: ProbeData,
    game: str,
    view: str = "scn",
) -> ProbeReport:
    """Fit the probe on one play of a game and test it on another, say a better player's.

    Arguments are as for :func:`probe_features`, slots of one encoder for both plays. Regressors are
    fitted on the training part of ``fit_dataset``, which also scales the features; the ridge
    strength is chosen on its validation part. What is scored is the test part of ``dataset``, less
    the frames that were fitted on: so a probe fitted on ``dataset`` itself is what to compare with.
    R2 is relative to how much the coordinates vary in the tested frames and has no lower bound: a
    probe that is off by a constant on coordinates that hardly vary falls far below 0.

    Raises:
        ValueError: As :func:`run_probe`, and if all test frames were fitted on.
    """
    sizes = fit_features.slots.shape[1:]
    checks.shape("slots to test, like those that are fitted on,", features.slots, "N", *sizes)
    labels = labels_for(game, view)
    learned, tested = split_frames(fit_features.digests), split_frames(features.digests)
    fit = np.concatenate([learned.train, learned.validation])
    seen = {fit_features.digests[row] for row in fit}
    test = np.array([row for row in tested.test if features.digests[row] not in seen], np.int64)
    if not len(test):
        raise ValueError(
            f"all {len(tested.test)} test frames occur among those fitted on: collect more"
        )
    fit_truth = _truth(labels, fit_dataset, len(fit_features.slots), len(fit_features.digests))
    test_truth = _truth(labels, dataset, len(features.slots), len(features.digests))
    truth = LabelValues(
        *(np.concatenate([a[fit], b[test]]) for a, b in zip(fit_truth, test_truth, strict=True))
    )
    split = Split(
        train=learned.train,
        validation=learned.validation,
        test=len(fit) + np.arange(len(test)),
        duplicates=tested.duplicates + len(tested.test) - len(test),
    )
    slots = np.concatenate([fit_features.slots[fit], features.slots[test]])
    fit_named = _named(fit_features, fit_dataset, labels, learned)
    test_named = _named(features, dataset, labels, tested)
    named = None
    if fit_named is not None and test_named is not None:
        named = np.concatenate([fit_named[fit], test_named[test]])
    return _report(labels, truth, slots, named, split, [fit_dataset, dataset])


def _named(
    features: Features, dataset: ProbeData, labels: GameLabels, split: Split
) -> NDArray[np.float32] | None:
    """Return the boxes of slots in the order of the objects, None where they are not known."""
    if features.boxes is None or labels.view != "pixel":
        return None
    return named_slots(features.boxes, object_places(labels, dataset.ram), learn_from=split.train)


def _truth(labels: GameLabels, dataset: ProbeData, *counts: int) -> LabelValues:
    """Read the labels of all frames; each count is of something that every frame has."""
    truth = labels.read(dataset.ram)
    rows = len(truth.values)
    if any(count != rows for count in counts):
        raise ValueError(f"{rows} rows of RAM need as many frames, slots and digests, got {counts}")
    return truth


def _report(
    labels: GameLabels,
    truth: LabelValues,
    slots: NDArray[np.float32],
    named: NDArray[np.float32] | None,
    split: Split,
    plays: list[ProbeData],
    *,
    shuffled: bool = False,
    seed: int = 0,
) -> ProbeReport:
    """Fit on the training rows of (N, K, D) slots and score the test rows."""
    standard = standardise(slots, split.train)
    scored, left_out = score_coordinates(labels, truth, standard, split)
    presence: dict[str, float] = {}
    if labels.view == "pixel":
        presence, reasons = score_presence(labels, truth, standard, split)
        left_out |= reasons
    in_order = None
    if named is not None:
        in_order, _ = score_coordinates(labels, truth, standardise(named, split.train), split)
    scores = ProbeScores(labels=scored, presence=presence, named=in_order)
    values: dict[str, float | None] = dict.fromkeys(METRICS)
    undefined: dict[str, str] = {}
    for name, metric in metrics_of(labels.view).items():
        try:
            values[name] = metric.compute(scores)
        except ValueError as error:
            undefined[name] = str(error)
    try:
        importance = scores.importance.tolist()
    except ValueError:
        importance = []
    object_by_label = {score.name: score.object for score in scored}
    return ProbeReport(
        **values,
        game=labels.game,
        view=labels.view,
        accuracy_by_label={score.name: score.ols for score in scored},
        ridge_by_label={score.name: score.ridge for score in scored},
        named_by_label={score.name: score.ridge for score in in_order or ()},
        object_by_label=object_by_label,
        presence_by_object=presence,
        undefined=undefined,
        left_out=left_out,
        importance=importance,
        object_names=list(dict.fromkeys(object_by_label.values())) if importance else [],
        num_slots=slots.shape[1],
        slot_dim=slots.shape[2],
        counts=ProbeCounts(
            train=len(split.train),
            validation=len(split.validation),
            test=len(split.test),
            duplicates=split.duplicates,
            constant_dims=int((~standard.varying).sum()),
            dead_slots=int((~standard.varying.any(axis=1)).sum()),
            episodes=sum(len(np.unique(play.episode)) for play in plays),
        ),
        shuffled=shuffled,
        seed=seed,
        points={score.name: score.points for score in scored},
    )
