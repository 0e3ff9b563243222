"""Work that several processes do at a time, each of which ends with this one."""

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from pretrain.runtime.interrupt import starting_processes
from pretrain.runtime.workers import begin_worker

Result = TypeVar("Result")


def in_processes(
    work: Callable[..., Result], calls: Sequence[tuple[Any, ...]], workers: int, *, what: str
) -> Iterator[tuple[int, Result]]:
    """Call a function with each tuple of arguments, in processes; yield results as they come.

    Args:
        work: At the top of a module, so that another process finds it.
        calls: Arguments of each call.
        workers: Processes.
        what: What they do, for messages.

    Yields:
        Which of the calls it was, and what it returned.

    Raises:
        RuntimeError: If a process was killed, or none could start.
        Exception: What a call raises.
    """
    # Spawned, not forked: a fork of a process that has used torch can hang.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=begin_worker)
    processes: list[multiprocessing.process.BaseProcess] = []
    try:
        with starting_processes():
            futures = {pool.submit(work, *call): i for i, call in enumerate(calls)}
            processes = list((pool._processes or {}).values())
        for future in as_completed(futures):
            yield futures[future], future.result()
    except BrokenProcessPool as error:
        for process in processes:
            process.join(timeout=5)
        why = (
            f"a {what} worker was killed (out of memory?): run the same command again, or with "
            "fewer --workers"
        )
        if any(process.exitcode == 1 for process in processes):
            why = (
                f"the {what} workers could not start. A script that starts them needs its calls "
                'under if __name__ == "__main__": in a file, because each worker reads the script '
                "again; workers=1 does without workers"
            )
        raise RuntimeError(why) from error
    except BaseException:
        for process in processes:
            process.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
