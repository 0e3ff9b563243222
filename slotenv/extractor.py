"""The Stable-Baselines3 features extractor: a pretrained encoder inside the policy."""

from __future__ import annotations

import copyreg
import importlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import gymnasium as gym
import numpy as np
import torch
from gymnasium.spaces import Box
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor, nn

from slotenv import checkpoint
from slotenv.encoders import SlotEncoder

_MANY = 8  # images from which on looking for distinct windows pays on a CPU

_configs: dict[str, dict[str, Any]] = {}
"""Configs of the encoders that were given by name, in this process or in an agent loaded by it."""


class _CarriesConfigs(type):
    """Class of :class:`SlotExtractor`: a pickle of the extractor class holds ``_configs``.

    Stable-Baselines3 pickles ``policy_kwargs``, which name the class, into a saved agent. With the
    class go the configs, so the agent can be loaded where the encoder's folder is not: the config
    gives the architecture, the agent the weights.
    """


class SlotExtractor(BaseFeaturesExtractor, metaclass=_CarriesConfigs):
    """Features of a Stable-Baselines3 policy: the K * D numbers of a pretrained encoder's slots.

    For use with ``"CnnPolicy"`` on an environment whose observations are the encoder's frames,
    uint8 (H, W, 3), with or without ``VecFrameStack`` (n frames give n * K * D features, the oldest
    first). Weights survive the initialisation that PPO and A2C apply to extractors, and are saved
    with the agent: a saved agent needs no encoder folder.

    A frozen encoder in the policy encodes each frame several times (in the rollout and in every
    epoch). :class:`slotenv.ObjectSlotObservation` encodes it once.

    Args:
        observation_space: One frame or a stack, channels first (as SB3 hands it) or last.
        encoder: A ready-made encoder (``"pong"``), a folder, a hub id, or the dict that
            :meth:`policy_kwargs` makes.
        frozen: Whether the encoder is left as it is; otherwise the policy's optimizer trains it.
        normalized_image: Whether images arrive in [0, 1], which SB3 sees to. Set it to False along
            with the policy's ``normalize_images=False``.

    Raises:
        TypeError: If ``encoder`` is something else.
        ValueError: If the observations are not the encoder's frames.
        FileNotFoundError: If there is no such encoder and no saved agent told of it.

    Example:
        >>> PPO("CnnPolicy", env, policy_kwargs=SlotExtractor.policy_kwargs("runs/pong"))
        ... # doctest: +SKIP
    """

    def __init__(
        self,
        observation_space: gym.Space[Any],
        encoder: str | os.PathLike[str] | dict[str, Any],
        frozen: bool = True,
        normalized_image: bool = True,
    ) -> None:
        _check_switches(frozen=frozen, normalized_image=normalized_image)
        config, folder = _find(encoder)
        inner, absent = _open(config, folder)
        channels_last, frames = _layout(observation_space, inner)
        super().__init__(observation_space, frames * inner.num_slots * inner.slot_dim)
        self.encoder = PretrainedEncoder(inner, frozen=frozen, absent=absent)
        self.normalized_image = normalized_image
        self._channels_last = channels_last
        self._bytes = observation_space.dtype == np.uint8
        self._range_checked = False

    def forward(self, observations: Tensor) -> Tensor:
        """Encode images (B, 3n, H, W) or (B, H, W, 3n) to features (B, n * K * D)."""
        if not self._range_checked:
            self._check_range(observations)
        if self._channels_last:
            observations = observations.movedim(-1, 1)
        size = observations.shape[-2:]
        images = observations.reshape(-1, 3, *size)  # (B * n, 3, H, W), the oldest first
        if not self.normalized_image:
            images = images / 255.0
        slots: Tensor = self.encoder(images, bytes_inside=self._bytes)  # (B * n, K, D)
        return slots.reshape(len(observations), self.features_dim)

    @classmethod
    def policy_kwargs(
        cls, encoder: str | os.PathLike[str], frozen: bool = True, **more: Any
    ) -> dict[str, Any]:
        """Return ``policy_kwargs`` for an algorithm of Stable-Baselines3.

        Args:
            encoder: A ready-made encoder (``"pong"``), a folder or a hub id.
            frozen: Whether the encoder is left as it is.
            **more: Other arguments of the policy, such as ``net_arch`` or ``normalize_images``.

        Example:
            >>> policy_kwargs = SlotExtractor.policy_kwargs("runs/pong", net_arch=[64])
            ... # doctest: +SKIP
        """
        _check_name(encoder)
        _check_switches(frozen=frozen)
        folder = checkpoint.find_folder(encoder).resolve()
        config = {**checkpoint.read_config(folder), "folder": str(folder)}
        extractor_kwargs = {
            "encoder": config,
            "frozen": frozen,
            "normalized_image": more.get("normalize_images", True),
        }
        return {
            "features_extractor_class": cls,
            "features_extractor_kwargs": extractor_kwargs,
            **more,
        }

    def _check_range(self, observations: Tensor) -> None:
        """Raise if pixels are clearly on another scale; frames that are all black tell nothing."""
        low, high = observations.min().item(), observations.max().item()
        top = 1.0 if self.normalized_image else 255.0
        fractions = high <= 1.0 and bool((observations != observations.round()).any())
        if low < 0 or high > top + 1e-3 or (not self.normalized_image and fractions):
            raise ValueError(
                f"SlotExtractor(normalized_image={self.normalized_image}) needs pixels in [0, "
                f"{top:g}], got {low:g} to {high:g}. normalized_image must be what the policy's "
                "normalize_images is (True by default), and VecNormalize must leave pixels alone."
            )
        self._range_checked = high > 0 and (self.normalized_image or high > 1)


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
            if not bytes_inside or images.device.type != "cpu" or len(images) < _MANY:
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


