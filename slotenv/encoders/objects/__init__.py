"""An encoder whose slots are objects: connected pieces, told apart by look, place and order."""

from slotenv.encoders.objects.encoder import ObjectEncoder

__all__ = ["ObjectEncoder"]
