"""An encoder whose slots are objects: each says whether it is there, where, and how large."""

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from slotenv.checks import whole_number
from slotenv.encoders.base import MOST_SLOTS, SlotEncoder, SlotOutput, silent
from slotenv.encoders.modes import refuse_recording, untraced
from slotenv.encoders.object_mixture.bounds import check_state
from slotenv.encoders.object_mixture.boxes import read_boxes
from slotenv.encoders.object_mixture.diagnosis import diagnose
from slotenv.encoders.object_mixture.fit import (
    FIT_FRAMES,
    MAX_SLOTS,
    Parts,
    fit_parts,
    refit_parts,
    spread,
)
from slotenv.encoders.object_mixture.foreground import (
    MAX_COLOURS,
    MOST_USUAL_SETS,
    USUAL_COLOURS,
    Background,
    Palette,
    places_dtype,
)
from slotenv.encoders.object_mixture.mixture import Mixture, Runs, assign
from slotenv.encoders.object_mixture.readout import SLOT_FIELDS, Readout, read_slots
from slotenv.frames import FramePreset


class ObjectMixtureEncoder(SlotEncoder):
    """Slots that compete for the foreground pixels of a frame.

    A pixel is foreground if its colour is unusual at its place. Slots are components of a mixture
    over foreground pixels: see :mod:`slotenv.encoders.object_mixture.mixture`. A slot vector holds
    presence, place, extent and a little of the look, all 0 while the object is absent:
    :data:`slotenv.encoders.object_mixture.SLOT_FIELDS`.

    Encoders are made by :meth:`from_frames`; how many slots there are comes from the frames. The
    constructor takes the size C of the palette, at most 64, and how many sets of usual colours the
    places share, too; None where each place has its own, as in encoders of version 0.1.0.
    """

    architecture = "object_mixture"
    fit_frames = 2_000
    slot_fields = SLOT_FIELDS
    has_boxes = True

    palette: Tensor
    usual_colours: Tensor
    usual_places: Tensor

    def __init__(
        self,
        *,
        num_slots: int,
        num_colours: int,
        preprocess: FramePreset | dict[str, Any],
        slot_dim: int = len(SLOT_FIELDS),
        num_usual: int | None = None,
    ) -> None:
        _check_slot_dim(slot_dim)
        super().__init__(num_slots=num_slots, slot_dim=slot_dim, preprocess=preprocess)
        self.num_colours = whole_number("num_colours", num_colours, low=1, high=MAX_COLOURS)
        k, c = self.num_slots, self.num_colours
        shapes = (k, c), (k,), (k, 2), (k, 2), (k, 2), (c,)
        for name, shape in zip(Mixture._fields, shapes, strict=True):
            self.register_parameter(name, nn.Parameter(torch.zeros(shape)))
        readout = Readout(torch.ones(k), torch.ones(k, 2), torch.zeros(k, 3), torch.ones(k, 3))
        for name, value in readout._asdict().items():
            self.register_buffer(name, value)
        screen = self.preprocess.shape[:2]
        self.num_usual = num_usual
        if num_usual is not None:
            self.num_usual = whole_number("num_usual", num_usual, low=1, high=MOST_USUAL_SETS)
            kind = places_dtype(self.num_usual)
            self.register_buffer("usual_places", torch.zeros(screen, dtype=kind))
        usual = *(screen if num_usual is None else (self.num_usual,)), USUAL_COLOURS
        for name, sizes in {"palette": (c, 3), "usual_colours": usual}.items():
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

        Takes what :meth:`SlotEncoder.from_frames` takes, and needs a thousand frames or more, drawn
        from all of the data. ``num_slots`` is the upper limit of K, 24 by default; K itself comes
        from the frames. ``seed`` decides where slots start. With ``next_frames``, a few hundred,
        several starts are tried, and the one is kept whose slots tell best what comes next
        (:func:`slotenv.encoders.object_mixture.fit.time_contrast`).

        Raises:
            TypeError: If frames are not uint8.
            ValueError: If frames have another shape than the preset says, there are none, there are
                more next frames than frames, or another ``slot_dim`` than 6 is asked for.

        Warns:
            UserWarning: If slots will be of little use: frames are few, all alike, or textured;
                ``provenance["warnings"]`` keeps the sentences.
        """
        if isinstance(preprocess, dict):
            preprocess = FramePreset.from_dict(preprocess)
        _check_sample(preprocess, frames)
        if next_frames is not None:
            preprocess.check_frames(next_frames)
            if (more := len(next_frames)) > len(frames):
                raise ValueError(
                    f"next_frames are those after the first of {len(frames)} frames, got {more}"
                )
        _check_slot_dim(slot_dim)
        most = MAX_SLOTS if num_slots is None else num_slots
        most = whole_number("num_slots", most, low=1, high=MOST_SLOTS)
        with torch.no_grad(), torch.autocast("cpu", enabled=False):
            parts = fit_parts(
                frames,
                next_frames,
                pooled=preprocess.max_pool is not False,
                max_slots=most,
                seed=seed,
                announce=announce,
            )
        return cls._made_of(parts, preprocess, frames, most)

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

        Takes and warns of what :meth:`from_frames` does. ``num_slots`` is at least the present
        number; by default 24, or the present number if it is more.

        Returns:
            A new encoder in evaluation mode; this one stays as it is.

        Raises:
            TypeError, ValueError: If the frames are not this encoder's, there are none, or
                ``num_slots`` is less than K.
        """
        _check_sample(self.preprocess, frames)
        most = max(MAX_SLOTS, self.num_slots) if num_slots is None else num_slots
        what = f"num_slots of an encoder that has {self.num_slots} already"
        most = whole_number(what, most, low=self.num_slots, high=MOST_SLOTS)
        with torch.no_grad(), torch.autocast("cpu", enabled=False):
            parts = Parts(self.mixture, self.readout, self.background)
            parts = refit_parts(parts, frames, max_slots=most, seed=seed, announce=announce)
        encoder = self._made_of(parts, self.preprocess, frames, most)
        before = {name: value for name, value in self.provenance.items() if name != "warnings"}
        encoder.provenance = {**before, **encoder.provenance}
        return encoder.eval()

    @classmethod
    def _made_of(
        cls, parts: Parts, preprocess: FramePreset, frames: NDArray[np.uint8], max_slots: int
    ) -> Self:
        sizes, state = parts.sizes_and_state()
        with torch.inference_mode(False):  # weights made in that mode could never be trained
            encoder = cls(**sizes, preprocess=preprocess)
        encoder.load_state_dict(state)
        foreground = encoder.prepare(spread(frames, FIT_FRAMES))
        said = diagnose(
            foreground,
            pixels=preprocess.height * preprocess.width,
            num_frames=len(frames),
            num_slots=encoder.num_slots,
            max_slots=max_slots,
            num_colours=encoder.num_colours,
        )
        if said:
            encoder.provenance["warnings"] = said
            warnings.warn(" ".join(said), UserWarning, stacklevel=3)
        return encoder

    def check_weights(self) -> None:
        """Raise unless the weights are finite, in their bounds, and the colours in the palette."""
        super().check_weights()
        check_state(self.state_dict())

    @untraced
    def forward(self, images: Tensor) -> SlotOutput:
        """Encode images, float (B, 3, H, W) in [0, 1]; gradients reach the weights only."""
        refuse_recording(type(self).__name__)
        frames = (images.detach().permute(0, 2, 3, 1) * 255).round().to(torch.uint8)
        return self.forward_prepared(self.prepare(frames.cpu().numpy()))

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
            found = assign(mixture, runs)
            slots = read_slots(mixture, readout, found)
        screen = {"height": self.preprocess.height, "width": self.preprocess.width}
        return SlotOutput(slots, boxes=partial(read_boxes, readout, found.moments, **screen))

    def foreground(self, frames: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Return which pixels have a colour that is unusual at their place, (B, H, W)."""
        self.preprocess.check_frames(frames)
        return self.background.mask(np.ascontiguousarray(frames))

    def foreground_share(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the share of pixels, (B,), that are no background, of uint8 (B, H, W, 3)."""
        share: NDArray[np.float32] = self.foreground(frames).mean((1, 2), dtype=np.float32)
        return share

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
            usual = self.usual_colours.cpu()
            if self.num_usual is not None:
                usual = usual[self.usual_places.cpu().long()]
            self._background = Background(
                usual.numpy(),
                Palette(self.palette.cpu().numpy()),
                pooled=self.preprocess.max_pool is not False,
            )
        return self._background


def _check_slot_dim(slot_dim: int | None) -> None:
    if slot_dim not in (None, len(SLOT_FIELDS)):
        raise ValueError(
            f"slots of objects are {len(SLOT_FIELDS)} numbers ({', '.join(SLOT_FIELDS)}), got "
            f"slot_dim={slot_dim}"
        )


def _check_sample(preset: FramePreset, frames: NDArray[np.uint8]) -> None:
    preset.check_frames(frames)
    if len(frames) == 0:
        raise ValueError("an encoder of objects needs frames to find them in, got none")


def _forget(encoder: ObjectMixtureEncoder, _: Any) -> None:
    """Drop what was made of the weights that have just been replaced."""
    encoder._background = None
