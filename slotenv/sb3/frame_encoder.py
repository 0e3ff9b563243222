"""The slots of an agent's frames: their layout, their scale, whether they look like the game."""

import os
import warnings
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.spaces import Box
from torch import Tensor

from slotenv.encoders import FittedEncoder, ObjectEncoder
from slotenv.encoders.modes import is_recorded
from slotenv.sb3.pretrained import PretrainedEncoder, as_bytes, noted_config, open_encoder

_STRANGE = 0.5  # share of foreground; of the 20 ready-made encoders' own games, the most has 0.2


class FrameEncoder(PretrainedEncoder):
    """Encodes the frames that a policy hands to its extractor.

    The arguments, errors and warnings are those of :class:`slotenv.SlotExtractor` for frames.

    Attributes:
        shape: (n, K, D), n the number of stacked frames.
    """

    def __init__(
        self,
        observation_space: gym.Space[Any],
        encoder: str | os.PathLike[str] | dict[str, Any],
        *,
        frozen: bool,
        normalized_image: bool,
    ) -> None:
        given = encoder if isinstance(encoder, dict) else noted_config(observation_space, encoder)
        inner, absent = open_encoder(given)
        if not frozen and isinstance(inner, ObjectEncoder):
            warnings.warn(
                "SlotExtractor(frozen=False): an ObjectEncoder is fitted to frames, and has "
                "nothing that a policy's optimizer could improve. Leave frozen out, or take an "
                "encoder of a method that is trained, such as scn.",
                UserWarning,
                stacklevel=3,
            )
        channels_last, frames = _layout(observation_space, inner.preprocess.shape)
        super().__init__(inner, frozen=frozen, absent=absent)
        self._channels_last = channels_last
        self.shape = (frames, inner.num_slots, inner.slot_dim)
        self._normalized = normalized_image
        self._bytes = observation_space.dtype == np.uint8
        self._range_checked = False
        self._looked = not isinstance(inner, FittedEncoder)

    def forward(self, observations: Tensor) -> Tensor:
        """Encode images (B, 3n, H, W) or (B, H, W, 3n) to slots (B, n, K, D)."""
        if not self._range_checked and not is_recorded():
            self._check_range(observations)
        if self._channels_last:
            observations = observations.movedim(-1, 1)
        size = observations.shape[-2:]
        images = observations.reshape(-1, 3, *size)  # (B * n, 3, H, W), the oldest first
        if not self._normalized:
            images = images / 255.0
        slots = self.encode(images, bytes_inside=self._bytes)  # (B * n, K, D)
        if not self._looked:
            self._look_at(images)
        return slots.reshape(observations.shape[0], *self.shape)

    def _check_range(self, observations: Tensor) -> None:
        """Raise if pixels are on another scale.

        Bytes are looked at until they tell their scale, which black ones do not; floats, which a
        wrapper may scale in one way now and in another later, every time.
        """
        low, high = observations.min().item(), observations.max().item()
        top = 1.0 if self._normalized else 255.0
        fractions = high <= 1.0 and bool((observations != observations.round()).any())
        if low < 0 or high > top + 1e-3 or (not self._normalized and fractions):
            raise ValueError(
                f"SlotExtractor(normalized_image={self._normalized}) needs pixels in [0, "
                f"{top:g}], got {low:g} to {high:g}. normalized_image must be what the policy's "
                "normalize_images is (True by default), and VecNormalize must leave pixels alone."
            )
        self._range_checked = self._bytes and high > 0 and (self._normalized or high > 1)

    def _look_at(self, images: Tensor) -> None:
        """Warn, once, of frames that differ nearly everywhere from the encoder's background."""
        encoder = self.encoder
        shown = images[images.flatten(1).any(1)]  # a stack begins with black frames
        if not len(shown) or not isinstance(encoder, FittedEncoder):
            return
        self._looked = True
        frames = as_bytes(shown.detach()).cpu().numpy()
        if np.median(encoder.foreground_share(frames)) > _STRANGE:
            warnings.warn(
                "SlotExtractor: more than half of the pixels differ from the background of the "
                f"frames that this encoder was trained on ({encoder.provenance.get('env_id')}): is "
                "it an encoder of this game? If not, its slots mean nothing here.",
                UserWarning,
                stacklevel=3,
            )


def _layout(space: gym.Space[Any], shape: tuple[int, int, int]) -> tuple[bool, int]:
    """Return whether channels are last, and the number of stacked frames; raise if neither fits.

    ``shape`` is that of the encoder's frames, (H, W, 3).
    """
    height, width, _ = shape
    if isinstance(space, Box) and len(space.shape) == 3:
        found = space.shape
        if space.dtype != np.uint8 and space.low.min() < 0:
            raise ValueError(
                f"SlotExtractor needs pixels as they are, got {space}, which another wrapper has "
                "scaled: leave it out, or tell it to leave pixels alone, as "
                "VecNormalize(norm_obs=False) does"
            )
        if found[1:] == (height, width) and found[0] % 3 == 0:
            return False, found[0] // 3
        if found[:2] == (height, width) and found[2] % 3 == 0:
            return True, found[2] // 3
    raise ValueError(
        f"SlotExtractor needs RGB frames of {height} x {width} pixels, (3, {height}, {width}) or n "
        f"of them stacked by VecFrameStack, (3n, {height}, {width}), got {space}. Use no wrapper "
        "that greys, resizes or stacks in another way; "
        "slotenv.make_env(env_id, encoder.preprocess) builds the right environment."
    )
