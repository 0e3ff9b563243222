"""Counts of a part of the campaign, and the failures with the command that repeats each."""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
SHOWN = 40  # failures that are printed of each part


@dataclass
class Tally:
    """What became of the tries of one part.

    Attributes:
        part: Its name, that of the file.
        rows: Line of the table to outcome to how many.
        failures: What failed, how to repeat it.
    """

    part: str
    rows: dict[str, Counter[str]] = field(default_factory=dict)
    failures: list[tuple[str, str]] = field(default_factory=list)

    def add(self, row: str, outcome: str, *, failed: str | None = None, repeat: str = "") -> None:
        """Count one try.

        Args:
            row: Line of the table.
            outcome: Column.
            failed: What went wrong, None if nothing did.
            repeat: Arguments that repeat the try alone.
        """
        self.rows.setdefault(row, Counter())["FAILED" if failed else outcome] += 1
        if failed:
            self.failures.append((failed, f"python tests/campaign/{self.part}.py {repeat}"))

    @property
    def tries(self) -> int:
        """How many tries there were."""
        return sum(sum(counts.values()) for counts in self.rows.values())

    def table(self) -> str:
        """Return the table, and below it what failed."""
        columns = sorted({name for counts in self.rows.values() for name in counts})
        total: Counter[str] = Counter()
        for counts in self.rows.values():
            total += counts
        width = max([len(self.part), 5, *map(len, self.rows)])
        lines = [f"{self.part:<{width}}" + "".join(f"{name:>14}" for name in ("tries", *columns))]
        for name, counts in [*sorted(self.rows.items()), ("total", total)]:
            cells = [sum(counts.values()), *(counts[column] for column in columns)]
            lines.append(f"{name:<{width}}" + "".join(f"{cell:>14,}" for cell in cells))
        for failed, repeat in self.failures[:SHOWN]:
            lines += ["", f"FAILED {failed}", f"  again: {repeat}"]
        if len(self.failures) > SHOWN:
            lines += ["", f"and {len(self.failures) - SHOWN} more failures"]
        return "\n".join(lines)


def arguments(description: str | None, *, count: int, seconds: float) -> argparse.ArgumentParser:
    """Return the flags that all parts have."""
    parser = argparse.ArgumentParser(description=(description or "").partition("\n")[0])
    parser.add_argument("--count", type=int, default=count, help="tries")
    parser.add_argument("--seconds", type=float, default=seconds, help="begin no try after these")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--lanes", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--folder", type=Path, help="to work in and keep; default: one that goes")
    return parser


def end(tally: Tally) -> int:
    """Print the table; return the exit code."""
    sys.stdout.write(tally.table() + "\n")
    sys.stdout.flush()
    return int(bool(tally.failures) or not tally.tries)
