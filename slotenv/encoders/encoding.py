"""One pass of an encoder: what comes out, and how raw frames go in."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from slotenv.encoders.modes import refuse_recording, untraced

BOX_FIELDS = ("presence", "x", "y", "width", "height")
"""What the numbers of a box are: presence from 0 to 1, middle and extent in pixels."""

_Encoder = Any  # a SlotEncoder, whose file imports this one


class SlotOutput(NamedTuple):
    """What an encoder returns for B frames.

    Attributes:
        slots: (B, K, D) float slot vectors.
        maps: (B, K, C, h, w) evidence behind each slot, where an encoder has such maps.
        boxes: Function that returns where each slot is, (B, K, 5), as
            :meth:`SlotEncoder.encode_with_boxes` does; of encoders that have boxes. It is called
            when boxes are asked for: an agent's steps need slots alone.
    """

    slots: Tensor
    maps: Tensor | None = None
    boxes: Callable[[], Tensor] | None = None


@untraced
def run(
    encoder: _Encoder, frames: NDArray[np.uint8] | Tensor, *, what: str = "encode"
) -> SlotOutput:
    """Return slots of raw frames, float32 on the frames' device, and their boxes; no maps.

    Without gradients, in evaluation mode, and the same whatever mode of PyTorch the caller is in.
    Errors are those of :meth:`slotenv.encoders.SlotEncoder.encode`; ``what`` is called, for them.
    """
    refuse_recording(what)
    encoder.preprocess.check_frames(frames)
    place = frames.device if isinstance(frames, Tensor) else torch.device("cpu")
    if len(frames) == 0:
        slots, boxes = (
            torch.zeros(0, encoder.num_slots, numbers, dtype=torch.float32, device=place)
            for numbers in (encoder.slot_dim, len(BOX_FIELDS))
        )
        return SlotOutput(slots, boxes=(lambda: boxes) if encoder.has_boxes else None)
    weight = next(encoder.parameters())
    if weight.dtype != torch.float32:
        raise ValueError(f"{what} needs float32 weights, got {weight.dtype}: encoder.float()")
    was_training = encoder.training
    if was_training:
        encoder.eval()
    # What an encoder remembers from one call to the next must serve outside of inference mode.
    kind = weight.device.type
    try:
        with torch.inference_mode(False), torch.no_grad(), torch.autocast(kind, enabled=False):
            if isinstance(frames, Tensor):
                prepared = frames if frames.is_cuda else encoder.prepare(frames.numpy())
            else:
                prepared = encoder.prepare(np.ascontiguousarray(frames))
            output: SlotOutput = encoder.forward_prepared(prepared)
            return SlotOutput(output.slots.float().to(place), boxes=output.boxes)
    finally:
        if was_training:
            encoder.train()


def boxes_of(output: SlotOutput) -> Tensor:
    """Return the boxes of an output of :func:`run`, float32 on the slots' device."""
    assert output.boxes is not None, "an encoder that has_boxes must return them"
    place = output.slots.device
    with torch.inference_mode(False), torch.no_grad(), torch.autocast(place.type, enabled=False):
        return output.boxes().float().to(place)


def no_boxes(kind: type[_Encoder]) -> TypeError:
    """Return the error for encoders that do not say where their slots are."""
    return TypeError(
        f"a {kind.__name__} does not say where its slots are on the screen (boxes): use an encoder "
        "such as slotenv.encoders.ObjectEncoder"
    )


def to_unit_float(frames: Tensor) -> Tensor:
    """Turn uint8 (B, H, W, 3) frames into float32 (B, 3, H, W) in [0, 1], channels last in memory.

    The only place in the package that scales and transposes pixels.
    """
    return frames.permute(0, 3, 1, 2).float() / 255.0
