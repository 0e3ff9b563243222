"""What encoders share that are fitted to frames: objects before a background, without labels."""

import warnings
from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Protocol, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from slotenv.checks import whole_number
from slotenv.encoders.base import MOST_SLOTS, SlotEncoder, SlotOutput, silent
from slotenv.encoders.diagnosis import diagnose
from slotenv.encoders.modes import refuse_recording, untraced
from slotenv.encoders.palette import MAX_COLOURS, Palette
from slotenv.encoders.readout import SLOT_FIELDS, Readout
from slotenv.encoders.saving import check_bounds
from slotenv.encoders.usual_colours import (
    MOST_USUAL_SETS,
    NO_COLOUR,
    USUAL_COLOURS,
    UsualColours,
    places_dtype,
)
from slotenv.frames import FramePreset

DIAGNOSED_FRAMES = 400  # spread over all, that are looked at for warnings
FAR = 20.0  # half screens, and natural logarithms of them: exp(2 * 20) is still a float32
_BOUNDS = {
    "home": (-FAR, FAR),
    "usual_mass": (1e-6, 1e9),  # pixels of an object
    "moves": (0.0, 1.0),
    "look": (-FAR, FAR),
    "look_range": (0.0, FAR),
}


class Parts(Protocol):
    """What a fit finds: the weights of an encoder, and the sizes that its constructor takes."""

    def sizes_and_state(self) -> tuple[dict[str, int], dict[str, Tensor]]:
        """Return both by their names."""


