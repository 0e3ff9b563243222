"""What encoders do while PyTorch traces or compiles, which cannot see through NumPy."""

import functools
import sys
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import torch

_P = ParamSpec("_P")
_R = TypeVar("_R")


def untraced(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Have ``torch.compile`` run a function as it is instead of tracing it.

    :func:`torch.compiler.disable` does it, and takes two seconds to import what it needs: here that
    happens only in a process that compiles.
    """
    disabled: Callable[_P, _R] | None = None

    @functools.wraps(function)
    def run(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        nonlocal disabled
        if disabled is None:
            if "torch._dynamo" not in sys.modules:
                return function(*args, **kwargs)
            disabled = torch.compiler.disable(function)  # type: ignore[no-untyped-call]
        return disabled(*args, **kwargs)

    return run


def is_recorded() -> bool:
    """Whether ``torch.jit.trace`` or an export records the operations."""
    tracing: bool = torch.jit.is_tracing()  # type: ignore[attr-defined, no-untyped-call]
    return tracing or torch.compiler.is_exporting()


def refuse_recording(what: str) -> None:
    """Raise a ValueError, which says ``what`` was called, while operations are recorded."""
    if is_recorded():
        raise ValueError(
            f"{what} works outside of PyTorch and cannot be traced or exported: a trace would give "
            "the example's slots for every frame. Encode frames with encoder.encode, and trace a "
            "policy that takes slots"
        )
