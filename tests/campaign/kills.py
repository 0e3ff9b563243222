"""Kills every verb that writes, runs it again, and compares with a run that was left alone.

A try is decided by the verb, the seed and its number: the signal (SIGKILL, SIGTERM, SIGINT once or
twice), and where it strikes, at the n-th call of the system (see ``aim.py``) or after some time.

    python tests/campaign/kills.py --count 1000
    python tests/campaign/kills.py --only train --try 17
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import prepare
from aim import Aim
from attempt import (
    HANG,
    INTERRUPTED,
    TERMINATED,
    Reference,
    act,
    fresh,
    judged,
    outcome,
    refer,
    start,
)
from children import End, in_lanes
from contents import contents, differences, leftovers
from tally import Tally, arguments, end
from verbs import VERBS, Verb

_BETWEEN = 0.02  # seconds between two Ctrl-C of an impatient user
_WELL = {0, INTERRUPTED, TERMINATED, -signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT}
_MODES = ("kill",) * 9 + ("torn", "term", "int", "timed kill", "timed kill", "timed int twice")


@dataclass(frozen=True)
class Try:
    """One try; ``number`` counts those of a verb."""

    verb: Verb
    seed: int
    number: int

    def repeat(self) -> str:
        """The arguments that repeat it."""
        return f"--only {self.verb.name} --seed {self.seed} --try {self.number}"


def main() -> int:
    """Run the part."""
    parser = arguments(__doc__, count=1000, seconds=1500)
    parser.add_argument("--only", choices=VERBS, help="one verb alone")
    parser.add_argument("--try", dest="number", type=int, help="one try alone")
    args = parser.parse_args()
    only = [args.only] if args.only else None
    return end(run(args.count, args.seconds, args.seed, args.lanes, args.folder, only, args.number))


def run(
    count: int,
    seconds: float,
    seed: int,
    lanes: int,
    folder: Path | None = None,
    only: list[str] | None = None,
    number: int | None = None,
) -> Tally:
    """Do the tries; return their counts."""
    root = prepare.working_folder(folder)
    verbs = [VERBS[name] for name in only or VERBS]
    tries = [Try(verbs[0], seed, number)] if number is not None else _tries(verbs, count, seed)
    prepare.warm()
    inputs = prepare.inputs(root, {name for one in tries for name in one.verb.reads})
    before = contents(inputs)
    references: dict[str, Reference] = {}
    deadline = time.monotonic() + seconds
    for verb in dict.fromkeys(one.verb for one in tries):
        references[verb.name] = refer(verb, root / f"reference-{verb.name}", inputs)
    tally = Tally("kills")

    def work(one: Try) -> tuple[str, str | None]:
        return _one(one, references[one.verb.name], root, inputs)

    left = deadline - time.monotonic()
    for one, (ending, failed) in in_lanes(
        tries, work, lanes=lanes, log=root / "log.txt", seconds=left
    ):
        where = f"{one.verb.name}: {failed}" if failed else None
        tally.add(one.verb.name, ending, failed=where, repeat=one.repeat())
    changed = differences(before, contents(inputs))
    tally.add("inputs", "untouched", failed="; ".join(changed[:3]) or None)
    return tally


def _tries(verbs: list[Verb], count: int, seed: int) -> list[Try]:
    """Spread the tries over the verbs by their shares, each at least once."""
    total = sum(verb.share for verb in verbs)
    given: Counter[str] = Counter()
    tries = []
    for index in range(count):
        verb = max(verbs, key=lambda v: v.share / total * (index + 1) - given[v.name])
        tries.append(Try(verb, seed, given[verb.name]))
        given[verb.name] += 1
    return tries


def _one(one: Try, reference: Reference, root: Path, inputs: Path) -> tuple[str, str | None]:
    """Do one try; return its outcome, and what failed if anything did."""
    rng = np.random.default_rng([one.seed, one.number, *one.verb.name.encode()])
    mode = str(rng.choice(_MODES))
    folder = fresh(root / f"try-{one.verb.name}-{one.number}", one.verb, inputs)
    at = int(rng.integers(1, reference.calls + 1))
    after = float(rng.uniform(0, 1.1 * reference.seconds))
    struck = _struck(one.verb, folder, mode, at, after)
    what = f"{mode} at call {at} of {reference.calls}"
    if mode.startswith("timed"):
        what = f"{mode} after {after:.3f} s of {reference.seconds:.3f}"
    failed = judged(struck, _WELL) or (_unreadable(folder) if one.verb.readable else None)
    if not failed:
        again = act(one.verb, folder)
        failed = judged(again, {0})
        failed = failed and f"run again it {failed}"
    if not failed:
        different = differences(reference.contents, outcome(folder))
        failed = f"another result: {'; '.join(different[:4])}" if different else None
    if not failed and (left := leftovers(folder)):
        failed = f"left over: {', '.join(left[:4])}"
    if failed is None or not os.environ.get("CAMPAIGN_KEEP"):
        shutil.rmtree(folder, ignore_errors=True)
    ending = "ended before" if struck.code == 0 else mode.replace("timed ", "")
    return ending, failed and f"({what}) {failed}"


def _struck(verb: Verb, folder: Path, mode: str, at: int, after: float) -> End:
    numbers = {"kill": signal.SIGKILL, "torn": signal.SIGKILL, "term": signal.SIGTERM}
    if not mode.startswith("timed"):
        number = numbers.get(mode, signal.SIGINT)
        return act(verb, folder, Aim(folder, at=at, number=number, torn=mode == "torn"))
    child = start(verb, folder)
    if not child.wait(after):
        if "int" in mode:
            child.signal(signal.SIGINT, group=True)
            time.sleep(_BETWEEN)
            child.signal(signal.SIGINT, group=True)
        else:
            child.signal(signal.SIGKILL)
    return child.finish(HANG)


def _unreadable(folder: Path) -> str | None:
    """Return why the encoder cannot be loaded after a kill."""
    from slotenv import SlotEncoder

    try:
        SlotEncoder.from_pretrained(folder / "out")
    except Exception as error:
        return f"left an encoder that cannot be loaded: {type(error).__name__}: {error}"
    return None


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        sys.exit(main())
