"""The whole campaign: kills, damage, strange places, soak. ``make campaign`` runs it.

Prints a table for each part; the exit code is 1 if anything failed.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import time
from collections.abc import Iterator

import damage
import kills
import places
import soak
from readers import QUICK, SUBJECTS
from tally import Tally
from verbs import VERBS

KILLS, INPUTS, STEPS, OPENINGS = 1_000, 10_000, 1_000_000, 1_000
SHORT_KILLS, SHORT_INPUTS, SHORT_STEPS, SHORT_OPENINGS = 40, 400, 4_000, 40
SHORT_PLACES = ["two writers", "links and mounts", "readers write nothing", "eight workers"]
_MADE = {"sprites", "objects", "maps", "more"}  # inputs that take no emulator
_SECONDS = 3_600.0  # for each part: the counts decide


def main() -> int:
    """Run all parts."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--short", action="store_true", help="about a minute, on what is quick")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--lanes", type=int, default=len(os.sched_getaffinity(0)))
    args = parser.parse_args()
    began = time.monotonic()
    tallies = []
    for part in _short(args) if args.short else _whole(args):
        tallies.append(part)
        sys.stdout.write(f"{part.table()}\n\n")
        sys.stdout.flush()
    failures = sum(len(part.failures) for part in tallies)
    for part in tallies:
        sys.stdout.write(f"{part.part:<10}{part.tries:>12,}{len(part.failures):>8,} failed\n")
    sys.stdout.write(f"{(time.monotonic() - began) / 60:.1f} minutes\n")
    return int(bool(failures))


def _whole(args: argparse.Namespace) -> Iterator[Tally]:
    yield kills.run(KILLS, _SECONDS, args.seed, args.lanes)
    yield damage.run(INPUTS, _SECONDS, args.seed, args.lanes)
    yield places.run(list(places.PLACES))
    yield soak.run(STEPS, OPENINGS, args.lanes)


def _short(args: argparse.Namespace) -> Iterator[Tally]:
    """What needs no emulator and no pictures."""
    quick = [name for name, verb in VERBS.items() if verb.share >= 6 and set(verb.reads) <= _MADE]
    yield kills.run(SHORT_KILLS, _SECONDS, args.seed, args.lanes, only=quick)
    subjects = [subject for subject in SUBJECTS if subject.source in QUICK]
    yield damage.run(SHORT_INPUTS, _SECONDS, args.seed, args.lanes, subjects=subjects)
    yield places.run(SHORT_PLACES)
    yield soak.run(SHORT_STEPS, SHORT_OPENINGS, args.lanes, only=["motion", "FrameStore"])


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        sys.exit(main())
