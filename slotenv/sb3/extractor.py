"""The Stable-Baselines3 features extractor: a pretrained encoder inside the policy."""

import os
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, Self

import gymnasium as gym
import numpy as np
import torch
from gymnasium.spaces import Box
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.common.vec_env import VecEnv
from torch import Tensor, nn

from slotenv import checkpoint
from slotenv.checks import switch
from slotenv.compatibility import check_game
from slotenv.encoders import ObjectMixtureEncoder, SlotEncoder
from slotenv.encoders.modes import is_recorded
from slotenv.encoders.saving import build, load

_FOLDER = "folder"
"""Beside an encoder's config: where it was read, and its weights are unless an agent has them."""
_NOTES = "_slotenv_configs"
"""Attribute of an observation space: configs of encoders by the names that they were given."""
_MANY = 8  # images from which on looking for distinct windows pays on a CPU
_STRANGE = 0.5  # share of foreground; of the 20 ready-made encoders' own games, the most has 0.2


class SlotExtractor(BaseFeaturesExtractor):
    """Features of a Stable-Baselines3 policy: the K * D numbers of a pretrained encoder's slots.

    For use with ``"CnnPolicy"`` on an environment whose observations are the encoder's frames,
    uint8 (H, W, 3), with or without ``VecFrameStack`` (n frames give n * K * D features, the oldest
    first). Weights survive the initialisation that PPO and A2C apply to extractors, and are saved
    with the agent, as the encoder's config is: a saved agent needs no encoder folder.

    A frozen encoder in the policy encodes each frame again in every epoch;
    :class:`slotenv.ObjectSlotObservation` encodes it once.

    Args:
        observation_space: One frame or a stack, channels first (as SB3 hands it) or last.
        encoder: A ready-made encoder (``"pong"``), a folder, a hub id, or the dict that
            :meth:`policy_kwargs` makes of one.
        frozen: Whether the encoder is left as it is; otherwise the policy's optimizer trains it.
        normalized_image: Whether images arrive in [0, 1], which SB3 sees to. Set it to False along
            with the policy's ``normalize_images=False``.

    Raises:
        TypeError: If ``encoder`` is something else.
        ValueError: If the observations are not the encoder's frames.
        FileNotFoundError: If there is no such encoder and no saved agent told of it.

    Warns:
        UserWarning: If the first frames look nothing like those that an ``ObjectMixtureEncoder``
            was trained on. For other encoders pass ``env`` to :meth:`policy_kwargs`.

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
        given = encoder if isinstance(encoder, dict) else _noted_config(observation_space, encoder)
        inner, absent = _open(given)
        channels_last, frames = _layout(observation_space, inner)
        super().__init__(observation_space, frames * inner.num_slots * inner.slot_dim)
        self._channels_last = channels_last
        self.encoder = PretrainedEncoder(inner, frozen=switch("frozen", frozen), absent=absent)
        self.normalized_image = switch("normalized_image", normalized_image)
        self._bytes = observation_space.dtype == np.uint8
        self._range_checked = False
        self._looked = not isinstance(inner, ObjectMixtureEncoder)

    def forward(self, observations: Tensor) -> Tensor:
        """Encode images (B, 3n, H, W) or (B, H, W, 3n) to features (B, n * K * D)."""
        if not self._range_checked and not is_recorded():
            self._check_range(observations)
        if self._channels_last:
            observations = observations.movedim(-1, 1)
        size = observations.shape[-2:]
        images = observations.reshape(-1, 3, *size)  # (B * n, 3, H, W), the oldest first
        if not self.normalized_image:
            images = images / 255.0
        slots: Tensor = self.encoder(images, bytes_inside=self._bytes)  # (B * n, K, D)
        if not self._looked:
            self._look_at(images)
        return slots.reshape(observations.shape[0], self.features_dim)

    @classmethod
    def policy_kwargs(
        cls,
        encoder: str | os.PathLike[str],
        frozen: bool = True,
        env: str | gym.Env[Any, Any] | VecEnv | None = None,
        **more: Any,
    ) -> dict[str, Any]:
        """Return ``policy_kwargs`` for an algorithm of Stable-Baselines3.

        Args:
            encoder: A ready-made encoder (``"pong"``), a folder or a hub id.
            frozen: Whether the encoder is left as it is.
            env: What the agent will play, or its id, to be compared with what the encoder was
                trained on.
            **more: Other arguments of the policy, such as ``net_arch`` or ``normalize_images``.

        Warns:
            UserWarning: If ``env`` is another game than the encoder's.

        Example:
            >>> policy_kwargs = SlotExtractor.policy_kwargs("runs/pong", net_arch=[64])
            ... # doctest: +SKIP
        """
        config = _config_of(encoder)
        if env is not None and not isinstance(env, str):
            spec = env.get_attr("spec")[0] if isinstance(env, VecEnv) else env.spec
            env = None if spec is None else spec.id
        check_game(env, config.get("provenance", {}).get("env_id"), user="SlotExtractor")
        kwargs = {"encoder": config, "frozen": switch("frozen", frozen)}
        kwargs["normalized_image"] = more.get("normalize_images", True)
        return {"features_extractor_class": cls, "features_extractor_kwargs": kwargs, **more}

    def _check_range(self, observations: Tensor) -> None:
        """Raise if pixels are on another scale.

        Bytes are looked at until they tell their scale, which black ones do not; floats, which a
        wrapper may scale in one way now and in another later, every time.
        """
        low, high = observations.min().item(), observations.max().item()
        top = 1.0 if self.normalized_image else 255.0
        fractions = high <= 1.0 and bool((observations != observations.round()).any())
        if low < 0 or high > top + 1e-3 or (not self.normalized_image and fractions):
            raise ValueError(
                f"SlotExtractor(normalized_image={self.normalized_image}) needs pixels in [0, "
                f"{top:g}], got {low:g} to {high:g}. normalized_image must be what the policy's "
                "normalize_images is (True by default), and VecNormalize must leave pixels alone."
            )
        self._range_checked = self._bytes and high > 0 and (self.normalized_image or high > 1)

    def _look_at(self, images: Tensor) -> None:
        """Warn, once, of frames that differ nearly everywhere from the encoder's background."""
        encoder = self.encoder.encoder
        shown = images[images.flatten(1).any(1)]  # a stack begins with black frames
        if not len(shown) or not isinstance(encoder, ObjectMixtureEncoder):
            return
        self._looked = True
        frames = _as_bytes(shown.detach()).cpu().numpy()
        if np.median(encoder.foreground_share(frames)) > _STRANGE:
            warnings.warn(
                "SlotExtractor: more than half of the pixels differ from the background of the "
                f"frames that this encoder was trained on ({encoder.provenance.get('env_id')}): is "
                "it an encoder of this game? If not, its slots mean nothing here.",
                UserWarning,
                stacklevel=3,
            )


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

    def forward(self, images: Tensor, *, bytes_inside: bool) -> Tensor:
        """Encode images (B, 3, H, W) in [0, 1] to slots (B, K, D).

        ``bytes_inside`` tells whether the images are uint8 frames divided by 255.
        """
        if self._absent is not None:
            raise RuntimeError(
                f"the encoder has no weights: {self._absent}, and no saved agent was loaded either"
            )
        sparse = self.frozen and bytes_inside and images.device.type == "cpu" and not is_recorded()
        if sparse and len(images) >= _MANY:  # encode() computes equal windows only once
            return self.encoder.encode(_as_bytes(images).contiguous())
        with torch.no_grad() if self.frozen else nullcontext():
            slots: Tensor = self.encoder(images).slots
            return slots

    def apply(self, fn: Callable[[nn.Module], None]) -> Self:
        """Do nothing: the weights are not to be initialised."""
        return self

    def train(self, mode: bool = True) -> Self:
        """Switch to training mode, unless frozen."""
        return super().train(mode and not self.frozen)


