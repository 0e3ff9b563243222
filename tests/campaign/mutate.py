"""Damage to a file: bytes, JSON values, and other things in its place.

Each mutation returns what it did; ``None`` where it has nothing to do on such a file.
"""

from __future__ import annotations

import copy
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Rng = np.random.Generator
Seal = Callable[[Any], str]
"""From a JSON value to its text with a digest that fits."""

FREE = {"settings", "provenance", "arguments", "versions", "preset"}
"""Fields with values of any type."""
_RAW = (
    *("NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1" * 6000, "-" + "9" * 400),
    *("[" * 10_000 + "]" * 10_000, '{"a":' * 10_000 + "1" + "}" * 10_000, '"\\ud800"', "tru"),
    *('"' + "x" * 1_000_000 + '"', "0x10", "1_000", "", '"\\u0000"', "1e-999", "00"),
)
_PLACE = "@@PLACE@@"


def damage_bytes(rng: Rng, data: bytes) -> tuple[str, bytes]:
    """Return what was done to the bytes of a file, and the bytes."""
    size = max(len(data), 1)
    at, length = int(rng.integers(size)), int(rng.integers(1, max(size // 4, 2)))
    other = int(rng.integers(size))
    part = data[at : at + length]
    changed = bytearray(data)
    match rng.choice(["bit", "bits", "cut", "swap", "twice", "zero", "append", "empty", "noise"]):
        case "bit":
            changed[at : at + 1] = bytes(b ^ (1 << int(rng.integers(8))) for b in data[at : at + 1])
            return f"bit at {at}", bytes(changed)
        case "bits":
            for place in rng.integers(0, size, 8).tolist():
                changed[place : place + 1] = bytes(b ^ 0x55 for b in changed[place : place + 1])
            return "8 bytes", bytes(changed)
        case "cut":
            return "cut", data[:at]
        case "swap":
            changed[at : at + length], changed[other : other + length] = (
                data[other : other + length],
                part,
            )
            return "swap", bytes(changed)
        case "twice":
            return "twice", data[:at] + part + data[at:]
        case "zero":
            changed[at : at + length] = bytes(len(part))
            return "zero", bytes(changed)
        case "append":
            return "append", data + rng.bytes(int(rng.integers(1, 64)))
        case "empty":
            return "empty", b""
        case _:
            changed[at : at + length] = rng.bytes(len(part))
            return "noise", bytes(changed)


def replace_file(rng: Rng, path: Path) -> str:
    """Put something else in the place of a file."""
    data = path.read_bytes()
    kind = str(
        rng.choice(["missing", "folder", "fifo", "loop", "nowhere", "zeros", "link", "socket"])
    )
    path.unlink()
    match kind:
        case "folder":
            path.mkdir()
        case "fifo":
            os.mkfifo(path)
        case "loop":
            path.symlink_to(path.name)
        case "nowhere":
            path.symlink_to("not-there")
        case "zeros":
            path.symlink_to("/dev/zero")
        case "link":  # no damage at all
            path.with_name("elsewhere").write_bytes(data)
            path.symlink_to("elsewhere")
        case "socket":
            os.mknod(path, 0o140600)
    return kind


def damage_text(rng: Rng, text: str) -> tuple[str, bytes]:
    """Change a JSON text without regard to its digest."""
    value = json.loads(text)
    places = list(_places(value))
    match rng.choice(["raw", "change", "remove", "unknown", "duplicate", "coding", "order"]):
        case "raw":
            path = places[int(rng.integers(len(places)))]
            raw = str(rng.choice(_RAW))
            changed = json.dumps(_with(value, path, lambda _: _PLACE)).replace(f'"{_PLACE}"', raw)
            return f"{_said(path)} = {raw[:20]}", changed.encode()
        case "change":
            path = places[int(rng.integers(len(places)))]
            new = _other_value(rng, _at(value, path))
            return f"{_said(path)} = {str(new)[:20]}", json.dumps(
                _with(value, path, lambda _: new)
            ).encode()
        case "remove":
            path = places[int(rng.integers(len(places)))]
            return f"no {_said(path)}", json.dumps(_without(value, path)).encode()
        case "unknown":
            return "unknown field", json.dumps({**value, "unknown": 1}).encode()
        case "duplicate":
            key = str(rng.choice(list(value)))
            return f"{key} twice", text.rstrip().removesuffix("}").encode() + (
                f', "{key}": {json.dumps(value[key])}}}'.encode()
            )
        case "order":  # no damage at all
            return "other order", json.dumps(dict(reversed(value.items()))).encode()
        case _:
            coding = str(rng.choice(["utf-16", "utf-8-sig", "latin-1"]))
            return coding, (text + ("é" if coding == "latin-1" else "")).encode(coding)


def forge_text(rng: Rng, text: str, seal: Seal) -> tuple[str, bytes] | None:
    """Put a value of another type, or out of all bounds, and a digest that fits."""
    value = json.loads(text)
    places = [
        p for p in _places(value) if p and not FREE & {str(k) for k in p} and p[0] != "digest"
    ]
    if not places:
        return None
    path = places[int(rng.integers(len(places)))]
    new = _wrong_type(rng, _at(value, path))
    changed = _with(value, path, lambda _: new)
    return f"{_said(path)} = {str(new)[:20]}, sealed", seal(changed).encode()


def copy_folder(source: Path, target: Path) -> None:
    """Make a fresh copy."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)


def _wrong_type(rng: Rng, old: Any) -> Any:
    match old:
        case bool():
            return rng.choice(["yes", "1"]).item()
        case int():
            return [str(old), 10**30, -(10**19), old + 0.5, [old], {"n": old}][rng.integers(6)]
        case float():
            return [str(old), [old], {"n": old}, 10**30][rng.integers(4)]
        case str():
            return [17, [old], {"text": old}, True, "x" * 1_000_000][rng.integers(5)]
        case list():
            return [{"list": old}, "list", 3][rng.integers(3)]
        case dict():
            return [[old], "dict", 3][rng.integers(3)]
        case _:
            return [[], {}][rng.integers(2)]


def _other_value(rng: Rng, old: Any) -> Any:
    if rng.random() < 0.4:
        return _wrong_type(rng, old)
    match old:
        case bool():
            return not old
        case int():
            return [old + 1, old - 1, -old - 1, 0, 2**31, 2**63 - 1, 10**9][rng.integers(7)]
        case float():
            return [old + 1, -old, old * 1.0001, 0.0, 1e308, 1e-320][rng.integers(6)]
        case str():
            return ["", old + " ", old.upper(), "../../x", "\n", "x" * 5000][rng.integers(6)]
        case list():
            return [[], old + old, old[:-1], old[::-1]][rng.integers(4)]
        case dict():
            return [{}, None][rng.integers(2)]
        case _:
            return [0, "", False, 1.0][rng.integers(4)]


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    children = value.items() if isinstance(value, dict) else ()
    if isinstance(value, list):
        children = enumerate(value)  # type: ignore[assignment]
    below = [place for key, one in children for place in _places(one, (*path, key))]
    return [path, *below]


def _at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


def _with(value: Any, path: tuple[Any, ...], change: Callable[[Any], Any]) -> Any:
    if not path:
        return change(value)
    changed = copy.deepcopy(value)
    holder = _at(changed, path[:-1])
    holder[path[-1]] = change(holder[path[-1]])
    return changed


def _without(value: Any, path: tuple[Any, ...]) -> Any:
    changed = copy.deepcopy(value)
    if path:
        del _at(changed, path[:-1])[path[-1]]
    return changed


def _said(path: tuple[Any, ...]) -> str:
    return ".".join(map(str, path))[:60] or "all"
