"""Scoring batches of transitions: the loss, validation, and the signs that training went wrong."""

import math
import warnings
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from pretrain.config import TrainConfig
from pretrain.training.batches import BatchReader, TransitionBatch
from slotenv.encoders import SlotEncoder, SlotOutput
from slotenv.encoders.saving import parse_device
from slotenv.objectives import Objective, ObjectiveOutput, Transition

_BATCHES = 16
_CONSTANT = 1e-3  # spread of a slot, as a share of its size, below which it says nothing
_GRACE = 500  # updates before a loss at chance is called a collapse


class TrainingStep:
    """Encodes each frame of a batch once and scores the pairs.

    ``precision`` is ``"float32"`` or ``"bf16"`` (autocast). ``gather`` turns the encodings of the
    pairs that are encoded here into those of all pairs. Encoder and objective are on one device.
    """

    def __init__(
        self,
        encoder: SlotEncoder,
        objective: Objective,
        precision: str,
        gather: Callable[[SlotOutput], SlotOutput] = lambda output: output,
    ) -> None:
        self.encoder, self.objective, self._gather = encoder, objective, gather
        self._device = encoder.device.type
        self._bf16 = precision == "bf16"
        # On a CPU the distinct-window path has another shape in every batch: nothing to compile.
        self._encode = encoder.forward_prepared
        if self._device == "cuda":
            self._encode = torch.compile(self._encode)

    def __call__(self, batch: TransitionBatch) -> ObjectiveOutput:
        """Return the loss of a batch."""
        return self.scored(batch)[0]

    def scored(self, batch: TransitionBatch) -> tuple[ObjectiveOutput, SlotOutput]:
        """Return the loss of a batch and the encoding of its frames at time t."""
        with torch.autocast(self._device, torch.bfloat16, enabled=self._bf16):
            both = self._encode(batch.frames)
        slots, maps = both.slots.float(), both.maps
        output_t, output_tp1 = (
            self._gather(SlotOutput(slots[rows], None if maps is None else maps[rows]))
            for rows in (batch.rows_t, batch.rows_tp1)
        )
        transition = Transition(output_t, output_tp1, batch.actions_t, batch.ram_t, batch.frames_t)
        return self.objective(transition), output_t


def choose_device(name: str) -> torch.device:
    """Return the device of this machine that a name means; ``"auto"`` is a GPU if there is one."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    device = parse_device(name)
    if device.type not in ("cpu", "cuda"):
        raise ValueError(f"device must be cpu, cuda or auto, got {name!r}")
    return device


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
