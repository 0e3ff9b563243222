"""Video Pinball. The flippers are left out: their bytes are states, not coordinates."""

from __future__ import annotations

from slotenv.labels.base import Affine
from slotenv.labels.pixel import At, ScreenObject

OBJECTS = (ScreenObject("ball", x=At(67), y=At(68, Affine(offset=-3))),)