def _weights_came(module: PretrainedEncoder, incompatible: Any) -> None:
    if not incompatible.missing_keys:
        module._absent = None


def _as_bytes(images: Tensor) -> Tensor:
    """Turn images (B, 3, H, W) in [0, 1] into frames (B, H, W, 3) uint8; exact if they were."""
    return images.movedim(1, -1).mul(255.0).round_().to(torch.uint8)


class _Notes(dict[str, dict[str, Any]]):
    """Notes of this process; they are saved as a plain dict, by which they are told from others."""

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (dict(self),)


def _config_of(encoder: str | os.PathLike[str]) -> dict[str, Any]:
    folder = checkpoint.find_folder(encoder).resolve()
    return {**checkpoint.read_config(folder), _FOLDER: str(folder)}


def _noted_config(space: gym.Space[Any], encoder: str | os.PathLike[str]) -> dict[str, Any]:
    """Return what a saved agent noted of an encoder; else its config now, which is noted.

    Stable-Baselines3 saves an agent's observation space with its weights, and hands it to the
    extractor when the agent is loaded: with a note on it, no encoder folder is needed. A new agent
    does not read notes, for the folder may hold another encoder by now.
    """
    notes = getattr(space, _NOTES, _Notes())
    known = isinstance(encoder, str | os.PathLike) and os.fspath(encoder) in notes
    if not known or isinstance(notes, _Notes):
        notes[os.fspath(encoder)] = _config_of(encoder)
        setattr(space, _NOTES, notes)
    config: dict[str, Any] = notes[os.fspath(encoder)]
    return config


def _open(encoder: dict[str, Any]) -> tuple[SlotEncoder, str | None]:
    """Return the encoder, and in words why it has no weights, or None if it has."""
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


def _layout(space: gym.Space[Any], encoder: SlotEncoder) -> tuple[bool, int]:
    """Return whether channels are last, and the number of stacked frames; raise if neither fits."""
    height, width, _ = encoder.preprocess.shape
    if isinstance(space, Box) and len(space.shape) == 3:
        shape = space.shape
        if space.dtype != np.uint8 and space.low.min() < 0:
            raise ValueError(
                f"SlotExtractor needs pixels as they are, got {space}, which another wrapper has "
                "scaled: leave it out, or tell it to leave pixels alone, as "
                "VecNormalize(norm_obs=False) does"
            )
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
