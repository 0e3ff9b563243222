"""Where weights can be put."""

from __future__ import annotations

from typing import Any

import torch


def parse_device(device: str | torch.device) -> torch.device:
    """Return the device of that name.

    Raises:
        TypeError: If it is no name of one.
        ValueError: If there is no such device here, or it holds no numbers (``meta``).
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
