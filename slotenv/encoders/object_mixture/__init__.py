"""An encoder whose slots are objects, found as a mixture over foreground pixels."""

from slotenv.encoders.object_mixture.encoder import ObjectMixtureEncoder

__all__ = ["ObjectMixtureEncoder"]
