"""Object slots for reinforcement learning from pixels, learned without labels.

Importing it registers Gymnasium's ids of ale-py and of games seen as slots, ``Pong-slots-v0``.
All else is imported on first use: PyTorch and Stable-Baselines3 are loaded by what needs them.
"""

import importlib
from typing import TYPE_CHECKING, Any

from slotenv.registration import register_ids
from slotenv.version import __version__ as __version__

_MODULES = ("encoders", "labels", "objectives", "probe", "ready", "sb3", "vector")
_HOMES = {
    "ObjectSlotObservation": "slotenv.wrapper",
    "RecordLabels": "slotenv.record_labels",
    "SlotDescription": "slotenv.encoders",
    "SlotEncoder": "slotenv.encoders",
    "SlotExtractor": "slotenv.sb3",
    "SlotSetExtractor": "slotenv.sb3",
    "make_env": "slotenv.environments",
    "preset_for": "slotenv.environments",
}

__all__ = sorted([*_MODULES, *_HOMES, "__version__"])

if TYPE_CHECKING:
    from slotenv import encoders as encoders
    from slotenv import labels as labels
    from slotenv import objectives as objectives
    from slotenv import probe as probe
    from slotenv import ready as ready
    from slotenv import sb3 as sb3
    from slotenv import vector as vector
    from slotenv.encoders import SlotDescription as SlotDescription
    from slotenv.encoders import SlotEncoder as SlotEncoder
    from slotenv.environments import make_env as make_env
    from slotenv.environments import preset_for as preset_for
    from slotenv.record_labels import RecordLabels as RecordLabels
    from slotenv.sb3 import SlotExtractor as SlotExtractor
    from slotenv.sb3 import SlotSetExtractor as SlotSetExtractor
    from slotenv.wrapper import ObjectSlotObservation as ObjectSlotObservation

register_ids()


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"slotenv.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'slotenv' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
