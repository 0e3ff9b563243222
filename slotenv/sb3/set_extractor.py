"""The older name of a :class:`slotenv.SlotExtractor` with attention over slots."""

from typing import Any

import gymnasium as gym
from torch import nn

from slotenv.sb3.extractor import SlotExtractor

_SIZES = ("features_dim", "width", "heads", "identity")
_POOLING = "pooling."


class SlotSetExtractor(SlotExtractor):
    """``SlotExtractor(observation_space, attention=sizes)`` under its older name.

    New code takes :class:`slotenv.SlotExtractor`, which does the same and takes frames as well.
    Agents that were saved with this class are loaded as before.

    Args:
        observation_space: Slots (K, D), as for :class:`slotenv.SlotExtractor`.
        **sizes: What :class:`slotenv.sb3.self_attention.SelfAttentionPooling` takes.

    Raises:
        TypeError: If the observations are no slots.
        ValueError: If slots are flat, or sizes do not fit each other.

    Example:
        >>> env = ObjectSlotObservation(gym.make("ALE/Pong-v5"))  # doctest: +SKIP
        >>> PPO("MlpPolicy", env, policy_kwargs=SlotSetExtractor.policy_kwargs())
        ... # doctest: +SKIP
    """

    def __init__(self, observation_space: gym.Space[Any], **sizes: Any) -> None:
        super().__init__(observation_space, attention=sizes)
        self.register_load_state_dict_pre_hook(_rename_weights)  # type: ignore[no-untyped-call]

    @classmethod
    def policy_kwargs(cls, **more: Any) -> dict[str, Any]:  # type: ignore[override]
        """Return ``policy_kwargs`` for an algorithm of Stable-Baselines3.

        The arguments are those of the class, and others of the policy, such as ``net_arch``.

        Example:
            >>> SlotSetExtractor.policy_kwargs(identity=False, net_arch=[64])["net_arch"]
            [64]
        """
        kwargs = {name: more.pop(name) for name in _SIZES if name in more}
        return {"features_extractor_class": cls, "features_extractor_kwargs": kwargs, **more}


def _rename_weights(module: nn.Module, state: dict[str, Any], prefix: str, *_: Any) -> None:
    """Give weights of agents saved when there was no module of this name between the names."""
    for name in [n for n in state if n.startswith(prefix)]:
        own = name.removeprefix(prefix)
        if not own.startswith(_POOLING):
            state[prefix + _POOLING + own] = state.pop(name)
