"""Sizes of encoders: whole numbers within bounds, so that no config asks for endless memory."""

from __future__ import annotations

import operator
import reprlib
from typing import SupportsIndex

MOST_SLOTS = 1024
"""Upper limit of K, far above the number of things on a screen."""

MOST_NUMBERS = 1024
"""Upper limit of D; the largest in the literature is 256."""

_MOST_WEIGHTS = 2**28  # of a layer: 1 GiB of float32


def check_size(name: str, value: SupportsIndex, *, most: int) -> int:
    """Return a size as a Python int.

    Args:
        name: What it is called, for the message.
        value: A whole number; NumPy's count as well.
        most: The largest that makes sense.

    Raises:
        TypeError: If it is no whole number.
        ValueError: If it is not in 1 to ``most``.
    """
    # NumPy's booleans are no indices by themselves, Python's are.
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{name} must be a whole number, got {reprlib.repr(value)}")
    size = operator.index(value)
    if size < 1:
        raise ValueError(f"{name} must be positive, got {size}")
    if size > most:
        raise ValueError(f"{name} must be at most {most}, got {size}")
    return size


def check_layer(inputs: int, outputs: int) -> None:
    """Raise if a linear layer would be too large to be meant.

    Raises:
        ValueError: If it has more than 2**28 weights.
    """
    if inputs * outputs > _MOST_WEIGHTS:
        raise ValueError(
            f"a linear layer of {inputs:,} x {outputs:,} weights is more than 1 GiB: take fewer or "
            "shorter slots, or smaller frames"
        )
