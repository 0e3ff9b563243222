"""What a folder holds, apart from times: two runs of one command are compared by it."""

from __future__ import annotations

import hashlib
import json
import math
import re
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

VOLATILE = {"seconds", "train_seconds", "probe_seconds", "time", "digest", "command", "commit"}
"""Fields that say when, how long or how something was made; digests follow from them."""
_PASSED_OVER = re.compile(r"\.lock|log\.txt|collect\.log|events\.out\.tfevents\..*")
_TRAIN_SECONDS = re.compile(r"\|\s*train_seconds\s*\|[^\n]*\n")
_RECORD = "record"  # tensor of a training's state that holds its times, as JSON
_WHOLE = {".html": b"</html>"}  # how such a file ends; it shows times


def contents(folder: Path) -> dict[str, Any]:
    """Return path to content of all files in a folder, or of one file."""
    files = [folder] if folder.is_file() else sorted(p for p in folder.rglob("*") if p.is_file())
    return {
        str(path.relative_to(folder)): _content(path)
        for path in files
        if not _PASSED_OVER.fullmatch(path.name)
    }


def digest_of(tensor: torch.Tensor) -> str:
    """Return type, shape and a digest of the values."""
    values = tensor.detach().contiguous().numpy().tobytes()
    return f"{tensor.dtype} {tuple(tensor.shape)} {_sha(values)}"


def leftovers(folder: Path) -> list[str]:
    """Return the temporary files below a folder."""
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*.tmp"))


def _content(path: Path) -> Any:
    data = path.read_bytes()
    match path.suffix:
        case ".json":
            return steady(json.loads(data))
        case ".jsonl":
            return [steady(json.loads(line)) for line in data.splitlines()]
        case ".safetensors":  # not the header, which holds times
            tensors = safetensors.torch.load(data)
            tensors.pop(_RECORD, None)
            return {name: digest_of(tensor) for name, tensor in tensors.items()}
        case ".md":
            return _TRAIN_SECONDS.sub("", data.decode())
        case suffix if suffix in _WHOLE:
            return data.rstrip().endswith(_WHOLE[suffix])
        case _:
            return _sha(data)


def steady(value: Any) -> Any:
    """Leave out what differs between any two runs; a digest of such a file does, too."""
    if isinstance(value, dict):
        return {k: steady(v) for k, v in value.items() if k not in VOLATILE}
    return [steady(v) for v in value] if isinstance(value, list) else value


def differences(expected: Any, found: Any, *, where: str = "", rel: float = 1e-6) -> list[str]:
    """Return in words where two contents differ; floats may do so by rounding."""
    if isinstance(expected, dict) and isinstance(found, dict):
        lines = [f"{where}/{key} is missing" for key in expected.keys() - found.keys()]
        lines += [f"{where}/{key} was not there before" for key in found.keys() - expected.keys()]
        for key in expected.keys() & found.keys():
            lines += differences(expected[key], found[key], where=f"{where}/{key}", rel=rel)
        return lines
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        pairs = enumerate(zip(expected, found, strict=True))
        parts = [differences(a, b, where=f"{where}[{i}]", rel=rel) for i, (a, b) in pairs]
        return [line for part in parts for line in part]
    if isinstance(expected, float) and isinstance(found, float):
        same = math.isclose(expected, found, rel_tol=rel, abs_tol=1e-9)
        both = math.isnan(expected) and math.isnan(found)
        return [] if same or both else [f"{where}: {expected} became {found}"]
    if type(expected) is type(found) and expected == found:
        return []
    return [f"{where}: {str(expected)[:80]} became {str(found)[:80]}"]


def _sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
