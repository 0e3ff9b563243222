"""Training one model in several processes, one for each device.

Every process encodes its share of a batch, gathers all encodings and evaluates the objective on the
whole batch, so that each pair sees the negatives of all. The gradients are those of one process
with the whole batch: let L be its loss, S_r the encodings of process r of n, and f_r the map from
the weights to S_r. Every process computes the same L from the same S. Going back, process r is
handed n * dL/dS_r for its own encodings, so its encoder's gradient is n * dL/dS_r * df_r; the mean
over processes is the sum over r of dL/dS_r * df_r, the gradient of L. Weights that act behind the
gathering have the gradient of L in every process, which the mean leaves as it is. One rule, "the
mean of all gradients", is thus right for every weight, wherever it acts.
"""

import importlib.util
import logging
import multiprocessing
import os
import pickle
import time
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.queues import SimpleQueue
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.multiprocessing.spawn import ProcessExitedException, ProcessRaisedException

from pretrain.config import TrainConfig, TrainingFlags
from pretrain.runtime.interrupt import Interrupt
from pretrain.runtime.workers import begin_worker, pack, unpack
from pretrain.training.step import choose_device
from slotenv.encoders import SlotOutput

_TIMEOUT = timedelta(minutes=10)  # for one exchange: the slowest waits for a first compilation
_GRACE = 30.0  # seconds in which processes whose parent was killed may save their state

# They tell of every start and stop; the one that matters is told as an error.
for _name in (
    "lightning_fabric.utilities.distributed",
    "lightning_fabric.utilities.rank_zero",
    "torch.multiprocessing.spawn",
):
    logging.getLogger(_name).setLevel(logging.ERROR)


