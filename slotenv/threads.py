"""PyTorch on one thread, for a block of code."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch


@contextmanager
def one_thread() -> Iterator[None]:
    """Run PyTorch on one thread inside the block, in this Python thread only.

    Slots take little arithmetic (equal windows are computed once), and waiting for each other
    costs threads more: with other work on the cores, a batch of 8 Atari frames takes ten times as
    long on two threads, one of 128 five times. Needed as well in a process forked from one that
    has used PyTorch: it would wait forever for threads that were not copied.
    """
    # A new Python thread takes over PyTorch's number here, and not inside the block.
    before = torch.get_num_threads()
    if before == 1:
        yield
        return
    set_threads, set_mkl = _setters_of_this_thread()
    set_threads(1)
    mkl_before = set_mkl(1)
    try:
        yield
    finally:
        set_threads(before)
        set_mkl(mkl_before)


@cache
def _setters_of_this_thread() -> tuple[Callable[[int], Any], Callable[[int], Any]]:
    """Return what sets the number of threads of OpenMP and MKL for the calling thread alone.

    :func:`torch.set_num_threads` sets it for threads that start later as well: one that started
    while another encodes would stay with a single thread for good. It is taken only if PyTorch was
    built in another way.
    """
    library = ctypes.CDLL(torch._C.__file__)  # finds what it was linked with as well
    try:
        set_openmp = library.omp_set_num_threads
        # MKL has a number of its own, and returns the one before; 0 stands for OpenMP's.
        has_mkl = torch.backends.mkl.is_available()  # type: ignore[no-untyped-call]
        return set_openmp, library.MKL_Set_Num_Threads_Local if has_mkl else int
    except AttributeError:
        return torch.set_num_threads, int
