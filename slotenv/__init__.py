"""Object slots for reinforcement learning from pixels, learned without labels.

Everything here is imported on first use: Stable-Baselines3 is loaded only by what needs it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "ObjectSlotObservation": "slotenv.wrapper",
    "SlotEncoder": "slotenv.encoders",
    "SlotExtractor": "slotenv.extractor",
    "SlotSetExtractor": "slotenv.set_extractor",
    "encoders": "slotenv.encoders",
    "labels": "slotenv.labels",
    "make_env": "slotenv.environments",
    "objectives": "slotenv.objectives",
    "preset_for": "slotenv.environments",
    "probe": "slotenv.probe",
    "ready": "slotenv.ready",
    "sb3": "slotenv.sb3",
    "vector": "slotenv.vector",
}

__all__ = [
    "ObjectSlotObservation",
    "SlotEncoder",
    "SlotExtractor",
    "SlotSetExtractor",
    "__version__",
    "encoders",
    "labels",
    "make_env",
    "objectives",
    "preset_for",
    "probe",
    "ready",
    "sb3",
    "vector",
]

if TYPE_CHECKING:
    from slotenv import encoders as encoders
    from slotenv import labels as labels
    from slotenv import objectives as objectives
    from slotenv import probe as probe
    from slotenv import ready as ready
    from slotenv import sb3 as sb3
    from slotenv import vector as vector
    from slotenv.encoders import SlotEncoder
    from slotenv.environments import make_env, preset_for
    from slotenv.extractor import SlotExtractor
    from slotenv.set_extractor import SlotSetExtractor
    from slotenv.wrapper import ObjectSlotObservation


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'slotenv' has no attribute {name!r}")
    home = importlib.import_module(_HOMES[name])
    return home if _HOMES[name] == f"slotenv.{name}" else getattr(home, name)


def __dir__() -> list[str]:
    return sorted(__all__)
