"""An encoder whose slots are objects, found as a mixture over foreground pixels."""

from slotenv.encoders.encoding import BOX_FIELDS
from slotenv.encoders.object_mixture.encoder import ObjectMixtureEncoder
from slotenv.encoders.object_mixture.readout import SLOT_FIELDS

__all__ = ["BOX_FIELDS", "SLOT_FIELDS", "ObjectMixtureEncoder"]
