"""An encoder whose slots are components of a mixture over foreground pixels."""

from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from slotenv.encoders.base import SlotOutput
from slotenv.encoders.fitted import FAR, FittedEncoder
from slotenv.encoders.modes import untraced
from slotenv.encoders.object_mixture.fit import MAX_SLOTS, Parts, fit_parts, refit_parts
from slotenv.encoders.object_mixture.foreground import MAX_RUNS, Background
from slotenv.encoders.object_mixture.mixture import Mixture, Runs, assign
from slotenv.encoders.readout import SLOT_FIELDS, read_boxes, read_slots
from slotenv.encoders.saving import check_bounds
from slotenv.frames import FramePreset

_MOSTLY = 0.5  # share of the frames
_BOUNDS = {"size": (-FAR, FAR), "spread": (-FAR, FAR)}


class ObjectMixtureEncoder(FittedEncoder):
    """Slots that compete for the foreground pixels of a frame.

    Slots are components of a mixture over foreground pixels: see
    :mod:`slotenv.encoders.object_mixture.mixture`. It was the default before ``ObjectEncoder``, and
    is kept to load its encoders and to be compared with.

    Encoders are made by :meth:`from_frames`. With ``next_frames`` several starts are tried, and the
    one is kept whose slots tell best what comes next
    (:func:`slotenv.encoders.object_mixture.fit.time_contrast`). The constructor takes the size C of
    the palette, at most 64, and how many sets of usual colours the places share, too; None where
    each place has its own.
    """

    architecture = "object_mixture"
    fit_pairs = 256
    max_slots = MAX_SLOTS

    def __init__(
        self,
        *,
        num_slots: int,
        num_colours: int,
        preprocess: FramePreset | dict[str, Any],
        slot_dim: int = len(SLOT_FIELDS),
        num_usual: int | None = None,
    ) -> None:
        super().__init__(
            num_slots=num_slots,
            num_colours=num_colours,
            preprocess=preprocess,
            slot_dim=slot_dim,
            num_usual=num_usual,
        )
        k, c = self.num_slots, self.num_colours
        shapes = (k, c), (k,), (k, 2), (k, 2), (k, 2), (c,)
        for name, shape in zip(Mixture._fields, shapes, strict=True):
            self.register_parameter(name, nn.Parameter(torch.zeros(shape)))
        self.float()  # whatever torch.set_default_dtype says

    @classmethod
    def _fit(
        cls, frames: NDArray[np.uint8], next_frames: NDArray[np.uint8] | None, **options: Any
    ) -> Parts:
        return fit_parts(frames, next_frames, **options)

    def _refit(
        self, frames: NDArray[np.uint8], next_frames: NDArray[np.uint8] | None, **options: Any
    ) -> Parts:
        return refit_parts(Parts(self.mixture, self.readout, self.background), frames, **options)

    def _limits(self, frames: NDArray[np.uint8]) -> list[str]:
        full = (self.prepare(frames).weights.numpy() > 0).sum(1) >= MAX_RUNS
        if full.mean() <= _MOSTLY:
            return []
        return [f"{full.mean():.0%} of the frames have more pieces than the {MAX_RUNS} looked at"]

    def check_weights(self) -> None:
        """Raise unless the weights are finite, in their bounds, and the colours in the palette."""
        super().check_weights()
        check_bounds(self.state_dict(), _BOUNDS)

    def prepare(self, frames: NDArray[np.uint8]) -> Runs:
        """Find the foreground."""
        return self.background.foreground(frames)

    @untraced
    def forward_prepared(self, prepared: Runs | Tensor) -> SlotOutput:
        """Encode a foreground, or frames (B, H, W, 3)."""
        if isinstance(prepared, Tensor):
            prepared = self.prepare(prepared.cpu().numpy())
        mixture, readout = self.mixture, self.readout
        runs = Runs(*(part.to(self.palette.device) for part in prepared))
        with torch.autocast(self.palette.device.type, enabled=False):
            moments = assign(mixture, runs).moments
            slots = read_slots(mixture.home, readout, moments)
        screen = {"height": self.preprocess.height, "width": self.preprocess.width}
        return SlotOutput(slots, boxes=partial(read_boxes, readout, moments, **screen))

    @property
    def mixture(self) -> Mixture:
        """The weights, as a mixture; probabilities sum to one whatever training did to them."""
        mixture = Mixture(*map(self.get_parameter, Mixture._fields))
        self._check_float32(mixture.weight)
        return mixture.normalised()

    @property
    def background(self) -> Background:
        """What is usual at each place."""
        if "background" not in self._made:
            usual, palette = self._usual()
            pooled = self.preprocess.max_pool is not False
            self._made["background"] = Background(usual, palette, pooled=pooled)
        background: Background = self._made["background"]
        return background
