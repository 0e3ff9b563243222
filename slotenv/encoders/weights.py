"""Which weights fit a module, and which numbers they may be, so that slots are numbers as well."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

_LARGEST = 1e4  # far above what training makes, far below where sums of float32 overflow


def check_fits(tensors: Mapping[str, Tensor], needed: Mapping[str, Tensor]) -> None:
    """Raise unless tensors have the names, types and shapes that are needed.

    Raises:
        ValueError: If they do not; it says which.
    """
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
    """Raise unless all floating-point weights are finite float32, parameters at most 10,000.

    Raises:
        ValueError: If one is not; it is named.
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
    check_bounds(parameters, {name: (-_LARGEST, _LARGEST) for name in parameters})


def check_bounds(state: Mapping[str, Tensor], bounds: Mapping[str, tuple[float, float]]) -> None:
    """Raise unless tensors keep to their bounds.

    Args:
        state: Tensors by name.
        bounds: For some of them, the lowest and the highest number that they may hold.

    Raises:
        ValueError: If one does not; it is named.
    """
    for name, (low, high) in bounds.items():
        if not state[name].numel():
            continue
        least, most = (float(end) for end in state[name].detach().aminmax())
        if not low <= least <= most <= high:
            raise ValueError(
                f"{name} must lie between {low:g} and {high:g}, holds {least:g} to {most:g}"
            )
