"""Means with their standard errors, and how tables write them."""

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

NONE = "–"  # noqa: RUF001 (a dash)
_EXPLODED = 100.0  # no R2 that means anything is this far from [-1, 1]


class Estimate(NamedTuple):
    """A mean and its standard error, None for a single value."""

    mean: float
    error: float | None


def estimate(values: Iterable[float | None]) -> Estimate | None:
    """Return mean and standard error of the values that are defined, None if none is."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    error = float(np.std(known, ddof=1) / math.sqrt(len(known))) if len(known) > 1 else None
    return Estimate(float(np.mean(known)), error)


def mean(values: Iterable[float | None]) -> float | None:
    """Return the mean of the values that are defined, None if none is."""
    found = estimate(values)
    return found.mean if found else None


def number(value: float | None, digits: int = 3) -> str:
    """Write a score: with so many decimals, or two digits of an exploded one."""
    return NONE if value is None else f"{value:{_form(value, digits)}}"


def show(found: Estimate | None, digits: int = 3) -> str:
    """Write a mean, with its standard error where there is one."""
    if found is None or found.error is None:
        return number(found and found.mean, digits)
    return f"{number(found.mean, digits)} ± {found.error:{_form(found.mean, digits)}}"


def _form(value: float, digits: int) -> str:
    return f".{digits}f" if abs(value) < _EXPLODED else ".1e"
