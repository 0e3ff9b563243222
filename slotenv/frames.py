"""Frame presets: how frames are made, from the environment's reset to the encoder's input.

An encoder only works on frames made like those it was trained on: its preset is saved with it and
compared with the environment. For environments under a preset see :mod:`slotenv.environments`.
"""

from __future__ import annotations

import reprlib
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from gymnasium import Space
from gymnasium.spaces import Box

from slotenv.checks import number, switch, whole_number

ATARI_HEIGHT, ATARI_WIDTH = 210, 160  # of most games; :func:`slotenv.preset_for` asks the game
_RAM = (128,)  # shape of the bytes that ALE gives as obs_type="ram"
_MAX_SIDE = 4096  # far above any game's, far below what fills the memory
_MAX_EMULATOR_FRAMES = 10_000  # in a step, or of no-ops: some minutes of a game
_BOUNDS = {
    "height": (1, _MAX_SIDE),
    "width": (1, _MAX_SIDE),
    "frame_skip": (1, _MAX_EMULATOR_FRAMES),
    "noop_max": (0, _MAX_EMULATOR_FRAMES),
}
_SWITCHES = ("fire_on_reset", "terminal_on_life_loss")


@dataclass(frozen=True, kw_only=True)
class FramePreset:
    """How frames are made. All frames are RGB, uint8, (height, width, 3), values 0..255.

    Attributes:
        name: ``"scn"`` or ``"v5"`` for Atari's stacks; ``"plain"``, or a name of your own, for
            frames as they come.
        height: Rows of a frame, 1 to 4096.
        width: Columns of a frame, 1 to 4096.
        frame_skip: Emulator frames per agent step.
        max_pool: Whether a frame is the pixelwise maximum of the last two emulator frames. ``None``
            where either may come, as an encoder was fitted to both: see
            :func:`slotenv.environments.resolve_preset`.
        repeat_action_probability: Probability of a sticky action; ``None`` where the environment
            has no such notion.
        noop_max: Upper bound of the random number of no-ops after a reset (0: none).
        fire_on_reset: Whether FIRE is pressed after a reset where the game has it.
        terminal_on_life_loss: Whether losing a life ends an episode.

    Raises:
        TypeError: If a field is of another type.
        ValueError: If a field is out of bounds.
    """

    name: str
    height: int
    width: int
    frame_skip: int = 1
    max_pool: bool | None = False
    repeat_action_probability: float | None = None
    noop_max: int = 0
    fire_on_reset: bool = False
    terminal_on_life_loss: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise TypeError(f"a preset's name is text, got {reprlib.repr(self.name)}")
        whole_number("characters of a preset's name", len(self.name), low=1, high=100)
        plain = vars(self)  # Python's own values, for JSON
        for field, (low, high) in _BOUNDS.items():
            plain[field] = whole_number(f"{field} of a preset", plain[field], low=low, high=high)
        for field in _SWITCHES:
            plain[field] = switch(f"{field} of a preset", plain[field])
        if self.max_pool is not None:
            plain["max_pool"] = switch("max_pool of a preset", self.max_pool)
        if (sticky := self.repeat_action_probability) is not None:
            field = "repeat_action_probability"
            plain[field] = number(field, sticky, low=0, high=1)

    @property
    def is_atari(self) -> bool:
        """Whether frames come from the Atari emulator, in one of its stacks."""
        return self.name in ("scn", "v5")

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of one frame, (height, width, 3)."""
        return (self.height, self.width, 3)

    def covers(self, other: FramePreset) -> bool:
        """Return whether frames under another preset are among those of this one.

        Only a preset that leaves open whether frames are pooled has others than its own: all
        Atari frames of its size and skip.
        """
        is_open = self.is_atari and other.is_atari and self.max_pool is None
        same_size = (self.shape, self.frame_skip) == (other.shape, other.frame_skip)
        return self == other or (is_open and same_size)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> FramePreset:
        """Rebuild a preset from :meth:`to_dict`; what is not a preset's fields is a ValueError."""
        try:
            return cls(**fields)
        except TypeError as error:
            raise ValueError(f"not a frame preset: {error}") from error

    @classmethod
    def checked_fields(cls, fields: dict[str, Any]) -> dict[str, Any]:
        """Return fields as :meth:`to_dict` gives them, if they are a preset's; else raise."""
        return cls.from_dict(fields).to_dict()

    def check_space(self, space: Space[Any], *, user: str) -> None:
        """Raise unless an observation space holds frames of this preset.

        A TypeError if it is no Box of uint8, a ValueError if frames have another shape, or values
        up to 1 instead of 255. ``user`` is the name of the class that asks, for the message.
        """
        unscale = "Remove the wrapper that scales or casts pixels: the encoder scales them itself."
        error: type[Exception] = TypeError
        if not isinstance(space, Box):
            came = f"{space}. Put it directly around the pixel environment."
        elif len(space.shape) < 2 and space.dtype != np.uint8:
            came = (
                f"dtype {space.dtype} and shape {space.shape}, no pixels: "
                "gymnasium.wrappers.AddRenderObservation gives them."
            )
        elif space.dtype != np.uint8:
            came = f"dtype {space.dtype}. {unscale}"
        elif space.shape != self.shape:
            error, came = ValueError, f"shape {space.shape}. {_shape_hint(space.shape)}"
        elif space.high.max() <= 1:
            error, came = ValueError, f"values 0..{space.high.max()}. {unscale}"
        else:
            return
        raise error(
            f"{user} needs uint8 RGB frames of shape {self.shape} (preset {self.name!r}) with "
            f"values 0..255, got {came}"
        )

    def check_frames(self, frames: Any) -> None:
        """Raise unless ``frames`` (array or tensor) is a uint8 batch (B, height, width, 3)."""
        dtype = getattr(frames, "dtype", None)
        if not str(dtype).endswith("uint8"):
            raise TypeError(
                "frames must be uint8, 0..255 (the encoder scales them itself), got "
                f"{type(frames).__name__} of dtype {dtype}"
            )
        shape = tuple(frames.shape)
        if len(shape) != 4 or shape[1:] != self.shape:
            one = shape[1:] if len(shape) > 3 else shape
            hint = "Add a batch axis: frames[None]." if shape == self.shape else _shape_hint(one)
            raise ValueError(
                f"frames must have shape (B, {self.height}, {self.width}, 3), got {shape}. {hint}"
            )