class Peers:
    """One of the processes that train a model; one that trains alone exchanges nothing.

    Args:
        device: Where this process computes.
        stop: End of a pipe that the parent process closes to ask for a stop; None: there is no
            parent, and this process is the only one. Else ``torch.distributed`` is set up.

    Attributes:
        rank: Number of this process; the first, 0, is the one that writes.
        size: Number of processes.
    """

    def __init__(self, device: torch.device, stop: Connection | None = None) -> None:
        self.device, self._stop = device, stop
        alone = stop is None
        self.rank, self.size = (0, 1) if alone else (dist.get_rank(), dist.get_world_size())

    def share(self, pairs: int) -> slice:
        """Return which of a batch's pairs this process encodes; all must get as many."""
        if pairs % self.size:
            raise ValueError(f"{pairs} pairs cannot be shared out among {self.size} devices")
        each = pairs // self.size
        return slice(self.rank * each, (self.rank + 1) * each)

    def gather(self, output: SlotOutput) -> SlotOutput:
        """Turn the encodings of this process's pairs into those of the whole batch.

        Maps are left out unless all processes have them.
        """
        if self._stop is None:
            return output
        slots: Tensor = _Gather.apply(output.slots)  # type: ignore[no-untyped-call]
        have_maps = torch.tensor(int(output.maps is not None))
        if self.device.type == "cpu":  # only there it depends on the frames which layers run
            dist.all_reduce(have_maps, dist.ReduceOp.MIN)
        if not have_maps:
            return SlotOutput(slots)
        return SlotOutput(slots, _Gather.apply(output.maps))  # type: ignore[no-untyped-call]

    def align(self, *modules: nn.Module) -> None:
        """Give all processes the weights of the first."""
        for module in modules if self._stop is not None else ():
            for tensor in module.state_dict().values():
                dist.broadcast(tensor, 0)

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Put the mean over processes in place of each gradient, all in one exchange."""
        if self._stop is None:
            return
        gradients = [p.grad for p in parameters if p.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        dist.all_reduce(flat)
        flat /= self.size
        parts = torch.split(flat, [gradient.numel() for gradient in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view_as(gradient))

    @contextmanager
    def stopping(self) -> Iterator[Callable[[], bool]]:
        """While entered, listen for Ctrl-C or the parent; yields what tells whether to stop."""
        if self._stop is not None:
            yield self._stop.poll  # also true when the parent is gone
            return
        with Interrupt() as interrupt:
            yield lambda: interrupt.requested


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


def check_devices(config: TrainingFlags) -> torch.device:
    """Return what kind of device ``config.devices`` devices are.

    Raises:
        ValueError: If there are too few of them, they cannot share out a batch evenly, or Lightning
            Fabric is missing.
    """
    device = choose_device(config.device)
    if config.batch_size % config.devices:
        raise ValueError(
            f"a batch of {config.batch_size} pairs cannot be shared out evenly among "
            f"{config.devices} devices: change --batch-size or --devices"
        )
    if device.index is not None:
        raise ValueError(f"{config.device} is one device, --devices {config.devices} takes cuda")
    if device.type == "cuda" and config.devices > torch.cuda.device_count():
        raise ValueError(
            f"asked for {config.devices} devices, there are {torch.cuda.device_count()} GPUs: "
            "lower --devices, or use --device cpu"
        )
    if importlib.util.find_spec("lightning_fabric") is None:
        raise ValueError('training on several devices needs: pip install "slotenv[distributed]"')
    return device


def launch(function: Callable[..., object], config: TrainConfig, *arguments: Any) -> None:
    """Run a function in one process for each device, and wait for all of them.

    If one fails, the others are ended. The first Ctrl-C lets the first process come to a safe
    point, the second ends all at once.

    ``function`` stands at the top of a module and is called as ``function(peers, *arguments)``;
    the arguments can be pickled.

    Raises:
        KeyboardInterrupt: On Ctrl-C.
        RuntimeError: If a process was killed.
        ValueError: As :func:`check_devices`, or if the method is defined where no other process can
            find it.
        Exception: What went wrong first in one of the processes.
    """
    device = check_devices(config)
    from lightning_fabric import Fabric  # here: training alone must not need it
    from lightning_fabric.plugins.environments.lightning import LightningEnvironment
    from lightning_fabric.strategies.ddp import DDPStrategy

    fabric = Fabric(
        accelerator=device.type,
        devices=config.devices,
        strategy=DDPStrategy(start_method="spawn", timeout=_TIMEOUT),
        plugins=[LightningEnvironment()],
    )
    work = pack(function, arguments)
    context = multiprocessing.get_context("spawn")
    failures: SimpleQueue[BaseException] = context.SimpleQueue()
    asked, ask = context.Pipe(duplex=False)
    others = set(multiprocessing.active_children())
    port = os.environ.get("MASTER_PORT")
    killed: BaseException | None = None
    with Interrupt(ask.close) as interrupt:
        try:
            fabric.launch(partial(_in_process, work=work, asked=asked, failures=failures))
        except (ProcessExitedException, ProcessRaisedException) as error:
            killed = error
        finally:
            ask.close()
            for process in set(multiprocessing.active_children()) - others:
                process.kill()
            if port is None:  # Fabric leaves its own there, for the next training to stumble over
                os.environ.pop("MASTER_PORT", None)
        if interrupt.requested:
            raise KeyboardInterrupt
    if killed is not None:
        failure = killed if failures.empty() else failures.get()
        if failure is not killed and "gloo/transport" not in str(failure):
            raise failure from killed
        raise RuntimeError(  # from one that was killed, or from another that misses it
            f"a training process was lost ({str(failure).strip().splitlines()[-1]}; out of "
            "memory?): the same command goes on from the last saved state"
        ) from failure


def _in_process(
    fabric: Any, *, work: bytes, asked: Connection, failures: SimpleQueue[BaseException]
) -> None:
    begin_worker(_end_in_a_while)
    warnings.formatwarning = lambda message, *_, **__: f"warning: {message}\n"
    try:
        function, arguments = unpack(work)
        function(Peers(fabric.device, asked), *arguments)
        dist.destroy_process_group()
    except BaseException as error:
        failures.put(_portable(error))
        raise SystemExit(1) from None  # the parent ends the others, who may be waiting for this one


def _end_in_a_while() -> None:
    time.sleep(_GRACE)  # the closed pipe makes the first process save and end
    os._exit(1)


def _portable(error: BaseException) -> BaseException:
    """Return what arrives in another process, with the traceback as a note."""
    error.add_note(traceback.format_exc())
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # whatever a foreign class does when it is copied
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
