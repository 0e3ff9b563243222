"""The Stable-Baselines3 features extractor: slots, or a pretrained encoder inside the policy."""

import math
import os
from collections.abc import Sequence
from typing import Any

import gymnasium as gym
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.common.vec_env import VecEnv
from torch import Tensor

from slotenv import ready
from slotenv.checks import switch
from slotenv.compatibility import check_game
from slotenv.games import names_of
from slotenv.observations import SLOTS
from slotenv.sb3.frame_encoder import FrameEncoder
from slotenv.sb3.pretrained import config_of
from slotenv.sb3.self_attention import SelfAttentionPooling
from slotenv.sb3.spaces import slots_in

Attention = bool | dict[str, Any]
"""Whether slots attend to each other, or the sizes with which they do."""


class SlotExtractor(BaseFeaturesExtractor):
    """Features of a Stable-Baselines3 policy: the numbers of K slots, or attention over them.

    | observations | policy | ``policy_kwargs`` |
    |---|---|---|
    | slots | ``"MlpPolicy"`` | ``dict(features_extractor_class=SlotExtractor)`` |
    | slots and pixels in a dict | ``"MultiInputPolicy"`` | the same |
    | frames | ``"CnnPolicy"`` | ``SlotExtractor.policy_kwargs("pong")`` |

    Slots are what :class:`slotenv.ObjectSlotObservation` and its vector forms return: (K, D) or
    flat, with motion, or stacked. They are handed on flattened; of a dict, pixels are left out.
    Frames are uint8 (H, W, 3) as the encoder's were; n stacked ones give n * K * D features, the
    oldest first. ``SlotExtractor.policy_kwargs(attention=True)`` pools slots by self-attention.

    Take slot observations unless the policy is to fine-tune the encoder: a frozen encoder in the
    policy encodes each frame again in every epoch, an environment's wrapper once. Its weights
    survive the initialisation that PPO and A2C apply to extractors, and are saved with the agent,
    as the encoder's config is: a saved agent needs no encoder folder.

    Args:
        observation_space: Slots, a Box of floats or the entry ``"slots"`` of a Dict; or one frame
            or a stack, channels first (as SB3 hands it) or last.
        encoder: Only for frames: a ready-made encoder (``"pong"``), a folder, a hub id, or the dict
            that :meth:`policy_kwargs` makes of one.
        frozen: Whether the encoder is left as it is; otherwise the policy's optimizer trains it.
            An ``ObjectEncoder`` is fitted to frames and has nothing that a policy could improve.
        normalized_image: Whether frames arrive in [0, 1], which SB3 sees to. Set it to False along
            with the policy's ``normalize_images=False``.
        attention: Whether slots attend to each other and are pooled, instead of being flattened;
            a dict sets the sizes of :class:`slotenv.sb3.self_attention.SelfAttentionPooling`, as in
            ``{"width": 32}``. Needs slots (K, D), or frames.

    Raises:
        TypeError: If observations are frames, or no slots, and no ``encoder`` is given; if an
            argument is of the wrong kind.
        ValueError: If observations are slots and an ``encoder`` is given; if they are not the
            encoder's frames; if flat slots are to attend to each other.
        FileNotFoundError: If there is no such encoder and no saved agent told of it.

    Warns:
        UserWarning: If the first frames look nothing like those that an ``ObjectEncoder``
            was trained on. For other encoders pass ``env`` to :meth:`policy_kwargs`. If an
            ``ObjectEncoder`` is to be trained.

    Example:
        >>> slots = gym.spaces.Box(-1, 1, (5, 4))
        >>> SlotExtractor(slots).features_dim
        20
        >>> PPO("MlpPolicy", env, policy_kwargs=dict(features_extractor_class=SlotExtractor))
        ... # doctest: +SKIP
        >>> PPO("CnnPolicy", env, policy_kwargs=SlotExtractor.policy_kwargs("runs/pong"))
        ... # doctest: +SKIP
    """

    def __init__(
        self,
        observation_space: gym.Space[Any],
        encoder: str | os.PathLike[str] | dict[str, Any] | None = None,
        frozen: bool = True,
        normalized_image: bool = True,
        attention: Attention = False,
    ) -> None:
        user = type(self).__name__
        frozen = switch("frozen", frozen)
        normalized_image = switch("normalized_image", normalized_image)
        slots = slots_in(observation_space, user=user)
        frames = None
        if slots is not None:
            if encoder is not None or not frozen:
                raise ValueError(
                    f"{user} takes slots as they are, got {slots} with an encoder or frozen=False: "
                    "leave both out, as in policy_kwargs=dict(features_extractor_class="
                    "SlotExtractor), or give it frames instead of slots"
                )
            shape = slots.shape
        elif encoder is not None:
            frames = FrameEncoder(
                observation_space, encoder, frozen=frozen, normalized_image=normalized_image
            )
            shape = frames.shape
        else:
            raise TypeError(
                f"{user} needs slots, or an encoder that makes them of frames, got "
                f"{observation_space} and no encoder: type policy_kwargs="
                'SlotExtractor.policy_kwargs("pong"), or the name, folder or hub id of your '
                "encoder, or put slotenv.ObjectSlotObservation around the environment"
            )
        pooling = _pooling(attention, shape, user=user)
        super().__init__(
            observation_space, math.prod(shape) if pooling is None else pooling.features_dim
        )
        self.encoder = frames
        self.pooling = pooling

    def forward(self, observations: Tensor | dict[str, Tensor]) -> Tensor:
        """Turn slots (B, ...), alone or in a dict, or images (B, 3n, H, W) into features (B, F).

        F is ``features_dim``; images may also be (B, H, W, 3n).
        """
        slots = observations[SLOTS] if isinstance(observations, dict) else observations
        if self.encoder is not None:
            slots = self.encoder(slots)
        features: Tensor = slots.flatten(1) if self.pooling is None else self.pooling(slots)
        return features

    @classmethod
    def policy_kwargs(
        cls,
        encoder: str | os.PathLike[str] | None = None,
        frozen: bool = True,
        env: str | gym.Env[Any, Any] | VecEnv | None = None,
        attention: Attention = False,
        **more: Any,
    ) -> dict[str, Any]:
        """Return ``policy_kwargs`` for an algorithm of Stable-Baselines3.

        Args:
            encoder: For frames: a ready-made encoder (``"pong"``), a folder or a hub id.
            frozen: Whether the encoder is left as it is.
            env: What the agent will play, or its id. Its game is compared with the encoder's; if
                ``encoder`` is left out and there are no slots yet, the game's ready-made encoder is
                taken.
            attention: As for the class.
            **more: Other arguments of the policy, such as ``net_arch`` or ``normalize_images``.

        Raises:
            ValueError: If the game of ``env`` has no ready-made encoder and none is given.
            FileNotFoundError: If there is no such encoder.

        Warns:
            UserWarning: If ``env`` is another game than the encoder's.

        Example:
            >>> policy_kwargs = SlotExtractor.policy_kwargs("runs/pong", net_arch=[64])
            ... # doctest: +SKIP
            >>> SlotExtractor.policy_kwargs(attention=True)["features_extractor_kwargs"]
            {'frozen': True, 'normalized_image': True, 'attention': True}
        """
        if env is None:
            names: Sequence[str | None] = ()
        elif isinstance(env, str):
            names = (env,)
        else:
            names = names_of(env.unwrapped if isinstance(env, VecEnv) else env)
            if encoder is None and slots_in(env.observation_space, user=cls.__name__) is not None:
                names = ()
        if encoder is None and names:
            encoder = ready.for_environments(names, user=f"{cls.__name__}.policy_kwargs")
        kwargs = {
            "frozen": switch("frozen", frozen),
            "normalized_image": more.get("normalize_images", True),
            "attention": attention,
        }
        if encoder is not None:
            kwargs["encoder"] = config = config_of(encoder)
            for name in names:
                check_game(name, config.get("provenance", {}).get("env_id"), user=cls.__name__)
        return {"features_extractor_class": cls, "features_extractor_kwargs": kwargs, **more}


def _pooling(
    attention: Attention, shape: tuple[int, ...], *, user: str
) -> SelfAttentionPooling | None:
    """Return what pools slots (K, D), or those of n frames, (n, K, D); None if nothing does."""
    if not isinstance(attention, dict):
        if not switch("attention", attention):
            return None
        attention = {}
    if len(shape) == 1:
        raise ValueError(
            f"{user}: attention needs to know which numbers are one slot's, shape (K, D), got flat "
            f"slots {shape}: use flatten=False where they are made, or leave attention out"
        )
    *frames, num_slots, slot_dim = shape
    return SelfAttentionPooling(num_slots, slot_dim * math.prod(frames), **attention)
