"""Object coordinates read from the console's RAM, as the paper reads them and as the screen shows.

A new game under the ``pixel`` view is one file in ``pixel/``; ``python -m pretrain upkeep labels
check --games <game>`` must pass.
"""

from slotenv.labels.base import (
    Affine,
    AllOf,
    Always,
    AnyOf,
    ByteWithin,
    Either,
    FirstOfThree,
    GameLabels,
    Label,
    LabelValues,
    Modular,
    Nibbles,
    Signed,
    ValueWithin,
)
from slotenv.labels.tables import find_game, labelled_games, labels_for

__all__ = [
    "Affine",
    "AllOf",
    "Always",
    "AnyOf",
    "ByteWithin",
    "Either",
    "FirstOfThree",
    "GameLabels",
    "Label",
    "LabelValues",
    "Modular",
    "Nibbles",
    "Signed",
    "ValueWithin",
    "find_game",
    "labelled_games",
    "labels_for",
]