def _shape_hint(shape: tuple[int, ...]) -> str:
    """Guess which wrapper produced a wrong frame shape."""
    if shape == _RAM:
        return "This is the console's memory: use obs_type='rgb'."
    if len(shape) == 2 or (len(shape) >= 3 and shape[-1] == 1):
        return "These look like grey frames: use obs_type='rgb' and no grayscale wrapper."
    if len(shape) >= 3 and shape[-3] == 3 and shape[-1] > 3:
        return "These look like channels-first frames: leave out the transpose."
    in_channels = len(shape) >= 3 and shape[-1] > 3 and shape[-1] % 3 == 0
    if in_channels or (len(shape) == 4 and shape[0] <= 16 and shape[-1] == 3):
        return "These look like stacked frames: stack slots, not frames (slots first, then stack)."
    return "Leave out wrappers that resize, or pretrain an encoder on these frames."


SCN = FramePreset(
    name="scn",
    height=ATARI_HEIGHT,
    width=ATARI_WIDTH,
    frame_skip=4,
    max_pool=True,
    repeat_action_probability=0.0,
    noop_max=30,
    fire_on_reset=True,
    terminal_on_life_loss=True,
)
"""The paper's stack (https://arxiv.org/abs/2007.09294): 1-30 no-ops, FIRE, four frames a step with
the maximum of the last two, a life is an episode, no sticky actions."""

V5 = FramePreset(
    name="v5",
    height=ATARI_HEIGHT,
    width=ATARI_WIDTH,
    frame_skip=4,
    repeat_action_probability=0.25,
)
"""What ``gym.make("ALE/<Game>-v5")`` gives."""


def plain(height: int, width: int) -> FramePreset:
    """Preset for any other environment whose observations are uint8 (height, width, 3)."""
    return FramePreset(name="plain", height=height, width=width)
