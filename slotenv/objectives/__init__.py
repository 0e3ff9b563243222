"""Objectives by name. A new one is a file here, a line in the table and a test."""

from slotenv.objectives.base import (
    DataFacts,
    Objective,
    ObjectiveOutput,
    Transition,
    diagonal_cross_entropy,
)
from slotenv.objectives.slot_contrastive import SlotContrastive
from slotenv.objectives.supervised import Supervised

OBJECTIVES: dict[str, type[Objective]] = {
    "scn": SlotContrastive,
    "supervised": Supervised,
}

__all__ = [
    "OBJECTIVES",
    "DataFacts",
    "Objective",
    "ObjectiveOutput",
    "SlotContrastive",
    "Supervised",
    "Transition",
    "diagonal_cross_entropy",
]
