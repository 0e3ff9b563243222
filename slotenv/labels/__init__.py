"""Object coordinates read from the console's RAM, as the paper reads them and as the screen shows.

A new game under the ``pixel`` view is one entry in ``tables_pixel.py`` and its rows in
``tests/labels/test_poke.py``.
"""

from slotenv.labels.base import Affine, Always, ByteWithin, GameLabels, Label, LabelValues
from slotenv.labels.tables import find_game, labelled_games, labels_for

__all__ = [
    "Affine",
    "Always",
    "ByteWithin",
    "GameLabels",
    "Label",
    "LabelValues",
    "find_game",
    "labelled_games",
    "labels_for",
]
