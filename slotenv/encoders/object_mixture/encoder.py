"""An encoder whose slots are objects: each says whether it is there, where, and how large."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from slotenv.encoders.base import SlotEncoder, SlotOutput
from slotenv.encoders.object_mixture.assignment import Mixture, assign
from slotenv.encoders.object_mixture.foreground import USUAL_COLOURS, Background, ForegroundRuns
from slotenv.encoders.object_mixture.making import (
    MAX_RUNS,
    Parts,
    as_runs,
    fit_parts,
    refit_parts,
)
from slotenv.encoders.object_mixture.palette import Palette
from slotenv.encoders.object_mixture.readout import (
    SLOT_FIELDS,
    Readout,
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
        num_colours: C, size of the palette.
        preprocess: The frames.
        slot_dim: 6, the length of a slot.
    """

    architecture = "object_mixture"
    fit_frames = 2_000
    slot_fields = SLOT_FIELDS

    colour: nn.Parameter
    weight: nn.Parameter
    size: nn.Parameter
    home: nn.Parameter
    spread: nn.Parameter
    outlier: nn.Parameter
    usual_mass: Tensor
    moves: Tensor
    look: Tensor
    look_range: Tensor
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
        self._check_slot_dim(slot_dim)
        super().__init__(num_slots=num_slots, slot_dim=slot_dim, preprocess=preprocess)
        self.num_colours = num_colours
        height, width = self.preprocess.height, self.preprocess.width
        shapes = {
            "colour": (num_slots, num_colours),
            "weight": (num_slots,),
            "size": (num_slots, 2),
            "home": (num_slots, 2),
            "spread": (num_slots, 2),
            "outlier": (num_colours,),
        }
        for name, shape in shapes.items():
            self.register_parameter(name, nn.Parameter(torch.zeros(shape)))
        self.register_buffer("usual_mass", torch.ones(num_slots))
        self.register_buffer("moves", torch.ones(num_slots, 2))
        self.register_buffer("look", torch.zeros(num_slots, 3))
        self.register_buffer("look_range", torch.ones(num_slots, 3))
        self.register_buffer("palette", torch.zeros(num_colours, 3, dtype=torch.uint8))
        usual = torch.zeros(height, width, USUAL_COLOURS, dtype=torch.uint8)
        self.register_buffer("usual_colours", usual)
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
    ) -> Self:
        """Make an encoder for the objects in a sample of frames, without labels.

        Args:
            frames: (N, H, W, 3) uint8, a thousand or more, drawn from all of the data.
            preprocess: Their preset.
            num_slots: Upper limit of K, 24 by default; K itself comes from the frames.
            slot_dim: The length of a slot is fixed: 6.
            seed: Decides where slots start.
            next_frames: (M, H, W, 3) uint8, the frames one step after the first M, a few hundred.
                With them several starts are tried and the slots that tell best what comes next are
                kept (:mod:`slotenv.encoders.object_mixture.time_contrast`).

        Raises:
            TypeError: If frames are not uint8.
            ValueError: If frames have another shape than the preset says, there are none, there are
                more next frames than frames, or another ``slot_dim`` is asked for.
        """
        if isinstance(preprocess, dict):
            preprocess = FramePreset.from_dict(preprocess)
        preprocess.check_frames(frames)
        if len(frames) == 0:
            raise ValueError("an encoder of objects needs frames to find them in, got none")
        if num_slots is not None and num_slots < 1:
            raise ValueError(f"num_slots must be positive, got {num_slots}")
        cls._check_slot_dim(slot_dim)
        most = MAX_SLOTS if num_slots is None else num_slots
        if next_frames is not None:
            preprocess.check_frames(next_frames)
        if next_frames is not None and len(next_frames) > len(frames):
            raise ValueError(
                f"next_frames are those after the first frames, got {len(next_frames)} of them for "
                f"{len(frames)} frames"
            )
        parts = fit_parts(
            frames, next_frames, pooled=preprocess.max_pool, max_slots=most, seed=seed
        )
        return cls._made_of(parts, preprocess)

    def refit(
        self, frames: NDArray[np.uint8], *, num_slots: int | None = None, seed: int = 0
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

        Returns:
            A new encoder in evaluation mode; this one stays as it is.

        Raises:
            TypeError, ValueError: If the frames are not this encoder's, there are none, or
                ``num_slots`` is less than K.
        """
        self.preprocess.check_frames(frames)
        if len(frames) == 0:
            raise ValueError("refitting needs frames to find new objects in, got none")
        most = max(MAX_SLOTS, self.num_slots) if num_slots is None else num_slots
        if most < self.num_slots:
            raise ValueError(f"there are {self.num_slots} slots already, got num_slots={num_slots}")
        parts = Parts(self.mixture, self.readout, self.background)
        parts = refit_parts(parts, frames, max_slots=most, seed=seed)
        encoder = self._made_of(parts, self.preprocess)
        encoder.provenance = dict(self.provenance)
        return encoder.eval()

    @classmethod
    def _made_of(cls, parts: Parts, preprocess: FramePreset | dict[str, Any]) -> Self:
        mixture, readout, background = parts
        palette = torch.from_numpy(background.palette.colours)
        encoder = cls(
            num_slots=len(mixture.weight), num_colours=len(palette), preprocess=preprocess
        )
        encoder.load_state_dict(
            {
                **mixture._asdict(),
                "usual_mass": readout.mass,
                "moves": readout.moves,
                "look": readout.look,
                "look_range": readout.look_range,
                "palette": palette,
                "usual_colours": torch.from_numpy(background.usual),
            }
        )
        return encoder

    @classmethod
    def _check_slot_dim(cls, slot_dim: int | None) -> None:
        if slot_dim not in (None, len(SLOT_FIELDS)):
            raise ValueError(
                f"slots of {cls.__name__} are {len(SLOT_FIELDS)} numbers "
                f"({', '.join(SLOT_FIELDS)}), got slot_dim={slot_dim}"
            )

    def architecture_kwargs(self) -> dict[str, Any]:
        """Return K, C and the frames."""
        return {
            "num_slots": self.num_slots,
            "slot_dim": self.slot_dim,
            "num_colours": self.num_colours,
            "preprocess": self.preprocess.to_dict(),
        }

    def forward(self, images: Tensor) -> SlotOutput:
        """Encode images, float (B, 3, H, W) in [0, 1]; gradients reach the weights only."""
        frames = (images.detach().permute(0, 2, 3, 1) * 255).round().to(torch.uint8)
        return self.forward_prepared(self.prepare(frames.cpu().numpy()))

    def prepare(self, frames: NDArray[np.uint8]) -> ForegroundRuns:
        """Find the foreground."""
        return self.background.foreground(frames, max_runs=MAX_RUNS)

    def forward_prepared(self, prepared: ForegroundRuns | Tensor) -> SlotOutput:
        """Encode a foreground."""
        if isinstance(prepared, Tensor):
            prepared = self.prepare(prepared.cpu().numpy())
        mixture = self.mixture
        found = assign(mixture, as_runs(prepared, self.palette))
        return SlotOutput(read_slots(mixture, self.readout, found))

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
        runs = as_runs(self.prepare(np.ascontiguousarray(frames)), self.palette)
        found = assign(self.mixture, runs)
        size = {"height": self.preprocess.height, "width": self.preprocess.width}
        return read_boxes(self.readout, found, **size).cpu().numpy()

    @property
    def readout(self) -> Readout:
        """What is usual for each slot."""
        return Readout(self.usual_mass, self.moves, self.look, self.look_range)

    @property
    def mixture(self) -> Mixture:
        """The weights, as a mixture; probabilities sum to one whatever training did to them."""
        total = torch.cat([self.weight, self.outlier]).logsumexp(0)
        return Mixture(
            self.colour.log_softmax(1),
            self.weight - total,
            self.size,
            self.home,
            self.spread,
            self.outlier - total,
        )

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
