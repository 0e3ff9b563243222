"""One update's forward pass: a batch of transitions encoded and scored."""

from collections.abc import Callable

import torch

from pretrain.training.batches import TransitionBatch
from slotenv.encoders import SlotEncoder, SlotOutput
from slotenv.encoders.saving import parse_device
from slotenv.objectives import Objective, ObjectiveOutput, Transition


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
