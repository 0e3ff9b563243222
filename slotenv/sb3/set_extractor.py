"""A Stable-Baselines3 features extractor for slot observations: slots are a set, not a vector."""

from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium.spaces import Box
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor, nn


class SlotSetExtractor(BaseFeaturesExtractor):
    """Features of K slots: one network for all slots, attention between them, pooling over them.

    For use with ``"MlpPolicy"`` on observations of :class:`slotenv.ObjectSlotObservation`, shape
    (K, D). More numbers per slot are fine: those of motion, or (K, n * D) under
    ``VecFrameStack``. Compared with flattened slots, what is learned about one slot holds for all,
    and the size of the policy does not grow with K.

    Each slot goes through a shared two-layer network, one layer of pre-norm self-attention
    (https://arxiv.org/abs/2002.04745) lets slots see each other, and the mean and the maximum over
    slots become the features.

    Args:
        observation_space: Box of floats, (K, D).
        features_dim: Number of features.
        width: Numbers per slot inside; a multiple of ``heads``.
        heads: Attention heads.
        identity: Whether each slot has a learned vector of its own, which tells the slots apart.
            slotenv's encoders keep their slots in order, so a slot's number means something.
            Without it, features do not depend on the order of slots.

    Raises:
        TypeError: If the space is no Box of floats.
        ValueError: If its shape is not (K, D), or ``width`` is no multiple of ``heads``.

    Example:
        >>> env = ObjectSlotObservation(gym.make("ALE/Pong-v5"), "runs/pong")  # doctest: +SKIP
        >>> PPO("MlpPolicy", env, policy_kwargs=SlotSetExtractor.policy_kwargs())
        ... # doctest: +SKIP
    """

    def __init__(
        self,
        observation_space: gym.Space[Any],
        features_dim: int = 128,
        width: int = 64,
        heads: int = 4,
        identity: bool = True,
    ) -> None:
        shape = observation_space.shape or ()
        is_box = isinstance(observation_space, Box)
        floats = is_box and np.issubdtype(observation_space.dtype, np.floating)
        if not floats or len(shape) != 2 or min(shape) == 0:
            hint = (
                "Use ObjectSlotObservation(..., flatten=False), or leave this extractor out: "
                "MlpPolicy takes vectors as they are."
                if len(shape) == 1
                else "Put slotenv.ObjectSlotObservation around the environment, or use "
                "slotenv.SlotExtractor for pixels."
            )
            raise (ValueError if floats else TypeError)(
                "SlotSetExtractor needs slots, a Box of floats of shape (K, D), K and D positive, "
                f"got {observation_space}. {hint}"
            )
        num_slots, slot_dim = shape
        if min(features_dim, width, heads) < 1 or width % heads:
            raise ValueError(
                "SlotSetExtractor needs positive sizes and a width that heads divide, got "
                f"features_dim={features_dim}, width={width}, heads={heads}"
            )
        super().__init__(observation_space, features_dim)
        self.lift = nn.Linear(slot_dim, width)
        # Inside the shared network: there it lets one network treat slots differently.
        self.slot_identity = nn.Parameter(0.1 * torch.randn(num_slots, width)) if identity else None
        self.slot_network = nn.Sequential(nn.ReLU(), nn.Linear(width, width))
        self.norm = nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.head = nn.Sequential(nn.Linear(2 * width, features_dim), nn.ReLU())

    def forward(self, observations: Tensor) -> Tensor:
        """Turn slots (B, K, D) into features (B, features_dim)."""
        lifted = self.lift(observations)  # (B, K, width)
        if self.slot_identity is not None:
            lifted = lifted + self.slot_identity
        slots = self.slot_network(lifted)
        normed = self.norm(slots)
        attended, _ = self.attention(normed, normed, normed, need_weights=False)
        slots = slots + attended
        pooled = torch.cat([slots.mean(dim=1), slots.amax(dim=1)], dim=-1)  # (B, 2 * width)
        features: Tensor = self.head(pooled)
        return features

    @classmethod
    def policy_kwargs(
        cls,
        features_dim: int = 128,
        width: int = 64,
        heads: int = 4,
        identity: bool = True,
        **more: Any,
    ) -> dict[str, Any]:
        """Return ``policy_kwargs`` for an algorithm of Stable-Baselines3.

        The arguments are those of the class, and others of the policy, such as ``net_arch``.

        Example:
            >>> SlotSetExtractor.policy_kwargs(identity=False, net_arch=[64])["net_arch"]
            [64]
        """
        sizes = {"features_dim": features_dim, "width": width, "heads": heads}
        kwargs = {**sizes, "identity": identity}
        return {"features_extractor_class": cls, "features_extractor_kwargs": kwargs, **more}
