"""Encoders by name. A new one is a file here, an import below and a test."""

from slotenv.encoders.base import SlotEncoder
from slotenv.encoders.description import SlotDescription
from slotenv.encoders.encoding import BOX_FIELDS, SlotOutput, to_unit_float
from slotenv.encoders.fitted import FittedEncoder
from slotenv.encoders.global_vector import GlobalVectorEncoder
from slotenv.encoders.object_mixture import ObjectMixtureEncoder
from slotenv.encoders.objects import ObjectEncoder
from slotenv.encoders.readout import SLOT_FIELDS
from slotenv.encoders.saving import ENCODERS
from slotenv.encoders.slot_attention import SlotAttentionEncoder
from slotenv.encoders.slot_maps import SlotMapEncoder

__all__ = [
    "BOX_FIELDS",
    "ENCODERS",
    "SLOT_FIELDS",
    "FittedEncoder",
    "GlobalVectorEncoder",
    "ObjectEncoder",
    "ObjectMixtureEncoder",
    "SlotAttentionEncoder",
    "SlotDescription",
    "SlotEncoder",
    "SlotMapEncoder",
    "SlotOutput",
    "to_unit_float",
]
