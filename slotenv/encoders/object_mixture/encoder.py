"""An encoder whose slots are objects: each says whether it is there, where, and how large."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from slotenv.checks import whole_number
from slotenv.encoders.base import MOST_SLOTS, SlotEncoder, SlotOutput, silent
from slotenv.encoders.modes import refuse_recording, untraced
from slotenv.encoders.object_mixture.assignment import Mixture, assign
from slotenv.encoders.object_mixture.bounds import check_mixture, check_sample
from slotenv.encoders.object_mixture.foreground import USUAL_COLOURS, Background, ForegroundRuns
from slotenv.encoders.object_mixture.palette import MAX_COLOURS, Palette
from slotenv.encoders.object_mixture.pipeline import (
    MAX_RUNS,
    Parts,
    as_runs,
    fit_parts,
    refit_parts,
)
from slotenv.encoders.object_mixture.readout import (
    SLOT_FIELDS,
    Readout,
    check_slot_dim,
    read_boxes,
    read_slots,
)
from slotenv.frames import FramePreset

MAX_SLOTS = 24


class ObjectMixtureEncoder(SlotEncoder):
    """Slots that compete for the foreground pixels of a frame.

    A pixel is foreground if its colour is unusual at its place. Slots are components of a mixture
    over foreground pixels: see :mod:`slotenv.encoders.object_mixture.assignment`. A slot vector
    holds presence, place, extent and a little of the look, all 0 while the object is absent:
    :data:`slotenv.encoders.object_mixture.SLOT_FIELDS`.

    Encoders are made by :meth:`from_frames`; how many slots there are comes from the frames.

    Args:
        num_slots: K.
        num_colours: C, size of the palette, at most 64.
        preprocess: The frames.
        slot_dim: 6, the length of a slot.
    """

    architecture = "object_mixture"
    fit_frames = 2_000
    slot_fields = SLOT_FIELDS

    palette: Tensor
    usual_colours: Tensor

    def __init__(
        self,
        *,
        num_slots: int,
        num_colours: int,
        preprocess: FramePreset | dict[str, Any],
        slot_dim: int = len(SLOT_FIELDS),
    ) -> None:
        check_slot_dim(slot_dim)
        super().__init__(num_slots=num_slots, slot_dim=slot_dim, preprocess=preprocess)
        self.num_colours = whole_number("num_colours", num_colours, low=1, high=MAX_COLOURS)
        k, c = self.num_slots, self.num_colours
        weights = dict(
            colour=(k, c), weight=(k,), size=(k, 2), home=(k, 2), spread=(k, 2), outlier=(c,)
        )
        for name, shape in weights.items():
            self.register_parameter(name, nn.Parameter(torch.zeros(shape)))
        readout = Readout(torch.ones(k), torch.ones(k, 2), torch.zeros(k, 3), torch.ones(k, 3))
        for name, value in readout._asdict().items():
            self.register_buffer(name, value)
        screen = self.preprocess.height, self.preprocess.width
        for name, sizes in {"palette": (c, 3), "usual_colours": (*screen, USUAL_COLOURS)}.items():
            self.register_buffer(name, torch.zeros(sizes, dtype=torch.uint8))
        self.float()  # whatever torch.set_default_dtype says
        self._background: Background | None = None
        self.register_load_state_dict_post_hook(_forget)  # type: ignore[no-untyped-call]

    @classmethod
    def from_frames(
        cls,
        frames: NDArray[np.uint8],
        *,
        preprocess: FramePreset | dict[str, Any],
        num_slots: int | None = None,
        slot_dim: int | None = None,
        seed: int = 0,
        next_frames: NDArray[np.uint8] | None = None,
        announce: Callable[[str], object] = silent,
    ) -> Self:
        """Make an encoder for the objects in a sample of frames, without labels.

        Args:
            frames: (N, H, W, 3) uint8, a thousand or more, drawn from all of the data.
            preprocess: Their preset.
            num_slots: Upper limit of K, 24 by default; K itself comes from the frames.
            slot_dim: The length of a slot is fixed: 6.
            seed: Decides where slots start.
            next_frames: (M, H, W, 3) uint8, the frames one step after the first M, a few hundred.
                Several starts are tried then and the best is kept, as
                :mod:`slotenv.encoders.object_mixture.time_contrast` says.
            announce: Called with a line about progress now and then.

        Raises:
            TypeError: If frames are not uint8.
            ValueError: If frames have another shape than the preset says, there are none, there are
                more next frames than frames, or another ``slot_dim`` is asked for.

        Warns:
            UserWarning: If slots will be of little use: frames are few, all alike, or textured;
                ``provenance["warnings"]`` keeps the sentences.
        """
        if isinstance(preprocess, dict):
            preprocess = FramePreset.from_dict(preprocess)
        check_sample(preprocess, frames, next_frames)
        check_slot_dim(slot_dim)
        most = MAX_SLOTS if num_slots is None else num_slots
        most = whole_number("num_slots", most, low=1, high=MOST_SLOTS)
        parts = fit_parts(
            frames,
            next_frames,
            pooled=preprocess.max_pool,
            max_slots=most,
            seed=seed,
            announce=announce,
        )
        return cls._made_of(parts, preprocess, parts.warnings(frames, most))

    def refit(
        self,
        frames: NDArray[np.uint8],
        *,
        num_slots: int | None = None,
        seed: int = 0,
        announce: Callable[[str], object] = silent,
    ) -> Self:
        """Go on fitting to other frames, such as those of an agent that plays better.

        Slots keep their order and the meaning of their numbers, so that what was learned on them
        goes on working; slots for objects that are new come behind them. Numbers change only
        where a new slot takes pixels that an old one had, and where an object is farther from its
        slot's home than it was before.

        Args:
            frames: (N, H, W, 3) uint8, a thousand or more.
            num_slots: Upper limit of K, at least the present one; by default 24, or the present
                one if it is more.
            seed: Decides where new slots start.
            announce: Called with a line about progress now and then.

        Returns:
            A new encoder in evaluation mode; this one stays as it is.

        Raises:
            TypeError, ValueError: If the frames are not this encoder's, there are none, or
                ``num_slots`` is less than K.

        Warns:
            UserWarning: As :meth:`from_frames`.
        """
        check_sample(self.preprocess, frames)
        most = max(MAX_SLOTS, self.num_slots) if num_slots is None else num_slots
        what = f"num_slots of an encoder that has {self.num_slots} already"
        most = whole_number(what, most, low=self.num_slots, high=MOST_SLOTS)
        parts = Parts(self.mixture, self.readout, self.background)
        parts = refit_parts(parts, frames, max_slots=most, seed=seed, announce=announce)
        encoder = self._made_of(parts, self.preprocess, parts.warnings(frames, most))
        before = {name: value for name, value in self.provenance.items() if name != "warnings"}
        encoder.provenance = {**before, **encoder.provenance}
        return encoder.eval()

    @classmethod
    def _made_of(cls, parts: Parts, preprocess: FramePreset, said: list[str]) -> Self:
        num_slots, num_colours = parts.mixture.colour.shape
        with torch.inference_mode(False):  # weights made in that mode could never be trained
            encoder = cls(num_slots=num_slots, num_colours=num_colours, preprocess=preprocess)
        encoder.load_state_dict(parts.state())
        if said:
            encoder.provenance["warnings"] = said
            warnings.warn(" ".join(said), UserWarning, stacklevel=3)
        return encoder

    def architecture_kwargs(self) -> dict[str, Any]:
        """Return K, C and the frames."""
        return {
            "num_slots": self.num_slots,
            "slot_dim": self.slot_dim,
            "num_colours": self.num_colours,
            "preprocess": self.preprocess.to_dict(),
        }

    def check_weights(self) -> None:
        """Raise unless the weights are finite, in their bounds, and the colours in the palette."""
        super().check_weights()
        check_mixture(self.state_dict(), num_colours=self.num_colours)

    @untraced
    def forward(self, images: Tensor) -> SlotOutput:
        """Encode images, float (B, 3, H, W) in [0, 1]; gradients reach the weights only."""
        refuse_recording(type(self).__name__)
        frames = (images.detach().permute(0, 2, 3, 1) * 255).round().to(torch.uint8)
        return self.forward_prepared(self.prepare(frames.cpu().numpy()))

    def prepare(self, frames: NDArray[np.uint8]) -> ForegroundRuns:
        """Find the foreground."""
        return self.background.foreground(frames, max_runs=MAX_RUNS)

    @untraced
    def forward_prepared(self, prepared: ForegroundRuns | Tensor) -> SlotOutput:
        """Encode a foreground."""
        if isinstance(prepared, Tensor):
            prepared = self.prepare(prepared.cpu().numpy())
        with torch.autocast(self.palette.device.type, enabled=False):
            mixture = self.mixture
            found = assign(mixture, as_runs(prepared, self.palette))
            return SlotOutput(read_slots(mixture, self.readout, found))

    def foreground_share(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the share of pixels, (B,), that are no background, of uint8 (B, H, W, 3)."""
        self.preprocess.check_frames(frames)
        weights = self.prepare(np.ascontiguousarray(frames)).weights
        share: NDArray[np.float32] = weights.sum(1) / self.usual_colours[..., 0].numel()
        return share

    @untraced
    @torch.no_grad()
    def boxes(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return where each slot is on the screen.

        Args:
            frames: uint8 (B, H, W, 3).

        Returns:
            float32 (B, K, 5): presence 0 to 1, x and y of the middle, width and height, in pixels
            (:data:`slotenv.encoders.object_mixture.BOX_FIELDS`). An absent slot's place means
            nothing.

        Raises:
            TypeError, ValueError: As :meth:`encode`.
        """
        self.preprocess.check_frames(frames)
        size = {"height": self.preprocess.height, "width": self.preprocess.width}
        with torch.autocast(self.palette.device.type, enabled=False):
            runs = as_runs(self.prepare(np.ascontiguousarray(frames)), self.palette)
            found = assign(self.mixture, runs)
            return read_boxes(self.readout, found, **size).cpu().numpy()

    @property
    def readout(self) -> Readout:
        """What is usual for each slot."""
        return Readout(*map(self.get_buffer, Readout._fields))

    @property
    def mixture(self) -> Mixture:
        """The weights, as a mixture; probabilities sum to one whatever training did to them."""
        mixture = Mixture(*map(self.get_parameter, Mixture._fields))
        if mixture.weight.dtype != torch.float32:
            raise ValueError(
                f"slots need float32 weights, got {mixture.weight.dtype}: encoder.float()"
            )
        return mixture.normalised()

    @property
    def background(self) -> Background:
        """What is usual at each place."""
        if self._background is None:
            palette = Palette(self.palette.cpu().numpy())
            usual, pooled = self.usual_colours.cpu().numpy(), self.preprocess.max_pool
            self._background = Background(usual, palette, pooled=pooled)
        return self._background


def _forget(encoder: ObjectMixtureEncoder, _: Any) -> None:
    """Drop what was made of the weights that have just been replaced."""
    encoder._background = None
