"""A pretrained encoder as a module of a policy, and what a saved agent keeps of it."""

import os
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, Self

import gymnasium as gym
import torch
from torch import Tensor, nn

from slotenv import checkpoint
from slotenv.encoders import SlotEncoder
from slotenv.encoders.modes import is_recorded
from slotenv.encoders.saving import build, load

_FOLDER = "folder"
"""Beside an encoder's config: where it was read, and its weights are unless an agent has them."""
_NOTES = "_slotenv_configs"
"""Attribute of an observation space: configs of encoders by the names that they were given."""
_MANY = 8  # images from which on looking for distinct windows pays on a CPU


class PretrainedEncoder(nn.Module):
    """Keeps an encoder's weights through what a host policy does to its modules.

    Stable-Baselines3 draws the weights of PPO's and A2C's extractors anew with ``apply`` and
    switches whole policies between training and evaluation mode. ``absent`` says why there are no
    weights before a saved agent brings them, or is None if there are.
    """

    def __init__(self, encoder: SlotEncoder, *, frozen: bool, absent: str | None = None) -> None:
        super().__init__()
        self.frozen = frozen
        self.encoder = encoder.requires_grad_(not frozen)
        self._absent = absent
        self.register_load_state_dict_post_hook(_weights_came)  # type: ignore[no-untyped-call]
        self.train(False)

    def encode(self, images: Tensor, *, bytes_inside: bool) -> Tensor:
        """Encode images (B, 3, H, W) in [0, 1] to slots (B, K, D).

        ``bytes_inside`` tells whether the images are uint8 frames divided by 255.
        """
        if self._absent is not None:
            raise RuntimeError(
                f"the encoder has no weights: {self._absent}, and no saved agent was loaded either"
            )
        sparse = self.frozen and bytes_inside and images.device.type == "cpu" and not is_recorded()
        if sparse and len(images) >= _MANY:  # encode() computes equal windows only once
            return self.encoder.encode(as_bytes(images).contiguous())
        with torch.no_grad() if self.frozen else nullcontext():
            slots: Tensor = self.encoder(images).slots
            return slots

    def apply(self, fn: Callable[[nn.Module], None]) -> Self:
        """Do nothing: the weights are not to be initialised."""
        return self

    def train(self, mode: bool = True) -> Self:
        """Switch to training mode, unless frozen."""
        return super().train(mode and not self.frozen)


def as_bytes(images: Tensor) -> Tensor:
    """Turn images (B, 3, H, W) in [0, 1] into frames (B, H, W, 3) uint8; exact if they were."""
    return images.movedim(1, -1).mul(255.0).round_().to(torch.uint8)


def config_of(encoder: str | os.PathLike[str]) -> dict[str, Any]:
    """Return an encoder's config and where it was read; errors as for ``from_pretrained``."""
    folder = checkpoint.find_folder(encoder).resolve()
    return {**checkpoint.read_config(folder), _FOLDER: str(folder)}


def noted_config(space: gym.Space[Any], encoder: str | os.PathLike[str]) -> dict[str, Any]:
    """Return what a saved agent noted of an encoder; else its config now, which is noted.

    Stable-Baselines3 saves an agent's observation space with its weights, and hands it to the
    extractor when the agent is loaded: with a note on it, no encoder folder is needed. A new agent
    does not read notes, for the folder may hold another encoder by now.
    """
    notes = getattr(space, _NOTES, _Notes())
    known = isinstance(encoder, str | os.PathLike) and os.fspath(encoder) in notes
    if not known or isinstance(notes, _Notes):
        notes[os.fspath(encoder)] = config_of(encoder)
        setattr(space, _NOTES, notes)
    config: dict[str, Any] = notes[os.fspath(encoder)]
    return config


def open_encoder(encoder: dict[str, Any]) -> tuple[SlotEncoder, str | None]:
    """Return the encoder of a config, and in words why it has no weights, or None if it has.

    Raises:
        ValueError: If the dict is not what :func:`config_of` returns.
    """
    config = dict(encoder)
    folder = config.pop(_FOLDER, None)
    if folder is None:
        raise ValueError(
            "SlotExtractor: a dict for encoder must be what SlotExtractor.policy_kwargs makes, got "
            f"one with {', '.join(map(str, encoder)) or 'nothing'}"
        )
    try:
        if checkpoint.read_config(folder)["weights_sha256"] == config.get("weights_sha256"):
            return load(folder), None
        absent = f"{folder} holds another encoder by now"
    except FileNotFoundError as error:
        absent = str(error)
    return build(config), absent


class _Notes(dict[str, dict[str, Any]]):
    """Notes of this process; they are saved as a plain dict, by which they are told from others."""

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (dict(self),)


def _weights_came(module: PretrainedEncoder, incompatible: Any) -> None:
    if not incompatible.missing_keys:
        module._absent = None
