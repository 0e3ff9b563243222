"""Progress in a log, and how many cores work is shared out among."""

from __future__ import annotations

import os

import pytest

from pretrain.runtime import progress
from pretrain.runtime.workers import usable_cores


def test_a_log_gets_a_line_now_and_then_and_one_at_the_end(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(0, 10_000, 10))  # seconds
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    with progress.Progress("train", total=40, unit="updates") as bar:
        for _ in range(40):
            bar.advance(1, note="loss 0.5")
    lines = capsys.readouterr().err.splitlines()
    assert 5 <= len(lines) <= 40
    assert all(line.startswith("train: ") and line.endswith("loss 0.5") for line in lines)
    assert lines[-1].startswith("train: 40 of 40 updates")


def test_a_line_of_a_stage_goes_to_the_log_at_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    progress.say("fit", "round 3 of 12")
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "fit: round 3 of 12\n")


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="affinity is Linux's")
def test_only_cores_that_may_be_used_count(monkeypatch: pytest.MonkeyPatch) -> None:
    allowed = os.sched_getaffinity(0)
    assert usable_cores() == len(allowed)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        assert usable_cores() == 1
    finally:
        os.sched_setaffinity(0, allowed)
    monkeypatch.delattr(os, "sched_getaffinity")
    for count, expected in ((16, 16), (None, 1)):
        monkeypatch.setattr(os, "cpu_count", lambda count=count: count)
        assert usable_cores() == expected
