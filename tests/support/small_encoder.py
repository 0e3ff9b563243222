"""An encoder outside the package, in a module that other processes can import."""

from __future__ import annotations

from slotenv.encoders import SlotMapEncoder


class SmallEncoder(SlotMapEncoder):
    """The paper's, under a name of its own."""

    architecture = "small_maps"
