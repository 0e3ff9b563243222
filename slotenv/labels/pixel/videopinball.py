"""Video Pinball. The flippers are left out: their bytes are states, not coordinates."""

from slotenv.labels.base import Affine, At, ScreenObject

OBJECTS = (ScreenObject("ball", x=At(67), y=At(68, Affine(offset=-3))),)
