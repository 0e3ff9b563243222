"""One forward pass over a batch of transitions: device, precision and compilation."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from pretrain.training.batches import TransitionBatch
from slotenv.encoders import SlotEncoder, SlotOutput
from slotenv.encoders.devices import parse_device
from slotenv.objectives import Objective, ObjectiveOutput, Transition


class TrainingStep:
    """Encodes each frame of a batch once and scores the pairs.

    Args:
        encoder: On its device.
        objective: On the same device.
        precision: ``"float32"`` or ``"bf16"`` (autocast).
        gather: Turns the encodings of the pairs that are encoded here into those of all pairs.
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
        self._encode = (
            torch.compile(encoder.forward_prepared)
            if self._device == "cuda"
            else encoder.forward_prepared
        )

    def __call__(self, batch: TransitionBatch) -> ObjectiveOutput:
        """Return the loss of a batch."""
        return self.scored(batch)[0]

    def scored(self, batch: TransitionBatch) -> tuple[ObjectiveOutput, SlotOutput]:
        """Return the loss of a batch and the encoding of its frames at time t."""
        with torch.autocast(self._device, torch.bfloat16, enabled=self._bf16):
            both = self._encode(batch.frames)
        every = SlotOutput(both.slots.float(), both.maps)
        output_t, output_tp1 = (
            self._gather(_rows(every, rows)) for rows in (batch.rows_t, batch.rows_tp1)
        )
        transition = Transition(output_t, output_tp1, batch.actions_t, batch.ram_t, batch.frames_t)
        return self.objective(transition), output_t


def _rows(output: SlotOutput, rows: Tensor) -> SlotOutput:
    maps = None if output.maps is None else output.maps[rows]
    return SlotOutput(output.slots[rows], maps)


def choose_device(name: str) -> torch.device:
    """Return the device a name means; ``"auto"`` is a GPU where there is one.

    Raises:
        ValueError: If the device does not exist here.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    device = parse_device(name)
    if device.type not in ("cpu", "cuda"):
        raise ValueError(f"device must be cpu, cuda or auto, got {name!r}")
    return device
