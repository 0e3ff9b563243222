"""Does a slot hold one object, and an object sit in one slot? Modularity and compactness.

Both are entropies of an importance matrix: how much each object's regressors rely on each slot. It
is measured in two ways. By the size of coefficients, as Slot Contrastive Networks does
(https://arxiv.org/abs/2007.09294, after DCI, Eastwood and Williams, 2018): many small coefficients
on other slots weigh as much as one large one. By variance, how much of what the regressors say
comes from each slot: what hardly changes a prediction hardly counts.

Functions turn arrays into arrays or a float and raise ValueError where it is undefined.
"""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from slotenv import checks

Floats = NDArray[np.floating[Any]]


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
    return _by_object(np.abs(coefficients.astype(np.float64)).sum(axis=2), objects)


def slot_variance(
    features: Floats, coefficients: Floats, owner: NDArray[np.integer[Any]], num_slots: int
) -> NDArray[np.float64]:
    """Return the variance of what each slot adds to the prediction of each label.

    A label's prediction is a sum over slots, each slot's part a sum over its numbers. Rescaling a
    number, with its coefficient, changes nothing; numbers of a slot that cancel each other count by
    what is left. Two slots that cancel each other count in full, so take coefficients with a
    penalty (ridge), which keeps them from doing so.

    Args:
        features: (N, V) numbers of slots, frame by frame.
        coefficients: (L, V) of linear regressors on them.
        owner: (V,) slot of each number, 0 to K - 1.
        num_slots: K.

    Returns:
        (L, K); 0 for a slot without numbers.

    Raises:
        ValueError: If the shapes do not fit.

    Example:
        >>> features, coefficients = np.array([[1.0, 4.0], [3.0, 4.0]]), np.array([[2.0, 5.0]])
        >>> slot_variance(features, coefficients, np.array([0, 1]), 2)
        array([[4., 0.]])
    """
    if len(owner):  # else no slot says anything
        checks.shape("features", features, "N", len(owner))
        checks.shape("coefficients", coefficients, "L", len(owner))
    variance = np.zeros((len(coefficients), num_slots))
    for slot in np.unique(owner):
        own = owner == slot
        variance[:, slot] = (features[:, own] @ coefficients[:, own].T).var(axis=0)
    return variance


def variance_importance(variance: Floats, objects: Sequence[str]) -> NDArray[np.float64]:
    """Turn :func:`slot_variance` (L, K) into importance (P, K), as :func:`slot_importance` does."""
    checks.shape("variance", variance, "L", "K")
    return _by_object(variance.astype(np.float64), objects)


def slot_compactness(importance: Floats) -> float:
    """How few slots each object is spread over: 1 is one slot an object, 0 is evenly over all.

    Args:
        importance: (P, K) nonnegative weight of slot k for object p.

    Raises:
        ValueError: If there is only one slot or an object with no weight at all.
    """
    return float(np.mean(_concentration(importance, of="object")[0]))


def slot_modularity(importance: Floats) -> float:
    """How few objects each slot serves: 1 is one object a slot, 0 is all objects alike.

    ``importance`` is as for :func:`slot_compactness`; a slot without any weight is left out of the
    mean.

    Raises:
        ValueError: If there is only one object or no slot has any weight.
    """
    return float(np.mean(_concentration(importance, of="slot")[0]))


def weighted_modularity(importance: Floats) -> float:
    """As :func:`slot_modularity`, each slot counted by its share of the total importance.

    The plain mean gives a slot that nothing relies on as much say as the slot that holds all.
    """
    concentration, weight = _concentration(importance, of="slot")
    return float(np.average(concentration, weights=weight))


def _concentration(
    importance: Floats, *, of: Literal["object", "slot"]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return 1 - H of each object over the slots, or the reverse, and what each weighs in all.

    The logarithm's base is the number of slots, or of objects; a slot without weight is left out.
    """
    checks.shape("importance", importance, "objects", "slots")
    rows = importance.astype(np.float64)
    if not np.isfinite(rows).all() or (rows < 0).any():
        raise ValueError("importance must be finite and not negative")
    measure, column, purpose = "compactness", "slot", "choose"
    if of == "slot":
        measure, column, purpose = "modularity", "object", "mix"
        rows = rows.T[rows.any(axis=0)] if rows.any() else rows.T
    if rows.shape[1] < 2:
        raise ValueError(
            f"slot {measure} is undefined for one {column}: there is nothing to {purpose}"
        )
    if empty := np.flatnonzero(~rows.any(axis=1)).tolist():
        raise ValueError(f"slot {measure} is undefined without weight on any {column}: {empty}")
    weight = rows.sum(axis=1)
    share = rows / weight[:, None]
    logs = np.log(share, out=np.zeros_like(share), where=share > 0)
    entropy = -np.sum(share * logs, axis=1) / np.log(rows.shape[1])
    return np.clip(1.0 - entropy, 0.0, 1.0), weight  # else -1e-16 if uniform


def _by_object(weight: NDArray[np.float64], objects: Sequence[str]) -> NDArray[np.float64]:
    """Normalise the rows of (L, K) weights to 1, and average those of an object."""
    checks.shape("objects", objects, len(weight))
    total = weight.sum(axis=1, keepdims=True)
    if unused := np.flatnonzero(total[:, 0] == 0).tolist():
        raise ValueError(f"no slot has any weight for labels {unused}: importance is undefined")
    rows = weight / total
    names = np.array(objects)
    return np.stack([rows[names == name].mean(axis=0) for name in dict.fromkeys(objects)])
