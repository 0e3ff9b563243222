"""Contents that are wrong, with digests all the way up that are right: what only checks find."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch

from slotenv import records

Rng = np.random.Generator
_RECORD = "record"  # tensor of a training's state with its digests, as JSON


def seal(value: Any) -> str:
    """Return a record as JSON text, with a digest that fits."""
    if not isinstance(value, dict):
        return json.dumps(value)
    try:
        return records.dumps(value) + "\n"
    except (ValueError, OverflowError):
        return json.dumps(value)


def seal_store(folder: Path) -> None:
    """Make the digests of a data set fit its files."""
    if (folder / "manifest.json").is_file():
        manifest = json.loads((folder / "manifest.json").read_text())
        manifest["description"] = _sha(folder / "data.json")
        manifest["shards"] = {name: _sha(folder / name) for name in manifest["shards"]}
        (folder / "manifest.json").write_text(seal(manifest))
        return
    sums = json.loads((folder / "checksums.json").read_text())
    sums["shards"] = {name: _sha(folder / name) for name in sums["shards"]}
    sums["total"] = hashlib.sha256("".join(sums["shards"].values()).encode()).hexdigest()
    (folder / "checksums.json").write_text(json.dumps(sums))


def seal_encoder(folder: Path) -> None:
    """Make the digests of an encoder folder fit its weights."""
    config = json.loads((folder / "config.json").read_text())
    config["weights_sha256"] = _sha(folder / "model.safetensors")
    sealed = "digest" in config
    (folder / "config.json").write_text(seal(config) if sealed else json.dumps(config))


def forge_shard(rng: Rng, path: Path) -> tuple[str, bool]:
    """Write a shard with wrong arrays, and digests that fit.

    Returns:
        What was done, and whether it may be read with some other result: bytes inside a compressed
        frame cannot be told from what another frame would have.
    """
    with np.load(path) as arrays:
        columns = {name: arrays[name] for name in arrays.files}
    names = sorted(columns)
    name = str(rng.choice(names))
    column = columns[name]
    kind = str(rng.choice(["length", "dtype", "dims", "gone", "more", "sizes", "head", "payload"]))
    if kind in ("length", "dtype", "dims"):
        changes: dict[str, Callable[[], Any]] = {
            "length": lambda: column[:-1] if rng.random() < 0.5 else np.concatenate([column] * 2),
            "dtype": lambda: column.astype(rng.choice(["f8", "i2", "c8", "U4", "u8", "O"])),
            "dims": lambda: column[:, None] if rng.random() < 0.5 else column.sum(),
        }
        columns[name] = changes[kind]()
        if (name, kind) == ("actions", "dtype"):
            kind = "payload"  # numbers of any type are actions of some environment
    elif kind == "gone":
        del columns[name]
    elif kind == "more":
        columns["more"] = np.zeros(int(rng.choice([3, 100_000_000])), np.uint8)
    elif kind == "sizes":
        sizes = columns["sizes"]
        value = int(rng.choice([-1, 0, 1, 31, 2**31, 2**40, 2**62]))
        sizes[int(rng.integers(len(sizes)))] = value
        kind = f"a size of {value}"
    else:
        ends = np.cumsum(columns["sizes"])
        row = int(rng.integers(len(ends)))
        start, end = int(ends[row] - columns["sizes"][row]), int(ends[row])
        at = int(rng.integers(start, start + 32) if kind == "head" else rng.integers(start, end))
        value = int(rng.integers(256))
        if kind == "head" and rng.random() < 0.5:  # a whole number of the header
            at = start + 4 * int(rng.integers(1, 8))
            number = int(rng.choice([0, 1, -1, 2**31 - 1, 2**20, 50_000, 400_000]))
            columns["frames"][at : at + 4] = np.frombuffer(np.int32(number).tobytes(), np.uint8)
        else:
            columns["frames"][at] = value
        kind = f"{kind} of frame {row}, byte {at - start}"
    with io.BytesIO() as buffer:
        np.savez_compressed(buffer, allow_pickle=True, **columns)
        path.write_bytes(buffer.getvalue())
    seal_store(path.parent)
    return f"forged {name}: {kind}", kind.startswith(("head", "payload"))


def forge_tensors(
    rng: Rng, tensors: dict[str, torch.Tensor]
) -> tuple[str, dict[str, torch.Tensor], bool]:
    """Change one tensor; return what was done and whether it may be read with another result."""
    name = str(rng.choice(sorted(tensors)))
    tensor = tensors[name]
    forged = dict(tensors)
    kind = str(rng.choice(["nan", "inf", "huge", "far", "shape", "dtype", "gone", "more", "empty"]))
    if kind in ("nan", "inf", "huge", "far") and tensor.numel():
        flat = tensor.clone().reshape(-1)
        at = int(rng.integers(flat.numel()))
        number = {"nan": np.nan, "inf": np.inf, "huge": 1e38, "far": -37.5}[kind]
        if not tensor.is_floating_point():
            number = {"nan": 100, "inf": -100, "huge": 120, "far": -1}[kind]
        flat[at] = number
        forged[name] = flat.reshape(tensor.shape)
    elif kind == "shape":
        forged[name] = (
            tensor.reshape(-1, 1) if rng.random() < 0.5 else torch.cat([tensor[None]] * 2)
        )
    elif kind == "dtype":
        other = [torch.float16, torch.float64, torch.int32, torch.bool][rng.integers(4)]
        forged[name] = tensor.to(other) if tensor.dtype != other else tensor.to(torch.int8)
    elif kind == "gone":
        del forged[name]
    elif kind == "more":
        forged["more"] = torch.zeros(3)
    else:
        forged[name] = torch.zeros(0, dtype=tensor.dtype)
    finite = kind in ("huge", "far") or not tensor.is_floating_point()
    return (
        f"forged {name}: {kind}",
        forged,
        finite and kind not in ("shape", "dtype", "gone", "more"),
    )


def forge_weights(rng: Rng, path: Path) -> tuple[str, bool]:
    """Write wrong weights, and digests that fit."""
    said, tensors, other = forge_tensors(rng, safetensors.torch.load_file(path))
    path.write_bytes(safetensors.torch.save(tensors))
    seal_encoder(path.parent)
    return said, other


def forge_state(rng: Rng, path: Path) -> tuple[str, bool]:
    """Write a wrong state of a training, and digests that fit."""
    tensors = safetensors.torch.load_file(path)
    record = json.loads(tensors.pop(_RECORD).numpy().tobytes())
    if rng.random() < 0.4:
        fields = [k for k in record["state"] if k not in ("identity", "sums")]
        field = str(rng.choice(fields))
        of_whole = isinstance(record["state"][field], int)
        record["state"][field] = ["text", [], 10**30, {}, -1][rng.integers(4 + of_whole)]
        said, other = f"forged state.{field}", False
    else:
        said, tensors, other = forge_tensors(rng, tensors)
        other |= said.endswith((": nan", ": inf"))  # such a state is a state: it diverges
    record["tensors"] = hashlib.sha256(safetensors.torch.save(tensors)).hexdigest()
    text = seal(record).encode()
    tensors[_RECORD] = torch.from_numpy(np.frombuffer(text, np.uint8).copy())
    path.write_bytes(safetensors.torch.save(tensors))
    return said, other


def _sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
