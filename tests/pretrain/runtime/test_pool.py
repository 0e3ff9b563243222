"""Processes that work: their results, what they raise, and that a lost one is told."""

from __future__ import annotations

import math
import signal

import pytest

from pretrain.runtime.pool import in_processes


def test_every_result_comes_with_the_call_it_is_of() -> None:
    calls = [(6, 4), (9, 6), (5, 7)]
    assert sorted(in_processes(math.gcd, calls, 2, what="test")) == [(0, 2), (1, 3), (2, 1)]


def test_what_a_call_raises_is_raised_here() -> None:
    with pytest.raises(ValueError, match="math domain error"):
        list(in_processes(math.sqrt, [(-1,)], 1, what="test"))


def test_a_process_that_was_killed_is_told() -> None:
    with pytest.raises(RuntimeError, match=r"a test worker was killed .*fewer --workers"):
        list(in_processes(signal.raise_signal, [(signal.SIGKILL,)], 1, what="test"))
