"""The state of a training run on disk: weights, optimiser, best weights; no pickle, atomic."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from pretrain.training.encoders import differences
from slotenv import records
from slotenv.atomic import read_file, write_atomic
from slotenv.encoders.saving import check_fits
from slotenv.records import Count, Sha256, Text

_MOST_BYTES = 1 << 34
_RECORD = "record"
_START_ANEW = "delete it to train from the start"


@dataclass
class TrainState:
    """Where training stands, besides the tensors.

    Attributes:
        identity: What is trained on what; a state with another identity is refused.
        update: Updates done.
        best_loss: Lowest validation loss so far; None before the first validation.
        best_update: After which update it was seen.
        seconds: Wall time spent in training, over all interruptions.
        sums: Metric name to sum since the last logged row.
    """

    __pydantic_config__ = records.STRICT

    identity: dict[str, Any]
    update: Count = 0
    best_loss: float | None = None
    best_update: Count = 0
    seconds: float = 0.0
    sums: dict[Text, float] = field(default_factory=dict)


@dataclass
class _Saved:
    """What the tensor ``record`` holds, as bytes of JSON."""

    __pydantic_config__ = records.STRICT

    state: TrainState
    tensors: Sha256
    format: Count = 2  # version 0.1.0 kept no digests; its states cannot be gone on with


def save_state(
    path: Path,
    state: TrainState,
    modules: dict[str, nn.Module],
    optimizer: torch.optim.Adam,
    best: dict[str, Tensor],
) -> None:
    """Write everything that going on from here needs."""
    tensors = _named(modules, best)
    for index, moments in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": t for name, t in moments.items()}
    tensors = {name: t.detach().cpu().contiguous() for name, t in tensors.items()}
    saved = _Saved(state=state, tensors=_digest(tensors))
    record = torch.frombuffer(bytearray(records.dumps(saved).encode()), dtype=torch.uint8)
    write_atomic(path, safetensors.torch.save({**tensors, _RECORD: record}))


def load_state(
    path: Path, identity: dict[str, Any], modules: dict[str, nn.Module], optimizer: torch.optim.Adam
) -> tuple[TrainState, dict[str, Tensor]]:
    """Put a saved state into the modules and the optimiser.

    Returns:
        The state, and the best weights of the encoder.

    Raises:
        ValueError: If the file is damaged or of another training.
    """
    try:
        tensors = safetensors.torch.load(read_file(path, limit=_MOST_BYTES))
    except (safetensors.SafetensorError, ValueError) as error:
        raise ValueError(f"{path} is damaged ({error}): {_START_ANEW}") from error
    if _RECORD not in tensors:
        raise ValueError(
            f"{path} has no digest of its tensors: it is damaged, or of slotenv 0.1.0, whose "
            f"trainings only that version can go on with; {_START_ANEW}"
        )
    record = tensors.pop(_RECORD).contiguous().view(-1).view(torch.uint8).numpy().tobytes()
    saved = records.loads(record, _Saved, where=str(path), remedy=_START_ANEW, newest=_Saved.format)
    if saved.tensors != _digest(tensors):
        raise ValueError(f"{path} is damaged (its tensors were changed): {_START_ANEW}")
    if saved.state.identity != identity:
        differs = differences(saved.state.identity, identity)
        raise ValueError(
            f"{path} belongs to another training ({differs}): repeat the old arguments to go on, "
            "or use another folder"
        )
    _check_fits(path, tensors, modules, optimizer)
    parts: dict[str, dict[str, Tensor]] = {"best": {}, "optimizer": {}, **{m: {} for m in modules}}
    for name, tensor in tensors.items():
        prefix, _, rest = name.partition(".")
        parts[prefix][rest] = tensor
    for prefix, module in modules.items():
        module.load_state_dict(parts[prefix])
    packed = optimizer.state_dict()
    packed["state"] = {}
    for name, tensor in parts["optimizer"].items():
        index, moment = name.split(".")
        packed["state"].setdefault(int(index), {})[moment] = tensor
    optimizer.load_state_dict(packed)
    return saved.state, parts["best"]


def _check_fits(
    path: Path,
    tensors: dict[str, Tensor],
    modules: dict[str, nn.Module],
    optimizer: torch.optim.Adam,
) -> None:
    """Raise unless the tensors are those that these modules and their optimiser would save."""
    expected = _named(modules, best=modules["encoder"].state_dict())
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    for index in {name.split(".")[1] for name in tensors if name.startswith("optimizer.")}:
        if not (index.isdecimal() and int(index) < len(parameters)):
            raise ValueError(f"{path} does not fit its training (optimizer.{index}): {_START_ANEW}")
        parameter = parameters[int(index)]
        moments = {"step": torch.zeros(()), "exp_avg": parameter, "exp_avg_sq": parameter}
        expected |= {f"optimizer.{index}.{name}": t for name, t in moments.items()}
    try:
        check_fits(tensors, expected)
    except ValueError as error:
        raise ValueError(f"{path} does not fit its training ({error}): {_START_ANEW}") from error
    for name, there in tensors.items():
        odd = there.is_floating_point() and not bool(there.isfinite().all())
        if odd or (name.endswith((".step", ".exp_avg_sq")) and bool((there < 0).any())):
            raise ValueError(f"{path} has numbers in {name} that cannot be: {_START_ANEW}")


def _named(modules: dict[str, nn.Module], best: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights of the modules and the best ones, by the names they have in the file."""
    parts = {"best": best, **{prefix: module.state_dict() for prefix, module in modules.items()}}
    return {f"{part}.{name}": t for part, weights in parts.items() for name, t in weights.items()}


def _digest(tensors: dict[str, Tensor]) -> str:
    """Return the SHA-256 of a set of tensors: names, types, shapes and values."""
    return hashlib.sha256(safetensors.torch.save(tensors)).hexdigest()
