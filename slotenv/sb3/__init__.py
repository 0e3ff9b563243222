"""Slots for Stable-Baselines3: a ``VecEnv`` wrapper, a fast Atari ``VecEnv``, a whole stack.

Each name is imported on first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_HOMES = {
    "AtariVecEnv": "slotenv.sb3.atari",
    "VecClipReward": "slotenv.sb3.rewards",
    "VecEpisodicLives": "slotenv.sb3.rewards",
    "VecObjectSlotObservation": "slotenv.sb3.wrapper",
    "make_slot_vec_env": "slotenv.sb3.stack",
}

__all__ = [
    "AtariVecEnv",
    "VecClipReward",
    "VecEpisodicLives",
    "VecObjectSlotObservation",
    "make_slot_vec_env",
]

if TYPE_CHECKING:
    from slotenv.sb3.atari import AtariVecEnv
    from slotenv.sb3.rewards import VecClipReward, VecEpisodicLives
    from slotenv.sb3.stack import make_slot_vec_env
    from slotenv.sb3.wrapper import VecObjectSlotObservation


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'slotenv.sb3' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
