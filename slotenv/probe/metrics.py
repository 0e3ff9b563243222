"""The paper's metrics as pure functions: arrays in, a float out, undefined inputs raise.

Accuracy says whether the slots hold the coordinates, modularity whether a slot holds one object,
compactness whether an object sits in one slot. Source: Slot Contrastive Networks,
https://arxiv.org/abs/2007.09294, after DCI (Eastwood and Williams, 2018). A new one gets a line in
:class:`slotenv.probe.table.Metrics`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import balanced_accuracy_score, r2_score

from slotenv import checks

Floats = NDArray[np.floating[Any]]


def slot_accuracy(truth: Floats, prediction: Floats) -> float:
    """Mean R2 over labels: 1 is perfect, 0 is predicting the mean, worse is negative.

    Args:
        truth: (N, L) coordinates of test frames.
        prediction: (N, L) a regressor's output for the same frames.

    Raises:
        ValueError: If the shapes differ or a label has the same value in all frames.
    """
    return float(np.mean(label_accuracies(truth, prediction)))


def label_accuracies(truth: Floats, prediction: Floats) -> NDArray[np.float64]:
    """R2 of each label, (L,); arguments and errors as in :func:`slot_accuracy`."""
    checks.shape("truth", truth, "N", "L")
    checks.shape("prediction", prediction, *truth.shape)
    if constant := np.flatnonzero(np.ptp(truth, axis=0) == 0).tolist():
        raise ValueError(f"R2 is undefined for labels that never change: columns {constant}")
    return np.asarray(r2_score(truth.astype(np.float64), prediction, multioutput="raw_values"))


def slot_importance(coefficients: Floats, objects: Sequence[str]) -> NDArray[np.float64]:
    """How much each object's regressors rely on each slot.

    Absolute coefficients are summed over a slot's dimensions, each label's row is normalised to 1,
    and the rows of an object's labels are averaged.

    Args:
        coefficients: (L, K, D) of linear regressors on standardised features.
        objects: Object of each label, length L.

    Returns:
        (P, K), rows sum to 1, objects in the order in which they first occur.

    Raises:
        ValueError: If the shapes do not fit or a label's coefficients are all zero.
    """
    checks.shape("coefficients", coefficients, "L", "K", "D")
    checks.shape("objects", objects, len(coefficients))
    weight = np.abs(coefficients.astype(np.float64)).sum(axis=2)  # (L, K)
    total = weight.sum(axis=1, keepdims=True)
    if unused := np.flatnonzero(total[:, 0] == 0).tolist():
        raise ValueError(f"no slot has any weight for labels {unused}: importance is undefined")
    rows = weight / total
    names = np.array(objects)
    return np.stack([rows[names == name].mean(axis=0) for name in dict.fromkeys(objects)])


def slot_compactness(importance: Floats) -> float:
    """How few slots each object is spread over: 1 is one slot an object, 0 is evenly over all.

    Args:
        importance: (P, K) nonnegative weight of slot k for object p.

    Raises:
        ValueError: If there is only one slot or an object with no weight at all.
    """
    return float(np.mean(_concentration(_weights(importance), "compactness", "slot", "choose")))


def slot_modularity(importance: Floats) -> float:
    """How few objects each slot serves: 1 is one object a slot, 0 is all objects alike.

    A slot without any weight is left out of the mean.

    Args:
        importance: (P, K) nonnegative weight of slot k for object p.

    Raises:
        ValueError: If there is only one object or no slot has any weight.
    """
    return float(np.mean(_slot_concentration(importance)[0]))


def weighted_modularity(importance: Floats) -> float:
    """As :func:`slot_modularity`, each slot counted by its share of the total importance.

    The plain mean gives a slot that nothing relies on as much say as the slot that holds all.
    """
    concentration, weight = _slot_concentration(importance)
    return float(np.average(concentration, weights=weight))


def balanced_accuracy(truth: NDArray[np.bool_], prediction: NDArray[np.bool_]) -> float:
    """Mean of the shares of present and of absent frames that are told right: 0.5 is chance.

    Args:
        truth: (N,) whether the object is there.
        prediction: (N,) whether a classifier says so.

    Raises:
        ValueError: If the object is always or never there.
    """
    if truth.all() or not truth.any():
        raise ValueError("balanced accuracy is undefined where an object is always or never there")
    return float(balanced_accuracy_score(truth, prediction))


def _slot_concentration(importance: Floats) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return how concentrated each slot that has weight is on an object, and its weight."""
    slots = _weights(importance).T
    live = slots[slots.any(axis=1)] if slots.any() else slots
    return _concentration(live, "modularity", "object", "mix"), live.sum(axis=1)


def _weights(importance: Floats) -> NDArray[np.float64]:
    checks.shape("importance", importance, "objects", "slots")
    weight = importance.astype(np.float64)
    if not np.isfinite(weight).all() or (weight < 0).any():
        raise ValueError("importance must be finite and not negative")
    return weight


def _concentration(
    rows: NDArray[np.float64], measure: str, column: str, purpose: str
) -> NDArray[np.float64]:
    """Return 1 - H of each row normalised to 1, with the logarithm's base the row's length."""
    if rows.shape[1] < 2:
        raise ValueError(
            f"slot {measure} is undefined for one {column}: there is nothing to {purpose}"
        )
    if empty := np.flatnonzero(~rows.any(axis=1)).tolist():
        raise ValueError(f"slot {measure} is undefined without weight on any {column}: {empty}")
    share = rows / rows.sum(axis=1, keepdims=True)
    logs = np.log(share, out=np.zeros_like(share), where=share > 0)
    entropy = -np.sum(share * logs, axis=1) / np.log(rows.shape[1])
    concentration: NDArray[np.float64] = np.clip(1.0 - entropy, 0.0, 1.0)  # -1e-16 if uniform
    return concentration
