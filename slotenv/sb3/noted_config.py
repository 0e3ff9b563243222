"""The config of an encoder that was given by name, noted on the observation space.

Stable-Baselines3 saves an agent's observation space and hands it to the extractor when the agent is
loaded. The note on it says how to build the encoder, and the agent has the weights, so the agent
can be loaded where the encoder's folder is not. Only a note that comes out of a saved agent is
read: a new agent gets what its encoder's folder holds now.
"""

from __future__ import annotations

import os
from typing import Any

import gymnasium as gym

from slotenv import checkpoint

FOLDER = "folder"
"""Beside an encoder's config: where it was read, and its weights are unless an agent has them."""
_ATTRIBUTE = "_slotenv_configs"


class _Notes(dict[str, dict[str, Any]]):
    """Configs by the names that the encoders were given; ``saved`` after a pickle."""

    saved = False

    def __reduce__(self) -> tuple[Any, ...]:
        return _from_pickle, (dict(self),)


def _from_pickle(configs: dict[str, dict[str, Any]]) -> _Notes:
    notes = _Notes(configs)
    notes.saved = True
    return notes


def config_of(encoder: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the config of an encoder, and under :data:`FOLDER` where it lies.

    Raises:
        TypeError: If ``encoder`` is neither a name nor a folder.
        FileNotFoundError: If there is no such encoder.
    """
    folder = checkpoint.find_folder(encoder).resolve()
    return {**checkpoint.read_config(folder), FOLDER: str(folder)}


def noted_config(space: gym.Space[Any], encoder: str | os.PathLike[str]) -> dict[str, Any]:
    """Return what a saved agent noted of an encoder; else its config now, which is noted.

    Raises:
        TypeError: If ``encoder`` is neither a name nor a folder.
        FileNotFoundError: If there is no such encoder and no note of it.
    """
    notes = getattr(space, _ATTRIBUTE, None) or _Notes()
    if notes.saved and isinstance(encoder, str | os.PathLike) and os.fspath(encoder) in notes:
        return notes[os.fspath(encoder)]
    config = config_of(encoder)
    notes[os.fspath(encoder)] = config
    setattr(space, _ATTRIBUTE, notes)
    return config
