"""An encoder inside somebody else's network, whose weights stay what they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import torch
from torch import Tensor, nn

from slotenv.encoders.base import SlotEncoder
from slotenv.encoders.modes import is_recorded

_MANY = 8  # images from which on looking for distinct windows pays on a CPU


class PretrainedEncoder(nn.Module):
    """Keeps loaded weights through what a host policy does to its modules.

    Stable-Baselines3 draws the weights of PPO's and A2C's extractors anew with ``apply`` and
    switches whole policies between training and evaluation mode.

    Args:
        encoder: The encoder.
        frozen: Whether it is left as it is.
        absent: Why it has no weights before a saved agent brings them, or None if it has.
    """

    def __init__(self, encoder: SlotEncoder, *, frozen: bool, absent: str | None = None) -> None:
        super().__init__()
        self.frozen = frozen
        self.encoder = encoder
        self.encoder.requires_grad_(not frozen)
        self._absent = absent
        self.register_load_state_dict_post_hook(_weights_came)  # type: ignore[no-untyped-call]
        self.train(False)

    def forward(self, images: Tensor, *, bytes_inside: bool) -> Tensor:
        """Encode images.

        Args:
            images: (B, 3, H, W) in [0, 1].
            bytes_inside: Whether the images are uint8 frames divided by 255.

        Returns:
            (B, K, D) slots.
        """
        if self._absent is not None:
            raise RuntimeError(
                f"the encoder has no weights: {self._absent}, and no saved agent was loaded either"
            )
        if not self.frozen:
            return self.encoder(images).slots  # type: ignore[no-any-return]
        with torch.no_grad():
            dense = is_recorded() or not bytes_inside or images.device.type != "cpu"
            if dense or len(images) < _MANY:
                return self.encoder(images).slots  # type: ignore[no-any-return]
            # The way back to bytes is exact, and encode() computes equal windows only once.
            frames = images.permute(0, 2, 3, 1).mul(255.0).round_().to(torch.uint8)
            return self.encoder.encode(frames.contiguous())

    def apply(self, fn: Callable[[nn.Module], None]) -> Self:
        """Do nothing: the weights are not to be initialised."""
        return self

    def train(self, mode: bool = True) -> Self:
        """Switch to training mode, unless frozen."""
        return super().train(mode and not self.frozen)


def _weights_came(module: PretrainedEncoder, incompatible: Any) -> None:
    if not incompatible.missing_keys:
        module._absent = None
