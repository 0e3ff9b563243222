"""Reconstruction: every slot paints a frame, and masks say whose paint is seen where."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from slotenv.checks import whole_number
from slotenv.objectives.base import Objective, ObjectiveOutput, Transition, standardised

_STEP = 8  # pixels of the frame, on a side, under one place of the decoder
_BLOCK = 4  # pixels of the target, on a side, that one place paints
_COLOURS = 3
_MOST_HIDDEN, _MOST_OCTAVES = 4096, 16  # a wave shorter than a pixel draws nothing
_CHUNK = 32  # frames painted at once: buffers that the memory allocator can use again


class SlotReconstruction(Objective):
    """Slot Attention's loss: the squared error of a frame that the slots paint together.

    Each slot is broadcast to all places of a grid and decoded there, with the place's position, to
    colours and a mask logit for every pixel; a softmax of the logits over slots mixes the colours.
    The frames at time t are reconstructed.

    Target: the frame / 255, averaged over areas to half its resolution, 104 x 80 pixels for a
    210 x 160 frame. The decoder works at 26 x 20 places, one for 8 x 8 pixels of the frame, each of
    which paints a block of 4 x 4 pixels of the target. Decoding all pixels of K slots is the
    costliest part of the method, and a CPU cannot afford it at full resolution; at half of it,
    Pong's ball (2 x 4 pixels) is still two pixels, which a fraction of that would wash out.

    The decoder is an MLP shared by slots and places. The paper's is a stack of transposed
    convolutions on a broadcast from 8 x 8 places. Its position embedding is a linear map of four
    coordinates; here sines and cosines of the coordinates are added to them, so that a small MLP
    can draw an edge.

    Two more deviations, for frames of which nearly everything never changes; both can be switched
    off. What a slot paints is added to the mean frame of the batch: painting the background is all
    that the loss teaches for long otherwise, and it needs nothing from the slots. And the decoder
    reads slots whose numbers are centred and scaled over the batch, plus a learned code per slot: a
    slot begins as a mean over all places, which a few pixels move by thousandths of its length.

    Source: https://arxiv.org/abs/2006.15055, section 3 and appendix E; spatial broadcast:
    https://arxiv.org/abs/1901.07017.

    Args:
        num_slots: K.
        slot_dim: D.
        height: Rows of a frame.
        width: Columns of a frame.
        hidden: Width of the decoder's two hidden layers.
        frequencies: Octaves of sines and cosines per coordinate; 0 is the paper's embedding.
        add_mean_frame: Add the mean frame of the batch to what each slot paints. False is the
            paper's decoder.
        standardise: Centre and scale slots over the batch before they are decoded. False is the
            paper's decoder.

    Raises:
        TypeError: If a number is not whole.
        ValueError: If a number is out of bounds, or a frame is smaller than 8 x 8 pixels.
    """

    reads: ClassVar[frozenset[Literal["ram", "frames"]]] = frozenset({"frames"})
    coordinates: Tensor

    def __init__(
        self,
        *,
        num_slots: int,
        slot_dim: int,
        height: int,
        width: int,
        hidden: int = 32,
        frequencies: int = 4,
        add_mean_frame: bool = True,
        standardise: bool = True,
    ) -> None:
        super().__init__()
        height = whole_number("height of frames to reconstruct", height, low=_STEP)
        width = whole_number("width of frames to reconstruct", width, low=_STEP)
        hidden = whole_number("hidden", hidden, low=1, high=_MOST_HIDDEN)
        frequencies = whole_number("frequencies", frequencies, low=0, high=_MOST_OCTAVES)
        self.add_mean_frame = add_mean_frame
        self.places = height // _STEP, width // _STEP
        coordinates = _coordinates(*self.places, frequencies)
        self.register_buffer("coordinates", coordinates, persistent=False)
        # One linear layer on a slot and a position side by side is the sum of one on each.
        self.codes = nn.Parameter(torch.randn(num_slots, slot_dim)) if standardise else None
        self.from_slot = nn.Linear(slot_dim, hidden)
        self.from_position = nn.Linear(coordinates.shape[1], hidden, bias=False)
        self.mlp = nn.Sequential(
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, (_COLOURS + 1) * _BLOCK**2),
        )
        with torch.no_grad():  # begin with next to no paint: noise costs far more than it shows
            for parameter in self.mlp[-1].parameters():
                parameter[: _COLOURS * _BLOCK**2] *= 0.01

    def forward(self, transition: Transition) -> ObjectiveOutput:
        """Return the squared error of values in 0..1, summed over a frame, averaged over the batch.

        The sum is the mean over pixels and colours times their number (24,960 for 104 x 80 pixels):
        gradients of a mean are so small that Adam's epsilon would count.

        Metric ``explained`` is 1 - error / variance of the batch around its mean frame: 0 for
        slots that say no more than that frame ("only the background"), 1 for a perfect copy.

        Raises:
            ValueError: If the transition carries no frames.
        """
        slots = self.decoder_input(transition.output_t.slots)
        target = torch.cat([self.target(f) for f in _chunks(transition.read("frames"))])
        deviation = target - target.mean(0)
        variance = deviation.square().mean()
        if self.add_mean_frame:
            target = deviation  # the mean frame stands on both sides: masks sum to one
        error = torch.stack(
            [
                (self.paint(some)[0] - part).square().sum()
                for some, part in zip(_chunks(slots), _chunks(target), strict=True)
            ]
        )
        loss = error.sum() / len(target)
        explained = 1 - loss.detach() / (target[0].numel() * variance).clamp(min=1e-12)
        return ObjectiveOutput(loss, {"loss": loss.detach(), "explained": explained})

    def decoder_input(self, slots: Tensor) -> Tensor:
        """Standardise slots over the batch, if asked to, and add each slot's code.

        Args:
            slots: (B, K, D).
        """
        if self.codes is None:
            return slots
        return standardised(slots) + self.codes

    def paint(self, slots: Tensor) -> tuple[Tensor, Tensor]:
        """Paint frames.

        Args:
            slots: (B, K, D).

        Returns:
            Mixed colours (B, places, 3, 16), laid out as :meth:`target` and without the mean
            frame; and the masks (B, K, places, 1, 16), which sum to one over slots.
        """
        hidden = self.from_slot(slots).unsqueeze(2) + self.from_position(self.coordinates)
        decoded: Tensor = self.mlp(hidden)
        decoded = decoded.view(*decoded.shape[:-1], _COLOURS + 1, _BLOCK**2)
        masks = decoded[..., _COLOURS:, :].softmax(1)
        return (masks * decoded[..., :_COLOURS, :]).sum(1), masks

    def target(self, frames: Tensor) -> Tensor:
        """Return what is to be painted.

        Args:
            frames: (B, H, W, 3) uint8.

        Returns:
            (B, places, 3, 16): the halved frames in [0, 1], the blocks of 4 x 4 pixels in rows.
            :meth:`as_images` puts them together.
        """
        rows, columns = self.places
        images = frames.permute(0, 3, 1, 2).contiguous().float()
        images = F.interpolate(images, size=(rows * _BLOCK, columns * _BLOCK), mode="area") / 255
        blocks = F.pixel_unshuffle(images, _BLOCK)  # (B, 3 * 16, rows, columns)
        return blocks.flatten(2).transpose(1, 2).reshape(len(frames), -1, _COLOURS, _BLOCK**2)

    def as_images(self, blocks: Tensor) -> Tensor:
        """Put blocks (B, places, C, 16) together to images (B, C, height, width)."""
        flat = blocks.flatten(2).transpose(1, 2)  # (B, C * 16, places)
        return F.pixel_shuffle(flat.reshape(*flat.shape[:2], *self.places), _BLOCK)


def _chunks(batch: Tensor) -> tuple[Tensor, ...]:
    return torch.split(batch, _CHUNK)


def _coordinates(rows: int, columns: int, frequencies: int) -> Tensor:
    """Return (rows * columns, 4 + 4 * frequencies): positions of the places' centres.

    First row, column and their complements in 0..1, then their sines and cosines, which repeat
    after 2 frames, 1 frame, 1/2 frame and so on.
    """
    row, column = torch.meshgrid(
        (torch.arange(rows) + 0.5) / rows, (torch.arange(columns) + 0.5) / columns, indexing="ij"
    )
    both = torch.stack([row, column], -1).flatten(0, 1)
    angles = [both * torch.pi * 2**octave for octave in range(frequencies)]
    waves = [wave for angle in angles for wave in (angle.sin(), angle.cos())]
    return torch.cat([both, 1 - both, *waves], -1)
