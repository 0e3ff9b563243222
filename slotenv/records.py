"""Records: how all JSON of slotenv is written and read.

A record is written with a digest of itself, so that no changed number passes for a measured one. It
is read against a declaration of its fields, a dataclass or ``TypedDict`` with :data:`STRICT` as its
``__pydantic_config__``: types are not converted, unknown fields are errors, numbers are finite. The
error names the file, the field, what came and what is needed. Records of version 0.1.0 have no
digest and no ``format`` or format 1, and are read as well.
"""

import hashlib
import json
import math
import os
import reprlib
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, TypeVar, cast

import numpy as np
import pydantic
import pydantic_core
from pydantic import ConfigDict, Field, TypeAdapter

from slotenv.atomic import read_file, write_atomic

STRICT = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)
"""For declarations whose fields are all known."""
OPEN = ConfigDict(strict=True, extra="allow", allow_inf_nan=False)
"""For declarations of a few fields among others, such as what a user may add to."""

Count = Annotated[int, Field(ge=0, le=2**53)]
"""A number of things: whole, not negative, exact in every JSON reader."""
Positive = Annotated[int, Field(ge=1, le=2**53)]
Text = Annotated[str, Field(max_length=100_000)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]

DIGEST = "digest"
_MOST_BYTES = 1 << 28  # of a file of JSON: a million rows; what is larger is none of ours
_LARGEST = 2**63  # of whole numbers in fields of any type
_short = reprlib.Repr()
_short.maxstring = _short.maxother = _short.maxlong = 60

_adapter = cache(TypeAdapter)

T = TypeVar("T")


class Damaged(ValueError):
    """A file that is damaged, foreign or of another version; the message names it."""


def dumps(record: Any, *, indent: int | None = None) -> str:
    """Return a record, a dataclass or mapping, as JSON text with its digest.

    NumPy numbers, tuples and paths in it become plain values.

    Raises:
        ValueError: If a number is not finite or a value has no JSON form.
    """
    plain = {key: value for key, value in _plain(record).items() if key != DIGEST}
    return json.dumps({**plain, DIGEST: _digest(plain)}, indent=indent, allow_nan=False)


def loads(content: bytes | str, kind: type[T], *, where: str, remedy: str, newest: int = 1) -> T:
    """Read one record.

    Args:
        content: JSON text.
        kind: Its declaration.
        where: The file, and line if there are several, for errors.
        remedy: What the user is to do about a damaged one, for errors.
        newest: The highest ``format`` that is known, of records that have one.

    Raises:
        Damaged: If the text is no such record, was changed, or is of a newer format.
    """
    try:
        parsed = pydantic_core.from_json(content, allow_inf_nan=False)
    except ValueError as error:
        raise Damaged(f"{where} is not valid JSON ({error}): {remedy}") from error
    if not isinstance(parsed, dict):
        raise Damaged(f"{where} must be a JSON object, not {_short.repr(parsed)}: {remedy}")
    if (odd := _odd_number(parsed)) is not None:
        raise Damaged(f"{where}: {_short.repr(odd)} is out of the range of numbers: {remedy}")
    layout = parsed.get("format", 1)
    if isinstance(layout, int) and layout > newest:
        raise Damaged(
            f"{where} has format {layout}, written by a newer slotenv; this one reads formats up "
            f"to {newest}: install the newer one"
        )
    digest = parsed.pop(DIGEST, None)
    # Fields before the digest: an error that names the field says more.
    record = check(parsed, kind, where=where, remedy=remedy)
    if digest is None and layout != 1:
        raise Damaged(f"{where} has no {DIGEST!r}, so that it cannot be trusted: {remedy}")
    if digest is not None and digest != _digest(parsed):
        raise Damaged(f"{where} was changed since it was written (its digest differs): {remedy}")
    return record


def check(parsed: Mapping[str, Any], kind: type[T], *, where: str, remedy: str) -> T:
    """Compare parsed JSON with a declaration and return it in that form.

    Raises:
        Damaged: If a field is missing, unknown, of another type or out of bounds.
    """
    try:
        return cast(T, _adapter(cast(Any, kind)).validate_json(json.dumps(parsed)))
    except pydantic.ValidationError as error:
        first, *others = error.errors(include_url=False, include_context=False)
    field = ".".join(map(str, first["loc"])) or "the record"
    if first["type"] in ("missing", "missing_argument"):
        said = f"field {field!r} is missing"
    elif first["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        said = f"there is no field {field!r}"
    else:
        message = first["msg"].removeprefix("Value error, ").replace("Input should", "should")
        message = message[:1].lower() + message[1:]
        said = f"field {field!r} is {_short.repr(first['input'])}, {message}"
    more = f" (and {len(others)} more)" if others else ""
    raise Damaged(f"{where}: {said}{more}: {remedy}")


def read(path: Path, kind: type[T], *, remedy: str, newest: int = 1) -> T:
    """Read a file that holds one record.

    Raises:
        FileNotFoundError: If there is no such file.
        Damaged: As :func:`loads`.
    """
    return loads(_content(path, remedy), kind, where=str(path), remedy=remedy, newest=newest)


def write(path: Path, record: Any, *, indent: int | None = 2) -> None:
    """Write a file that holds one record, atomically."""
    write_atomic(path, dumps(record, indent=indent) + "\n")


def read_lines(path: Path, kind: type[T], *, remedy: str, growing: bool = False) -> list[T]:
    """Read a file with a record in each line; empty lines are passed over.

    Where lines are added one by one (``growing``), a last line without an end is one that a kill
    cut short, and is left out.

    Raises:
        FileNotFoundError: If there is no such file.
        Damaged: If another line is no such record; the message says which.
    """
    lines = _content(path, remedy).split(b"\n")
    if growing:
        del lines[-1]
    return [
        loads(line, kind, where=f"{path}, line {number}", remedy=remedy)
        for number, line in enumerate(lines, 1)
        if line.strip()
    ]


def write_lines(path: Path, records: Iterable[Any]) -> None:
    """Write a file with a record in each line, atomically."""
    write_atomic(path, "".join(dumps(record) + "\n" for record in records))


def _content(path: Path, remedy: str) -> bytes:
    try:
        return read_file(path, limit=_MOST_BYTES)
    except ValueError as error:
        raise Damaged(f"{error}: {remedy}") from error


def _digest(plain: Mapping[str, Any]) -> str:
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _odd_number(value: Any) -> float | int | None:
    """Return a number that is infinite or too large, if there is one; depth is bounded before."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return next((odd for one in value if (odd := _odd_number(one)) is not None), None)
    if isinstance(value, float) and not math.isfinite(value):
        return value
    return value if isinstance(value, int) and abs(value) > _LARGEST else None


def _plain(value: Any) -> Any:
    """Return a value as JSON would give it back."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {_plain(str(key)): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, np.generic | np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, type):
        return value.__qualname__
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if isinstance(value, str):  # a path may hold bytes that are no text
        return value.encode("utf-8", "backslashreplace").decode()
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    raise ValueError(f"{value!r} cannot be written as JSON")
