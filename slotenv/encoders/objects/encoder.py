"""An encoder whose slots are connected pieces, told apart by look, place and order."""

from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from slotenv.checks import whole_number
from slotenv.encoders.base import SlotOutput
from slotenv.encoders.fitted import FAR, FittedEncoder
from slotenv.encoders.modes import untraced
from slotenv.encoders.objects.background import Background
from slotenv.encoders.objects.fit import MAX_SLOTS, Learned, fit, refit
from slotenv.encoders.objects.looks import Looks
from slotenv.encoders.objects.pieces import Runs
from slotenv.encoders.objects.sharing import Things
from slotenv.encoders.readout import MASS, SLOT_FIELDS, read_boxes, read_slots
from slotenv.encoders.saving import check_bounds
from slotenv.frames import FramePreset

_MOSTLY = 0.5  # share of the frames in which there is something in a slot
_FLICKERS = 12  # steps on average: what is not seen for longer is gone, such as a missile
_MOST_LOOKS = 1 << 16  # far above what a few thousand frames have
_BOUNDS = {
    "absence": (0.0, 1e9),
    "place": (-FAR, FAR),
    "size": (-FAR, FAR),
    "spread": (-FAR, FAR),
    "look_colours": (-1e4, 0.0),
    "look_size": (-FAR, FAR),
    "look_home": (-FAR, FAR),
    "look_spread": (-FAR, FAR),
    "look_weight": (-1e7, 0.0),
}

Prepared = tuple[int, Runs]
"""How many frames, and their foreground."""


class ObjectEncoder(FittedEncoder):
    """Slots that each hold one connected piece of the foreground: the default.

    Runs of foreground pixels that touch are a piece. What pieces look like, which looks are the
    same kind of thing by turns, and whether things of a kind are told apart by order in a lane or
    by place is found in the frames, see :mod:`slotenv.encoders.objects.things`; how the pieces of a
    frame are shared out among slots is in :mod:`slotenv.encoders.objects.sharing`.

    Encoders are made by :meth:`from_frames`. The constructor takes the numbers of colours, of sets
    of usual colours, of looks and of groups of slots as well.

    Example:
        >>> encoder = ObjectEncoder.from_frames(
        ...     frames[:-1], next_frames=frames[1:], preprocess=preset
        ... )  # doctest: +SKIP
        >>> slots, boxes = encoder.encode_with_boxes(frames[:8])  # doctest: +SKIP
    """

    architecture = "objects"
    fit_pairs = 1_000
    max_slots = MAX_SLOTS

    def __init__(
        self,
        *,
        num_slots: int,
        num_colours: int,
        num_usual: int,
        num_looks: int,
        num_groups: int,
        preprocess: FramePreset | dict[str, Any],
        slot_dim: int = len(SLOT_FIELDS),
    ) -> None:
        super().__init__(
            num_slots=num_slots,
            num_colours=num_colours,
            preprocess=preprocess,
            slot_dim=slot_dim,
            num_usual=whole_number("num_usual", num_usual, low=1),
        )
        self.num_looks = whole_number("num_looks", num_looks, low=1, high=_MOST_LOOKS)
        self.num_groups = whole_number("num_groups", num_groups, low=1, high=self.num_slots)
        k, c, n, g = self.num_slots, self.num_colours, self.num_looks, self.num_groups
        self.home = nn.Parameter(torch.zeros(k, 2))
        shapes = (n, c), (n, 2), (n, 2), (n, 2), (n,)
        for name, shape in zip(Looks._fields, shapes, strict=True):
            self.register_buffer(f"look_{name}", torch.zeros(shape))
        for name in ("place", "size"):
            self.register_buffer(name, torch.zeros(k, 2))
        self.register_buffer("spread", torch.zeros(k, 4))
        self.register_buffer("look_group", torch.zeros(n, dtype=torch.int64))
        self.register_buffer("first", torch.zeros(g + 1, dtype=torch.int64))
        for name in ("in_order", "roams"):
            self.register_buffer(name, torch.zeros(g, dtype=torch.bool))
        self.register_buffer("display", torch.zeros(g, 4, dtype=torch.int64))
        self.register_buffer("field", torch.zeros(4, dtype=torch.int64))
        self.register_buffer("absence", torch.zeros(k))
        self.float()  # whatever torch.set_default_dtype says

    @classmethod
    def _fit(
        cls, frames: NDArray[np.uint8], next_frames: NDArray[np.uint8] | None, **options: Any
    ) -> Learned:
        return fit(frames, next_frames, **options)

    def _refit(
        self, frames: NDArray[np.uint8], next_frames: NDArray[np.uint8] | None, **options: Any
    ) -> Learned:
        learned = Learned(self.background, self.things, self.readout)
        return refit(learned, frames, next_frames, **options)

    def _held(self, frames: NDArray[np.uint8]) -> float:
        count, runs = self.prepare(frames)
        mass = self.things.moments_of(self.background, runs, count)[..., MASS]
        if mass.any(1).mean() > _MOSTLY:
            return 1.0  # the rest may be scenery that moves, which has no slots
        return float(mass.sum() / max(runs.length.sum(), 1))

    def check_weights(self) -> None:
        """Raise unless the weights are finite, in their bounds, and name what there is."""
        super().check_weights()
        state = self.state_dict()
        most = max(self.preprocess.shape[:2])
        places = {"display": (0, most), "field": (0, most)}
        check_bounds(state, {**_BOUNDS, **places, "look_group": (0, self.num_groups - 1)})
        first = state["first"]
        if first[0] != 0 or first[-1] != self.num_slots or (first.diff() < 1).any():
            raise ValueError(
                f"first must ascend from 0 to the {self.num_slots} slots, got {first.tolist()}"
            )

    def prepare(self, frames: NDArray[np.uint8]) -> Prepared:
        """Find the foreground."""
        return len(frames), self.background.foreground(frames)

    @untraced
    def forward_prepared(self, prepared: Prepared | Tensor) -> SlotOutput:
        """Encode a foreground, or frames (B, H, W, 3).

        Gradients reach ``home``, to which places are relative: the rest is no function of weights
        that has a slope.
        """
        if isinstance(prepared, Tensor):
            prepared = self.prepare(prepared.cpu().numpy())
        count, runs = prepared
        self._check_float32(self.home)
        found = self.things.moments_of(self.background, runs, count)
        with torch.autocast(self.device.type, enabled=False):
            moments = torch.from_numpy(found).to(self.device)
            slots = read_slots(self.home, self.readout, moments)
        screen = {"height": self.preprocess.height, "width": self.preprocess.width}
        return SlotOutput(slots, boxes=partial(read_boxes, self.readout, moments, **screen))

    @property
    def alike_slots(self) -> tuple[tuple[int, ...], ...]:
        """The slots of each group of things that roam, see :class:`slotenv.SlotEncoder`."""
        return self.things.roaming

    @property
    def held_slots(self) -> tuple[int, ...]:
        """The slots whose things come back soon when they are not seen."""
        return tuple(np.flatnonzero(self.things.absence <= _FLICKERS).tolist())

    @property
    def background(self) -> Background:
        """What is usual at each place."""
        if "background" not in self._made:
            usual, palette = self._usual()
            pooled = self.preprocess.max_pool is not False
            self._made["background"] = Background(usual, palette, pooled=pooled)
        background: Background = self._made["background"]
        return background

    @property
    def things(self) -> Things:
        """What was learned of looks and slots."""
        if "things" not in self._made:
            self._made["things"] = Things.of_state(self.state_dict())
        things: Things = self._made["things"]
        return things
