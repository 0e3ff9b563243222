"""Progress of every long stage: a bar on a terminal, a line now and then in a log."""

import sys
import time
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress

_LOG_EVERY = 30.0  # seconds between lines where there is no terminal


def say(stage: str, text: str) -> None:
    """Print a line about a stage that cannot count what is left, on a terminal and in a log."""
    print(f"{stage}: {text}", file=sys.stderr, flush=True)


class Progress:
    """A bar on a terminal; elsewhere a line of text now and then.

    It counts to ``total``; ``start`` were done before. ``unit`` is what is counted, plural.
    """

    def __init__(self, stage: str, *, total: int, start: int = 0, unit: str) -> None:
        self._stage, self._unit, self._total = stage, unit, total
        self._start = self._done = start
        self._note = ""
        self._began = self._logged = time.monotonic()
        self._bar = RichProgress(
            TextColumn("{task.description:8}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
            console=Console(file=sys.stderr),
            disable=not sys.stderr.isatty(),
        )
        self._task = self._bar.add_task(stage, total=total, completed=start, rate="", note="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._bar.stop()
        if self._bar.disable and kind is None and self._done > self._start:
            self._log()

    def advance(self, units: int, note: str | None = None) -> None:
        """Count units as done; ``note`` is shown beside the bar from now on."""
        self._done += units
        self._note = self._note if note is None else note
        rate = self._rate()
        text = f"{rate:,.0f} {self._unit}/s" if rate >= 10 else f"{rate:.2f} {self._unit}/s"
        self._bar.update(self._task, completed=self._done, rate=text, note=self._note)
        if self._bar.disable and time.monotonic() - self._logged >= _LOG_EVERY:
            self._log()

    def _rate(self) -> float:
        return (self._done - self._start) / max(time.monotonic() - self._began, 1e-9)

    def _log(self) -> None:
        self._logged = time.monotonic()
        rate = self._rate()
        left = (self._total - self._done) / rate if rate else float("inf")
        text = f"{self._done:,} of {self._total:,} {self._unit}, {rate:,.1f}/s, {left:,.0f} s to go"
        say(self._stage, f"{text}, {self._note}" if self._note else text)
