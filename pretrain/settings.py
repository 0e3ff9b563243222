"""Settings of an objective as the command line has them: NAME=VALUE texts."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable


def parse_settings(texts: Iterable[str]) -> dict[str, int | float | bool]:
    """Turn NAME=VALUE texts into keyword arguments; values are finite numbers, true or false.

    Raises:
        ValueError: If a text is something else, or a name is given twice.
    """
    parsed: dict[str, int | float | bool] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.isidentifier():
            raise ValueError(f"settings are NAME=VALUE, got {text!r}")
        if name in parsed:
            raise ValueError(f"setting {name!r} is given twice")
        parsed[name] = _number(value, text)
    return parsed


def _number(value: str, text: str) -> int | float | bool:
    try:
        number = json.loads(value.lower() if value in ("True", "False") else value)
        if isinstance(number, int | float) and math.isfinite(number):
            return number
    except (ValueError, OverflowError, RecursionError):
        pass  # no JSON, more digits than numbers have, or nested without end
    raise ValueError(f"{value[:60]!r} in {text[:60]!r} is no finite number, true or false")
