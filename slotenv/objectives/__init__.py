"""Objectives by name. A new one is a file here, a line in the table and a test."""

from slotenv.objectives.base import (
    DataFacts,
    Objective,
    ObjectiveOutput,
    Transition,
    diagonal_cross_entropy,
)
from slotenv.objectives.cswm import StructuredWorldModel
from slotenv.objectives.reconstruction import SlotReconstruction
from slotenv.objectives.slot_contrastive import SlotContrastive
from slotenv.objectives.st_dim import SpatioTemporalDeepInfoMax
from slotenv.objectives.supervised import Supervised

OBJECTIVES: dict[str, type[Objective]] = {
    "cswm": StructuredWorldModel,
    "reconstruction": SlotReconstruction,
    "scn": SlotContrastive,
    "st_dim": SpatioTemporalDeepInfoMax,
    "supervised": Supervised,
}
"""Objective classes by the name that methods and records have."""

__all__ = [
    "OBJECTIVES",
    "DataFacts",
    "Objective",
    "ObjectiveOutput",
    "SlotContrastive",
    "SlotReconstruction",
    "SpatioTemporalDeepInfoMax",
    "StructuredWorldModel",
    "Supervised",
    "Transition",
    "diagonal_cross_entropy",
]
