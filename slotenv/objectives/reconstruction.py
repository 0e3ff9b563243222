"""Reconstruction: every slot paints a frame, and masks say whose paint is seen where."""

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
    210 x 160 frame: decoding all pixels of K slots is the costliest part of the method, and at half
    the resolution Pong's ball (2 x 4 pixels) is still two pixels. The decoder works at 26 x 20
    places, each of which paints a block of 4 x 4 pixels of the target.

    The decoder is an MLP shared by slots and places; the paper's is a stack of transposed
    convolutions on a broadcast from 8 x 8 places. Sines and cosines are added to the paper's four
    coordinates of a place, so that a small MLP can draw an edge.

    Two more deviations are for frames that hardly change, and can be switched off. What a slot
    paints is added to the mean frame of the batch: otherwise the loss teaches for long only to
    paint the background, which needs no slots. And slots are centred and scaled over the batch
    before a learned code per slot is added: a slot begins as a mean over all places, which a few
    pixels move by thousandths of its length.

    Source: https://arxiv.org/abs/2006.15055, section 3 and appendix E; spatial broadcast:
    https://arxiv.org/abs/1901.07017.

    Args:
        num_slots: K.
        slot_dim: D.
        height: Rows of a frame.
        width: Columns of a frame.
        hidden: Width of the decoder's two hidden layers, at most 4096.
        frequencies: Octaves of sines and cosines per coordinate, at most 16; the paper has none.
        add_mean_frame: Add the mean frame of the batch to what each slot paints.
        standardise: Centre and scale slots over the batch.
    """

    reads = frozenset({"frames"})
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

        Gradients of a mean over the pixels would be too small beside Adam's epsilon. Metric
        ``explained`` is 1 - error / variance of the batch around its mean frame: 0 for slots that
        say no more than that frame ("only the background"), 1 for a perfect copy.
        """
        slots = transition.output_t.slots
        if self.codes is not None:
            slots = standardised(slots) + self.codes
        target = torch.cat([self.target(f) for f in torch.split(transition.read("frames"), _CHUNK)])
        deviation = target - target.mean(0)
        variance = deviation.square().mean()
        if self.add_mean_frame:
            target = deviation  # the mean frame stands on both sides: masks sum to one
        pairs = zip(torch.split(slots, _CHUNK), torch.split(target, _CHUNK), strict=True)
        errors = [(self.paint(some)[0] - part).square().sum() for some, part in pairs]
        loss = torch.stack(errors).sum() / len(target)
        explained = 1 - loss.detach() / (target[0].numel() * variance).clamp(min=1e-12)
        return ObjectiveOutput(loss, {"loss": loss.detach(), "explained": explained})

    def paint(self, slots: Tensor) -> tuple[Tensor, Tensor]:
        """Paint frames with slots (B, K, D).

        Returns mixed colours (B, places, 3, 16), laid out as :meth:`target` and without the mean
        frame, and masks (B, K, places, 1, 16), which sum to one over slots.
        """
        hidden = self.from_slot(slots).unsqueeze(2) + self.from_position(self.coordinates)
        decoded: Tensor = self.mlp(hidden)
        decoded = decoded.view(*decoded.shape[:-1], _COLOURS + 1, _BLOCK**2)
        masks = decoded[..., _COLOURS:, :].softmax(1)
        return (masks * decoded[..., :_COLOURS, :]).sum(1), masks

    def target(self, frames: Tensor) -> Tensor:
        """Return what is to be painted of frames (B, H, W, 3) uint8, (B, places, 3, 16).

        These are the halved frames in [0, 1], each block of 4 x 4 pixels in a row.
        """
        rows, columns = self.places
        images = frames.permute(0, 3, 1, 2).contiguous().float()
        images = F.interpolate(images, size=(rows * _BLOCK, columns * _BLOCK), mode="area") / 255
        blocks = F.pixel_unshuffle(images, _BLOCK)  # (B, 3 * 16, rows, columns)
        return blocks.flatten(2).transpose(1, 2).reshape(len(frames), -1, _COLOURS, _BLOCK**2)


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