class FittedEncoder(SlotEncoder):
    """Base of encoders whose slots are objects, found before a background of usual colours.

    A pixel is foreground if its colour is unusual at its place. A slot vector holds presence,
    place, extent and a little of the look, all 0 while the object is absent:
    :data:`slotenv.encoders.SLOT_FIELDS`. Encoders are made by :meth:`from_frames`; how many slots
    there are comes from the frames.
    """

    fit_frames = 2_000
    slot_fields = SLOT_FIELDS
    has_boxes = True
    max_slots: ClassVar[int]
    """Upper limit of K if no other is asked for."""

    home: Tensor
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
        k = self.num_slots
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
        for name, sizes in {"palette": (self.num_colours, 3), "usual_colours": usual}.items():
            self.register_buffer(name, torch.zeros(sizes, dtype=torch.uint8))
        self._made: dict[str, Any] = {}  # of the weights, until others are loaded
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
        from all of the data. ``num_slots`` is the upper limit of K, :attr:`max_slots` by default; K
        itself comes from the frames. Slots are better with :attr:`fit_pairs` ``next_frames``, which
        tell what moves and what becomes what.

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
        _check_sample(preprocess, frames, next_frames)
        _check_slot_dim(slot_dim)
        most = cls.max_slots if num_slots is None else num_slots
        most = whole_number("num_slots", most, low=1, high=MOST_SLOTS)
        with torch.no_grad(), torch.autocast("cpu", enabled=False):
            parts = cls._fit(
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
        next_frames: NDArray[np.uint8] | None = None,
        num_slots: int | None = None,
        seed: int = 0,
        announce: Callable[[str], object] = silent,
    ) -> Self:
        """Go on fitting to other frames, such as those of an agent that plays better.

        Slots keep their order and the meaning of their numbers, so that what was learned on them
        goes on working; slots for objects that are new come behind them.

        Takes and warns of what :meth:`from_frames` does. ``num_slots`` is at least the present
        number; by default :attr:`max_slots`, or the present number if it is more.

        Returns:
            A new encoder in evaluation mode; this one stays as it is.

        Raises:
            TypeError, ValueError: If the frames are not this encoder's, there are none, or
                ``num_slots`` is less than K.
        """
        _check_sample(self.preprocess, frames, next_frames)
        most = max(self.max_slots, self.num_slots) if num_slots is None else num_slots
        what = f"num_slots of an encoder that has {self.num_slots} already"
        most = whole_number(what, most, low=self.num_slots, high=MOST_SLOTS)
        with torch.no_grad(), torch.autocast("cpu", enabled=False):
            parts = self._refit(frames, next_frames, max_slots=most, seed=seed, announce=announce)
        encoder = self._made_of(parts, self.preprocess, frames, most)
        before = {name: value for name, value in self.provenance.items() if name != "warnings"}
        encoder.provenance = {**before, **encoder.provenance}
        return encoder.eval()

    @classmethod
    @abstractmethod
    def _fit(
        cls,
        frames: NDArray[np.uint8],
        next_frames: NDArray[np.uint8] | None,
        *,
        pooled: bool,
        max_slots: int,
        seed: int,
        announce: Callable[[str], object],
    ) -> Parts:
        """Find the objects in frames, of which there is one at least."""

    @abstractmethod
    def _refit(
        self,
        frames: NDArray[np.uint8],
        next_frames: NDArray[np.uint8] | None,
        *,
        max_slots: int,
        seed: int,
        announce: Callable[[str], object],
    ) -> Parts:
        """Go on from this encoder's own parts."""

    @property
    @abstractmethod
    def background(self) -> UsualColours:
        """What is usual at each place."""

    def _limits(self, frames: NDArray[np.uint8]) -> list[str]:
        """Return in words which limits of the architecture frames reach."""
        return []

    def _held(self, frames: NDArray[np.uint8]) -> float:
        """Return which share of the foreground is in slots; 1 if most frames have some in them."""
        return 1.0

    @classmethod
    def _made_of(
        cls, parts: Parts, preprocess: FramePreset, frames: NDArray[np.uint8], max_slots: int
    ) -> Self:
        sizes, state = parts.sizes_and_state()
        with torch.inference_mode(False):  # weights made in that mode could never be trained
            encoder = cls(**sizes, preprocess=preprocess)
        encoder.load_state_dict(state)
        some = frames[:: max(len(frames) // DIAGNOSED_FRAMES, 1)]
        limits = encoder._limits(some)
        if encoder.num_colours == MAX_COLOURS:
            limits.append(f"the palette of {MAX_COLOURS} colours is full")
        if encoder.num_slots == max_slots:
            limits.append(f"all {max_slots} slots are taken")
        said = diagnose(
            encoder.foreground_share(some),
            num_frames=len(frames),
            held=encoder._held(some) if encoder.num_slots < max_slots else 1.0,
            limits=limits,
        )
        if said:
            encoder.provenance["warnings"] = said
            warnings.warn(" ".join(said), UserWarning, stacklevel=3)
        return encoder

    @untraced
    def forward(self, images: Tensor) -> SlotOutput:
        """Encode images, float (B, 3, H, W) in [0, 1]; gradients reach the weights only."""
        refuse_recording(type(self).__name__)
        frames = (images.detach().permute(0, 2, 3, 1) * 255).round().to(torch.uint8)
        return self.forward_prepared(self.prepare(frames.cpu().numpy()))

    def foreground(self, frames: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Return which pixels have a colour that is unusual at their place, (B, H, W)."""
        self.preprocess.check_frames(frames)
        return self.background.mask(np.ascontiguousarray(frames))

    def foreground_share(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the share of pixels, (B,), that are no background, of uint8 (B, H, W, 3)."""
        share: NDArray[np.float32] = self.foreground(frames).mean((1, 2), dtype=np.float32)
        return share

    def check_weights(self) -> None:
        """Raise unless the weights are finite, in their bounds, and the colours in the palette."""
        super().check_weights()
        state = self.state_dict()
        check_bounds(state, _BOUNDS)
        usual, num_colours = state["usual_colours"], len(state["palette"])
        unknown = usual >= num_colours
        unknown[..., 1:] &= usual[..., 1:] != NO_COLOUR  # every place has one usual colour at least
        if unknown.any():
            raise ValueError(
                f"usual_colours holds {int(usual[unknown][0])}, the palette has {num_colours} "
                "colours"
            )
        if "usual_places" in state:
            check_bounds(state, {"usual_places": (0, len(usual) - 1)})

    @property
    def readout(self) -> Readout:
        """What is usual for each slot."""
        return Readout(*map(self.get_buffer, Readout._fields))

    def _usual(self) -> tuple[NDArray[np.uint8], Palette]:
        """Return the usual colours of each place, (H, W, 3), and the palette."""
        usual = self.usual_colours.cpu()
        if self.num_usual is not None:
            usual = usual[self.usual_places.cpu().long()]
        return usual.numpy(), Palette(self.palette.cpu().numpy())

    def _check_float32(self, weight: Tensor) -> None:
        if weight.dtype != torch.float32:
            raise ValueError(f"slots need float32 weights, got {weight.dtype}: encoder.float()")


def _check_slot_dim(slot_dim: int | None) -> None:
    if slot_dim not in (None, len(SLOT_FIELDS)):
        raise ValueError(
            f"slots of objects are {len(SLOT_FIELDS)} numbers ({', '.join(SLOT_FIELDS)}), got "
            f"slot_dim={slot_dim}"
        )


def _check_sample(
    preset: FramePreset, frames: NDArray[np.uint8], next_frames: NDArray[np.uint8] | None
) -> None:
    preset.check_frames(frames)
    if len(frames) == 0:
        raise ValueError("an encoder of objects needs frames to find them in, got none")
    if next_frames is not None:
        preset.check_frames(next_frames)
        if (more := len(next_frames)) > len(frames):
            raise ValueError(
                f"next_frames are those after the first of {len(frames)} frames, got {more}"
            )


def _forget(encoder: FittedEncoder, _: Any) -> None:
    """Drop what was made of the weights that have just been replaced."""
    encoder._made = {}
