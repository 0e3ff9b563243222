"""Slots for Stable-Baselines3: wrappers, extractors, a whole stack in one call.

Each name is imported on first use.
"""

import importlib
from typing import TYPE_CHECKING, Any

_HOMES = {
    "AtariVecEnv": "slotenv.sb3.atari",
    "SlotExtractor": "slotenv.sb3.extractor",
    "SlotSetExtractor": "slotenv.sb3.set_extractor",
    "VecClipReward": "slotenv.sb3.atari",
    "VecEpisodicLives": "slotenv.sb3.atari",
    "VecObjectSlotObservation": "slotenv.sb3.wrapper",
    "make_slot_vec_env": "slotenv.sb3.wrapper",
}

__all__ = sorted(_HOMES)

if TYPE_CHECKING:
    from slotenv.sb3.atari import AtariVecEnv as AtariVecEnv
    from slotenv.sb3.atari import VecClipReward as VecClipReward
    from slotenv.sb3.atari import VecEpisodicLives as VecEpisodicLives
    from slotenv.sb3.extractor import SlotExtractor as SlotExtractor
    from slotenv.sb3.set_extractor import SlotSetExtractor as SlotSetExtractor
    from slotenv.sb3.wrapper import VecObjectSlotObservation as VecObjectSlotObservation
    from slotenv.sb3.wrapper import make_slot_vec_env as make_slot_vec_env


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'slotenv.sb3' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
