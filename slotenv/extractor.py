"""Where :class:`slotenv.SlotExtractor` was in version 0.1.0: saved agents name this module."""

import importlib
import os
from typing import Any

from slotenv.sb3.extractor import SlotExtractor as SlotExtractor


def _restore(module: str, name: str, configs: dict[str, dict[str, Any]]) -> Any:
    """Return the class of an agent's extractor; agents of 0.1.0 call this when they are loaded.

    ``configs`` are those of the encoders that the agent names, which need not be there any more.
    """
    extractor = getattr(importlib.import_module(module), name)
    if not configs:
        return extractor

    def init(self: Any, observation_space: Any, encoder: Any, *args: Any, **kwargs: Any) -> None:
        if not isinstance(encoder, dict):
            place = os.fspath(encoder)
            encoder = {**configs[place], "folder": place}
        extractor.__init__(self, observation_space, encoder, *args, **kwargs)

    # A class of its own, which is pickled with the configs if the agent is saved again.
    return type(name, (extractor,), {"__init__": init})
