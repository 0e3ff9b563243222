"""Encoders by name of their architecture, their folders, and what their weights may be."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from slotenv import checkpoint, markdown, records
from slotenv.checkpoint import CONFIG, REMEDY, WEIGHTS, Config

_Encoder = Any  # a SlotEncoder, whose file imports this one

_BOXES = """
Where slots are in frames, in pixels, and what each of them holds, from consecutive frames:

```python
boxes, slots = encoder.boxes(frames), encoder.describe(frames)
```
"""

ENCODERS: dict[str, type[_Encoder]] = {}
"""Every encoder class that is defined in this process, by its ``architecture``."""


def register(kind: type[_Encoder]) -> None:
    """Add a class to :data:`ENCODERS`, or raise a ValueError if another class has this name.

    A class that is defined again, as when a notebook cell runs again, replaces itself.
    """
    known = ENCODERS.setdefault(kind.architecture, kind)
    place, taken_by = (f"{one.__module__}.{one.__qualname__}" for one in (kind, known))
    if place != taken_by:
        raise ValueError(
            f"{place} cannot be named {kind.architecture!r}, as {taken_by} is: give it another "
            "architecture"
        )
    ENCODERS[kind.architecture] = kind


def kind_of(config: Mapping[str, Any]) -> type[_Encoder]:
    """Return the class that a config describes, or raise a ValueError if it is not defined here."""
    name = config["architecture"]
    if name not in ENCODERS:
        said = f"no encoder named {name!r}; this slotenv has {', '.join(ENCODERS)}"
        if "module" in config:
            said += f": first import what defines it, the module {config['module']}"
        raise ValueError(said)
    return ENCODERS[name]


def build(config: Mapping[str, Any]) -> _Encoder:
    """Make the module that a config describes, with fresh weights, or raise a ValueError."""
    where = f"an encoder's {CONFIG}"
    known = records.check(config, Config, where=where, remedy=REMEDY)
    make: Any = kind_of(known)
    try:
        encoder: _Encoder = make(**known["kwargs"])
    except (TypeError, ValueError) as error:
        name = known["architecture"]
        raise ValueError(f"{where} does not fit encoder {name!r} ({error}): {REMEDY}") from error
    return encoder


def save(
    encoder: _Encoder,
    folder: str | PathLike[str],
    *,
    card: str | None = None,
    picture: bytes | None = None,
) -> Path:
    """Write an encoder as :func:`slotenv.checkpoint.write` does, and return the folder.

    Raises:
        TypeError: If the encoder's class could not be found again.
        ValueError: If weights are not finite.
    """
    kind = type(encoder)
    if "architecture" not in vars(kind):
        raise TypeError(
            f"{kind.__name__} has no name to be loaded by: give the class an `architecture` of its "
            "own, such as its name in small letters"
        )
    encoder.check_weights()
    made = {"architecture": kind.architecture, "kwargs": encoder.architecture_kwargs()}
    if not kind.__module__.startswith("slotenv."):
        # A script's classes are in __main__; in processes that it starts, in __mp_main__.
        made["module"] = kind.__module__.replace("__mp_main__", "__main__")
    return checkpoint.write(
        folder,
        encoder.state_dict(),
        architecture=made,
        provenance=encoder.provenance,
        card=model_card(encoder) if card is None else card,
        picture=picture,
    )


@torch.inference_mode(False)  # weights made in that mode could never be trained
def load(folder: str | PathLike[str], device: str | torch.device = "cpu") -> _Encoder:
    """Rebuild an encoder from its folder, in evaluation mode.

    Raises what :func:`slotenv.checkpoint.read` does, and a ValueError if the encoder's class is not
    defined in this process or the weights do not fit.
    """
    path = Path(folder)
    config, state = checkpoint.read(path)
    with torch.random.fork_rng(devices=[]):  # fresh weights must not use up the caller's numbers
        try:
            encoder = build(config)
        except ValueError as error:
            raise ValueError(f"{path / CONFIG}: {error}") from error
    try:
        check_fits(state, encoder.state_dict())
        encoder.load_state_dict(state)
        encoder.check_weights()
    except ValueError as error:
        raise ValueError(f"{path / WEIGHTS}: {error}: {REMEDY}") from error
    encoder.provenance = dict(config.get("provenance", {}))
    return encoder.to(device).eval()


def check_fits(tensors: Mapping[str, Tensor], needed: Mapping[str, Tensor]) -> None:
    """Raise a ValueError unless tensors have the names, types and shapes that are needed."""
    missing, unknown = needed.keys() - tensors.keys(), tensors.keys() - needed.keys()
    if missing or unknown:
        raise ValueError(f"missing weights {sorted(missing)}, unknown weights {sorted(unknown)}")
    for name, tensor in needed.items():
        there = tensors[name]
        if (there.dtype, there.shape) != (tensor.dtype, tensor.shape):
            raise ValueError(
                f"{name} is {there.dtype} {tuple(there.shape)}, its module needs {tensor.dtype} "
                f"{tuple(tensor.shape)}"
            )


def check_numbers(module: nn.Module) -> None:
    """Raise a ValueError unless weights are finite float32 or integers, parameters within 10,000.

    10,000 is far above what training makes, and far below where sums of float32 overflow.
    """
    for name, tensor in module.state_dict().items():
        if not tensor.is_floating_point():
            continue
        if tensor.dtype != torch.float32:
            raise ValueError(
                f"{name} is {tensor.dtype}, encoders compute in float32: call encoder.float()"
            )
        if not tensor.isfinite().all():
            raise ValueError(f"{name} holds numbers that are not finite")
    parameters = dict(module.named_parameters())
    check_bounds(parameters, dict.fromkeys(parameters, (-1e4, 1e4)))


def check_bounds(state: Mapping[str, Tensor], bounds: Mapping[str, tuple[float, float]]) -> None:
    """Raise a ValueError unless tensors keep to their bounds, if they have any: (low, high)."""
    for name, (low, high) in bounds.items():
        if not state[name].numel():
            continue
        least, most = (float(end) for end in state[name].detach().aminmax())
        if not low <= least <= most <= high:
            raise ValueError(
                f"{name} must lie between {low:g} and {high:g}, holds {least:g} to {most:g}"
            )


def parse_device(device: str | torch.device) -> torch.device:
    """Return the device of that name that weights can be put on.

    What is no name is a TypeError; a device that is not here, or holds no numbers, a ValueError.
    """
    if not isinstance(device, str | torch.device):
        raise TypeError(f"device must be 'cpu', 'cuda' or a torch.device, got {device!r}")
    try:
        found = torch.device(device)
    except RuntimeError as error:
        raise ValueError(f"no device {device!r}: use 'cpu', 'cuda' or 'cuda:0'") from error
    if found.type == "cpu":
        return found
    # Counted, not tried: a process that has used CUDA cannot be forked for more environments.
    backend: Any = getattr(torch, found.type, None)
    count = backend.device_count() if hasattr(backend, "device_count") else 0
    if (found.index or 0) >= count:
        raise ValueError(
            f"an encoder cannot be put on device {str(device)!r} here: there are {count} devices "
            f"of type {found.type}; use device='cpu'"
        )
    return found


def model_card(encoder: _Encoder) -> str:
    """Return the README of an encoder folder, from what the encoder knows of itself."""
    frames, made = encoder.preprocess, encoder.provenance
    card = f"""\
---
library_name: slotenv
license: mit
tags: [reinforcement-learning, object-centric, slots]
---

# {encoder.num_slots} object slots of {encoder.slot_dim} numbers

{made.get("title", "a slot encoder")}, architecture `{encoder.architecture}`, for frames of \
{frames.height} x {frames.width} (preset `{frames.name}`).

```python
import slotenv

encoder = slotenv.SlotEncoder.from_pretrained("this/folder")
env = slotenv.make_env("{made.get("env_id", "ALE/Pong-v5")}", encoder.preprocess)
env = slotenv.ObjectSlotObservation(env, encoder)
```
{_BOXES if encoder.has_boxes else ""}"""
    table = markdown.table(["made by", ""], made.items(), words=2)
    return "\n".join([card, *table, ""]) if made else card
