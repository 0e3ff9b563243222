"""Objectives by name. A new one is a file here, a line in the table and a test."""

from collections.abc import Callable

from slotenv.objectives.base import Objective, ObjectiveOutput, diagonal_cross_entropy
from slotenv.objectives.slot_contrastive import SlotContrastive

OBJECTIVES: dict[str, Callable[..., Objective]] = {"scn": SlotContrastive}

__all__ = [
    "OBJECTIVES",
    "Objective",
    "ObjectiveOutput",
    "SlotContrastive",
    "diagonal_cross_entropy",
]
