"""Methods from outside the package, handed to processes that have not registered them.

A script adds its method to the tables by name; a process that it starts imports the package anew
and has the tables as they come. So the tables travel along, their classes by where they are
defined.
"""

from __future__ import annotations

import pickle
from typing import NamedTuple

from pretrain.methods import METHODS, Method
from slotenv.encoders import ENCODERS, SlotEncoder
from slotenv.objectives import OBJECTIVES, Objective


class Tables(NamedTuple):
    """What this process knows by name: its methods, objectives and encoders."""

    methods: dict[str, Method]
    objectives: dict[str, type[Objective]]
    encoders: dict[str, type[SlotEncoder]]


def tables() -> Tables:
    """Return the tables of this process."""
    return Tables(dict(METHODS), dict(OBJECTIVES), dict(ENCODERS))


def register(known: Tables) -> None:
    """Add the tables of another process to those of this one."""
    METHODS.update(known.methods)
    OBJECTIVES.update(known.objectives)
    ENCODERS.update(known.encoders)


def pack() -> bytes:
    """Return the tables of this process in a form for :func:`unpack` in another one.

    Raises:
        ValueError: If a class in them is defined where no other process can find it.
    """
    try:
        return pickle.dumps(tables())
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise ValueError(f"{_CANNOT} ({error}): {_REMEDY}") from error


def unpack(content: bytes) -> None:
    """Add the tables that another process packed to those of this one.

    Raises:
        ValueError: If a class in them is defined where this process cannot find it.
    """
    try:
        register(pickle.loads(content))
    except (pickle.UnpicklingError, AttributeError, ImportError) as error:
        raise ValueError(f"{_CANNOT} ({error}): {_REMEDY}") from error


_CANNOT = "a method cannot be handed to the process that trains it"
_REMEDY = "define its objective and encoder at the top of a module, not inside a function"
