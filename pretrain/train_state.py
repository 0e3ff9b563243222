"""The state of a training run on disk: weights, optimiser, best weights; no pickle, atomic."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from slotenv.atomic import write_atomic


@dataclass
class TrainState:
    """Where training stands, besides the tensors.

    Attributes:
        update: Updates done.
        best_loss: Lowest validation loss so far; None before the first validation.
        best_update: After which update it was seen.
        seconds: Wall time spent in training, over all interruptions.
        sums: Metric name to sum since the last logged row.
        identity: What is trained on what; a state with another identity is refused.
    """

    identity: dict[str, Any]
    update: int = 0
    best_loss: float | None = None
    best_update: int = 0
    seconds: float = 0.0
    sums: dict[str, float] = field(default_factory=dict)


def save_state(
    path: Path,
    state: TrainState,
    modules: dict[str, nn.Module],
    optimizer: torch.optim.Adam,
    best: dict[str, Tensor],
) -> None:
    """Write everything that going on from here needs."""
    tensors = {f"best.{name}": tensor for name, tensor in best.items()}
    for prefix, module in modules.items():
        tensors |= {f"{prefix}.{name}": t for name, t in module.state_dict().items()}
    for index, moments in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": t for name, t in moments.items()}
    content = safetensors.torch.save(
        {name: t.detach().cpu().contiguous() for name, t in tensors.items()},
        metadata={"state": json.dumps(asdict(state))},
    )
    write_atomic(path, content)


def load_state(
    path: Path,
    identity: dict[str, Any],
    modules: dict[str, nn.Module],
    optimizer: torch.optim.Adam,
) -> tuple[TrainState, dict[str, Tensor]]:
    """Put a saved state into the modules and the optimiser.

    Returns:
        The state, and the best weights of the encoder.

    Raises:
        ValueError: If the file is damaged or of another training.
    """
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            state = TrainState(**json.loads(file.metadata()["state"]))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (safetensors.SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path} is damaged ({error}): delete it to train from the start"
        ) from error
    if state.identity != identity:
        differences = [
            f"{key} was {state.identity.get(key)!r}, is {value!r}"
            for key, value in identity.items()
            if state.identity.get(key) != value
        ]
        raise ValueError(
            f"{path} belongs to another training ({'; '.join(differences)}): repeat the old "
            "arguments to go on, or use another folder"
        )
    for prefix, module in modules.items():
        module.load_state_dict(_under(prefix, tensors))
    packed = optimizer.state_dict()
    packed["state"] = {}
    for name, tensor in _under("optimizer", tensors).items():
        index, moment = name.split(".")
        packed["state"].setdefault(int(index), {})[moment] = tensor
    optimizer.load_state_dict(packed)
    return state, _under("best", tensors)


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    start = f"{prefix}."
    return {name.removeprefix(start): t for name, t in tensors.items() if name.startswith(start)}
