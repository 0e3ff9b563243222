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
    "SlotExtractor": "slotenv.sb3.extractor",
    "SlotSetExtractor": "slotenv.sb3.set_extractor",
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

__all__ = sorted([*_HOMES, "__version__"])

if TYPE_CHECKING:
    from slotenv import encoders as encoders
    from slotenv import labels as labels
    from slotenv import objectives as objectives
    from slotenv import probe as probe
    from slotenv import ready as ready
    from slotenv import sb3 as sb3
    from slotenv import vector as vector
    from slotenv.encoders import SlotEncoder as SlotEncoder
    from slotenv.environments import make_env as make_env
    from slotenv.environments import preset_for as preset_for
    from slotenv.sb3.extractor import SlotExtractor as SlotExtractor
    from slotenv.sb3.set_extractor import SlotSetExtractor as SlotSetExtractor
    from slotenv.wrapper import ObjectSlotObservation as ObjectSlotObservation


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'slotenv' has no attribute {name!r}")
    home = importlib.import_module(_HOMES[name])
    return home if _HOMES[name] == f"slotenv.{name}" else getattr(home, name)


def __dir__() -> list[str]:
    return __all__
