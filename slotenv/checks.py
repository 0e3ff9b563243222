"""Checks of arguments: switches, numbers within bounds, shapes; NumPy's types count as well."""

import math
import operator
import reprlib

import numpy as np
from numpy.typing import ArrayLike


def switch(name: str, value: object) -> bool:
    """Return a switch as a bool; anything but True and False is a TypeError."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be True or False, got {reprlib.repr(value)}")
    return bool(value)


def whole_number(
    name: str, value: object, *, low: int | None = None, high: int | None = None
) -> int:
    """Return a whole number from ``low`` to ``high`` as an int.

    Another kind of value is a TypeError, a number out of bounds a ValueError.
    """
    if isinstance(value, bool | np.bool_) or not hasattr(value, "__index__"):
        raise TypeError(f"{name} must be a whole number, got {reprlib.repr(value)}")
    whole = operator.index(value)
    _check_bounds(name, whole, low, high)
    return whole


def number(name: str, value: object, *, low: float, high: float) -> float:
    """Return a number from ``low`` to ``high`` as a float; errors as for :func:`whole_number`."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        raise TypeError(f"{name} must be a number, got {reprlib.repr(value)}")
    _check_bounds(name, float(value), low, high)
    return float(value)


def finite_number(name: str, value: object, *, zero: bool = False) -> float:
    """Return a finite number above 0, or with ``zero`` from 0 on, as a float; errors as there."""
    plain = number(name, value, low=-math.inf, high=math.inf)
    if not (plain > 0 or (zero and plain == 0)) or plain == math.inf:
        least = "at least" if zero else "above"
        raise ValueError(f"{name} must be finite and {least} 0, got {value}")
    return plain


def shape(name: str, array: ArrayLike, *sizes: int | str) -> None:
    """Raise a ValueError if an array or tensor has another shape, or an axis of size 0.

    Each of ``sizes`` is a number for an axis of that size, or a word for an axis of any size.
    """
    found = np.shape(array)
    fits = len(found) == len(sizes) and all(
        size == wanted or isinstance(wanted, str) for size, wanted in zip(found, sizes, strict=True)
    )
    if not fits or 0 in found:
        wanted = ", ".join(map(str, sizes))
        raise ValueError(f"{name} must be ({wanted}) and not empty, got shape {tuple(found)}")


def finite(name: str, array: ArrayLike) -> None:
    """Raise a ValueError if there are NaN or infinite numbers."""
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, got NaN or infinite numbers")


def _check_bounds(name: str, value: float, low: float | None, high: float | None) -> None:
    inside = (low is None or low <= value) and (high is None or value <= high)
    if not inside:  # NaN is not, either
        bounds = f"be at least {low}" if high is None else f"lie in {low}..{high}"
        raise ValueError(f"{name} must {bounds}, got {value}")
