"""Where :class:`slotenv.SlotSetExtractor` was in version 0.1.0: saved agents name this module."""

from slotenv.sb3.set_extractor import SlotSetExtractor as SlotSetExtractor
