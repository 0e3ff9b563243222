"""A process for each of several devices, started through Lightning Fabric, and their parent.

What the processes do with each other while they train stands in
:mod:`pretrain.training.data_parallel`.
"""

from __future__ import annotations

import importlib.util
import logging
import multiprocessing
import os
import pickle
import time
import traceback
import warnings
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.queues import SimpleQueue
from typing import TYPE_CHECKING, Any

import torch.distributed
from torch.multiprocessing.spawn import ProcessExitedException, ProcessRaisedException

from pretrain.config import TrainConfig
from pretrain.runtime.interrupt import Interrupt
from pretrain.runtime.workers import begin_worker, pack, unpack
from pretrain.training.data_parallel import Peers
from pretrain.training.step import choose_device

if TYPE_CHECKING:
    from lightning_fabric import Fabric

_TIMEOUT = timedelta(minutes=10)  # for one exchange: the slowest waits for a first compilation
_GRACE = 30.0  # seconds in which processes whose parent was killed may save their state

# They tell of every start and stop; the one that matters is told as an error.
for _name in (
    "lightning_fabric.utilities.distributed",
    "lightning_fabric.utilities.rank_zero",
    "torch.multiprocessing.spawn",
):
    logging.getLogger(_name).setLevel(logging.ERROR)


def check_devices(config: TrainConfig) -> torch.device:
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

    Args:
        function: At the top of a module; called as ``function(peers, *arguments)``.
        config: Which devices, and how many.
        *arguments: Can be pickled.

    Raises:
        KeyboardInterrupt: On Ctrl-C.
        RuntimeError: If a process was killed.
        ValueError: If there are too few devices, Lightning Fabric is missing, or the method is
            defined where no other process can find it.
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
    fabric: Fabric, *, work: bytes, asked: Connection, failures: SimpleQueue[BaseException]
) -> None:
    begin_worker(_end_in_a_while)
    warnings.formatwarning = lambda message, *_, **__: f"warning: {message}\n"
    try:
        function, arguments = unpack(work)
        function(Peers(fabric.device, asked), *arguments)
        torch.distributed.destroy_process_group()
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