def _find(encoder: object) -> tuple[dict[str, Any], Path | None]:
    """Return an encoder's config, and its folder if it is there."""
    if isinstance(encoder, dict):
        folder = encoder.get("folder")
        return {k: v for k, v in encoder.items() if k != "folder"}, folder and Path(folder)
    name = _check_name(encoder)
    known = _configs.get(name)
    try:
        # What a saved agent told of is not looked for on the network: the agent has the weights.
        folder = checkpoint.find_folder(name, local_files_only=known is not None)
        config = checkpoint.read_config(folder)
    except FileNotFoundError:
        if known is None:
            raise
        return known, None
    _configs[name] = config
    return config, folder


def _check_name(encoder: object) -> str:
    if not isinstance(encoder, str | os.PathLike):
        raise TypeError(
            "SlotExtractor needs an encoder folder, a hub id or the dict of "
            f"SlotExtractor.policy_kwargs, got {type(encoder).__name__}. Save an encoder in memory "
            "with encoder.save_pretrained(folder)."
        )
    return os.fspath(encoder)


def _check_switches(**switches: object) -> None:
    for name, value in switches.items():
        if not isinstance(value, bool | np.bool_):
            raise TypeError(f"{name} must be True or False, got {value!r}")


def _open(config: dict[str, Any], folder: Path | None) -> tuple[SlotEncoder, str | None]:
    """Return the encoder, and in words why it has no weights, or None if it has."""
    absent = "its folder was not found"
    if folder is not None:
        try:
            if checkpoint.read_config(folder)["weights_sha256"] == config.get("weights_sha256"):
                return checkpoint.load(folder), None
            absent = f"{folder} holds another encoder by now"
        except FileNotFoundError as error:
            absent = str(error)
    if not {"architecture", "kwargs"} <= config.keys():
        raise ValueError(
            "SlotExtractor: a dict for encoder must be what SlotExtractor.policy_kwargs makes, got "
            f"one with {', '.join(map(str, config)) or 'nothing'}"
        )
    return checkpoint.build(config), absent


def _weights_came(module: PretrainedEncoder, incompatible: Any) -> None:
    if not incompatible.missing_keys:
        module._absent = None


def _layout(space: gym.Space[Any], encoder: SlotEncoder) -> tuple[bool, int]:
    """Return whether channels are last, and the number of stacked frames; raise if neither fits."""
    height, width, _ = encoder.preprocess.shape
    shape = space.shape if isinstance(space, Box) else None
    if shape is not None and len(shape) == 3:
        if shape[1:] == (height, width) and shape[0] % 3 == 0:
            return False, shape[0] // 3
        if shape[:2] == (height, width) and shape[2] % 3 == 0:
            return True, shape[2] // 3
    raise ValueError(
        f"SlotExtractor needs RGB frames of {height} x {width} pixels, (3, {height}, {width}) or n "
        f"of them stacked by VecFrameStack, (3n, {height}, {width}), got {space}. Use no wrapper "
        "that greys, resizes or stacks in another way; "
        "slotenv.make_env(env_id, encoder.preprocess) builds the right environment."
    )


def _restore(module: str, name: str, configs: dict[str, dict[str, Any]]) -> Any:
    for key, config in configs.items():
        _configs.setdefault(key, config)
    return getattr(importlib.import_module(module), name)


def _reduce(cls: type) -> tuple[Any, ...]:
    return _restore, (cls.__module__, cls.__qualname__, dict(_configs))


copyreg.pickle(_CarriesConfigs, _reduce)
