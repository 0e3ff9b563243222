"""Validation: held-out batches, their metrics, and the signs that training went wrong."""

import math
import warnings
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from pretrain.config import TrainConfig
from pretrain.training.batches import BatchReader, TransitionBatch
from pretrain.training.step import TrainingStep

_BATCHES = 16
_CONSTANT = 1e-3  # spread of a slot, as a share of its size, below which it says nothing
_GRACE = 500  # updates before a loss at chance is called a collapse


class TrainingDiverged(RuntimeError):
    """The loss is no longer a number."""


class CollapseWarning(UserWarning):
    """Slots carry no information."""


@torch.no_grad()
def validate(step: TrainingStep, batches: Sequence[TransitionBatch]) -> dict[str, float]:
    """Score held-out batches.

    Returns:
        Mean metrics; ``chance_saliency`` (ln of the batch size); and ``constant_slots``, the number
        of slots that hardly differ between frames.
    """
    step.encoder.eval()
    sums: dict[str, float] = {}
    slots = []
    for batch in batches:
        output, encoded = step.scored(batch)
        slots.append(encoded.slots)
        for name, value in output.metrics.items():
            sums[name] = sums.get(name, 0.0) + float(value)
    step.encoder.train()
    metrics = {name: total / len(batches) for name, total in sums.items()}
    every = torch.cat(slots)  # (N, K, D)
    spread = every.std(0).norm(dim=-1)
    size = every.square().mean(0).sum(-1).sqrt()
    metrics["constant_slots"] = float((spread <= _CONSTANT * size + 1e-12).sum())
    metrics["chance_saliency"] = math.log(len(slots[0]))
    return metrics


def check_finite(metrics: dict[str, float], update: int, learning_rate: float) -> None:
    """Raise TrainingDiverged if a metric is NaN or infinite."""
    bad = [name for name, value in metrics.items() if not math.isfinite(value)]
    if bad:
        raise TrainingDiverged(
            f"{', '.join(bad)} became {metrics[bad[0]]} at update {update}: lower the learning "
            f"rate (now {learning_rate:g}) and run again in a new folder"
        )


def warn_of_collapse(metrics: dict[str, float], update: int) -> None:
    """Warn if slots are constant, or if the saliency loss has not left chance."""
    signs = []
    if metrics["constant_slots"]:
        signs.append(
            f"{metrics['constant_slots']:.0f} slots are the same for every frame after update "
            f"{update}: they tell an agent nothing"
        )
    chance = metrics["chance_saliency"]
    if update >= _GRACE and metrics.get("saliency", 0.0) > 0.98 * chance:
        signs.append(
            f"the saliency loss is {metrics['saliency']:.3f} after {update} updates, chance is "
            f"{chance:.3f}: the slots do not tell moments apart (try another seed)"
        )
    for sign in signs:
        warnings.warn(sign, CollapseWarning, stacklevel=2)


def validation_batches(
    reader: BatchReader, rows: NDArray[np.int64], config: TrainConfig, share_of: int
) -> list[TransitionBatch]:
    """Read the held-out pairs that every validation uses, in batches that all devices share."""
    size = min(config.batch_size, len(rows)) // share_of * share_of
    if size < 2:
        raise ValueError("no pairs are left for validation: collect more frames")
    rows = rows[
        torch.randperm(len(rows), generator=torch.Generator().manual_seed(config.seed)).numpy()
    ]
    count = min(_BATCHES, len(rows) // size)
    return [reader(rows[i * size : (i + 1) * size]) for i in range(count)]
