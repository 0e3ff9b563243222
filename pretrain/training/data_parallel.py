"""What the processes that train one model do with each other; one that trains alone does nothing.

Every process encodes its share of a batch, gathers all encodings and evaluates the objective on the
whole batch, so that each pair sees the negatives of all. The gradients are those of one process
with the whole batch: let L be its loss, S_r the encodings of process r of n, and f_r the map from
the weights to S_r. Every process computes the same L from the same S. Going back, process r is
handed n * dL/dS_r for its own encodings, so its encoder's gradient is n * dL/dS_r * df_r; the mean
over processes is the sum over r of dL/dS_r * df_r, the gradient of L. Weights that act behind the
gathering have the gradient of L in every process, which the mean leaves as it is. One rule, "the
mean of all gradients", is thus right for every weight, wherever it acts.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from multiprocessing.connection import Connection
from typing import Any, Protocol

import torch
import torch.distributed as dist
from torch import Tensor, nn

from pretrain.runtime.interrupt import Interrupt
from slotenv.encoders import SlotOutput


class StopRequest(Protocol):
    """Says whether training shall stop at the next safe point."""

    @property
    def requested(self) -> bool:
        """Whether somebody asked."""


class Alone:
    """A process that trains a model by itself.

    Args:
        device: Where it computes.

    Attributes:
        rank: Number of this process; the first, 0, is the one that writes.
        size: Number of processes.
    """

    rank = 0
    size = 1

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def share(self, pairs: int) -> slice:
        """Return which of a batch's pairs this process encodes."""
        return slice(0, pairs)

    def gather(self, output: SlotOutput) -> SlotOutput:
        """Turn the encodings of this process's pairs into those of the whole batch."""
        return output

    def align(self, *modules: nn.Module) -> None:
        """Give all processes the weights of the first."""

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Put the mean over processes in place of each gradient."""

    def stopping(self) -> AbstractContextManager[StopRequest]:
        """Return what listens for Ctrl-C while it is entered."""
        return Interrupt()


class Peers(Alone):
    """One of several processes, each with a device; ``torch.distributed`` is set up.

    Args:
        device: Where this process computes.
        stop: End of a pipe that the parent process closes to ask for a stop.
    """

    def __init__(self, device: torch.device, stop: Connection) -> None:
        super().__init__(device)
        self.rank, self.size = dist.get_rank(), dist.get_world_size()
        self._stop = stop

    def share(self, pairs: int) -> slice:
        """Return which of a batch's pairs this process encodes.

        Raises:
            ValueError: If they cannot be shared out evenly.
        """
        if pairs % self.size:
            raise ValueError(f"{pairs} pairs cannot be shared out among {self.size} devices")
        each = pairs // self.size
        return slice(self.rank * each, (self.rank + 1) * each)

    def gather(self, output: SlotOutput) -> SlotOutput:
        """Turn the encodings of this process's pairs into those of the whole batch.

        Maps are left out unless all processes have them.
        """
        slots: Tensor = _Gather.apply(output.slots)  # type: ignore[no-untyped-call]
        if not self._all(output.maps is not None):
            return SlotOutput(slots)
        return SlotOutput(slots, _Gather.apply(output.maps))  # type: ignore[no-untyped-call]

    def align(self, *modules: nn.Module) -> None:
        """Give all processes the weights of the first."""
        for module in modules:
            for tensor in module.state_dict().values():
                dist.broadcast(tensor, 0)

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Put the mean over processes in place of each gradient, all in one exchange."""
        gradients = [p.grad for p in parameters if p.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        dist.all_reduce(flat)
        flat /= self.size
        parts = torch.split(flat, [gradient.numel() for gradient in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view_as(gradient))

    def stopping(self) -> AbstractContextManager[StopRequest]:
        """Return what says whether the parent asked for a stop, or is gone."""
        return nullcontext(_PipeClosed(self._stop))

    def _all(self, mine: bool) -> bool:
        if self.device.type != "cpu":
            return mine  # only on a CPU does it depend on the frames which layers run
        flag = torch.tensor(int(mine))
        dist.all_reduce(flag, dist.ReduceOp.MIN)
        return bool(flag)


class _PipeClosed:
    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    @property
    def requested(self) -> bool:
        return self._pipe.poll(0)


class _Gather(torch.autograd.Function):
    """Joins the rows of all processes; see the top of this file for the way back."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> Tensor:
        ctx.rows = len(rows)
        parts = [torch.empty_like(rows) for _ in range(dist.get_world_size())]
        dist.all_gather(parts, rows.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        first = dist.get_rank() * ctx.rows
        return gradient[first : first + ctx.rows] * dist.get_world_size()
