"""Ctrl-C and SIGTERM inside one process: what is raised when, and that handlers are put back."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading

import pytest

from pretrain.runtime.interrupt import Interrupt, Terminated

BOTH = (signal.SIGINT, signal.SIGTERM)


@pytest.fixture(autouse=True)
def handlers():
    """Of a process that was just started; whatever a test does, they are put back after it."""
    before = {number: signal.getsignal(number) for number in BOTH}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, _unexpected)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def _unexpected(number, frame):
    raise AssertionError(f"signal {number} went past the handler under test")


def now():
    return [signal.getsignal(number) for number in BOTH]


@pytest.mark.parametrize("number", BOTH)
def test_the_first_signal_is_noted_and_nothing_is_raised(number):
    before, calls = now(), []
    with Interrupt(lambda: calls.append(1)) as interrupt:
        assert not interrupt.requested
        assert not calls
        signal.raise_signal(number)
        assert interrupt.requested
        assert calls == [1]
    assert now() == before


@pytest.mark.parametrize("first", BOTH)
@pytest.mark.parametrize(
    ("second", "raised"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, Terminated)]
)
def test_the_second_signal_acts_and_says_which_it_was(first, second, raised):
    before, calls = now(), []
    interrupt = Interrupt(lambda: calls.append(1))
    with pytest.raises(KeyboardInterrupt) as caught, interrupt:  # noqa: PT012 (both signals)
        signal.raise_signal(first)
        signal.raise_signal(second)
    assert caught.type is raised
    assert calls == [1]
    assert now() == before


@pytest.mark.parametrize(
    ("number", "raised"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, Terminated)]
)
def test_who_stops_at_a_safe_point_is_told_which_signal_came(number, raised):
    with pytest.raises(KeyboardInterrupt) as caught, Interrupt():  # noqa: PT012
        signal.raise_signal(number)
        raise KeyboardInterrupt
    assert caught.type is raised


@pytest.mark.parametrize("number", [None, *BOTH])
def test_other_errors_are_left_as_they_are(number):
    with pytest.raises(ValueError, match="an error"), Interrupt():  # noqa: PT012
        if number is not None:
            signal.raise_signal(number)
        raise ValueError("an error")


def test_nothing_to_do_when_nobody_asks():
    with Interrupt() as interrupt:
        pass
    assert not interrupt.requested


def test_threads_leave_signals_alone():
    before, seen = now(), []

    def work():
        with Interrupt() as interrupt:
            seen.extend([*now(), interrupt.requested])

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [*before, False]
    assert now() == before


SCRIPT = """
import sys, time
from pretrain.runtime import interrupt
interrupt._SAME_REQUEST = float(sys.argv[1])
interrupt.raise_once(lambda number: (print("then", number, flush=True), sys.exit(3)))
try:
    print("ready", flush=True)
    time.sleep(30)
except KeyboardInterrupt as error:
    print(type(error).__name__, flush=True)
time.sleep(0.5)
print("in order", flush=True)
"""


@pytest.mark.parametrize(("same", "expected"), [(60.0, ["in order"]), (0.0, ["then 15"])])
def test_a_second_signal_is_the_same_request_or_ends_the_program(
    same: float, expected: list[str]
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(same)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    assert process.stdout.readline() == "Terminated\n"
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=60)
    assert out.splitlines() == expected
    assert process.returncode == (0 if same else 3)
