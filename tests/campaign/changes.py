"""Do the tests notice a small change to the library?

Draws changes at random (``changes_draw.py``), makes one at a time in a copy of the project and
runs the tests of the changed file (``changes_tests.py``, ``changes_copy.py``). Prints how many
were noticed for each file and those that were not, and fails if they are too many.

    python tests/campaign/changes.py --count 300 --seed 0
    python tests/campaign/changes.py --only slotenv/tracking.py --count 1000 --out changes.jsonl

The second form goes on where it was stopped. A change that alters nothing anyone could see stands
in ``harmless.toml`` with the reason. mutmut and Cosmic Ray were not taken: both start a Python
process for each change, and importing PyTorch takes longer than most of the tests.
"""

# ruff: noqa: T201

from __future__ import annotations

import argparse
import ast
import json
import os
import random
import sys
import tempfile
import tomllib
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"

from changes_copy import Copy
from changes_draw import Change, changes_of
from changes_tests import LOOKS, ROOT, sources, tests_of

LEAST_NOTICED = 0.92
HARMLESS = Path(__file__).with_name("harmless.toml")


def main() -> int:
    """Run the check from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=300, help="changes to draw")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", help="files or folders, from the root of the project")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--out", type=Path, help="file of results, to go on from later")
    args = parser.parse_args()
    try:
        return _run(args)
    except (RuntimeError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2


def _run(args: argparse.Namespace) -> int:
    drawn = _draw(args.only, args.count, args.seed)
    harmless = {entry["change"] for entry in tomllib.loads(HARMLESS.read_text())["harmless"]}
    results = _read(args.out)
    waiting = [change for change in drawn if change.key not in {*results, *harmless}]
    parts = [waiting[job :: args.jobs] for job in range(args.jobs)]
    # No Pool: its processes are daemons, and tests of a daemon may start no processes of their own.
    with ProcessPoolExecutor(args.jobs, mp_context=get_context("spawn")) as pool:
        for rows in pool.map(_work, [(part, args.out) for part in parts]):
            results |= rows
    return _print_table(drawn, results, harmless)


def _draw(only: list[str] | None, count: int, seed: int) -> list[Change]:
    """Draw changes of some files, sorted by file so that tests of one run after each other."""
    wanted = [Path(name) for name in only or ()]
    found = []
    for source in sources():
        if wanted and not any(path in (source, *source.parents) for path in wanted):
            continue
        tests_of(source)
        for change in changes_of(source.as_posix(), (ROOT / source).read_bytes()):
            if not (any(source.match(looks) for looks in LOOKS) and _is_number(change.old)):
                found.append(change)
    if not found:
        raise ValueError(f"nothing to change in {', '.join(only or ())}")
    drawn = random.Random(seed).sample(found, min(count, len(found)))
    return sorted(drawn, key=lambda change: (change.path, change.line, change.key))


def _is_number(text: str) -> bool:
    try:
        return isinstance(ast.literal_eval(text), int | float)
    except (ValueError, SyntaxError):
        return False


def _work(job: tuple[list[Change], Path | None]) -> dict[str, bool]:
    """Try changes in a copy of one's own; each result is written as soon as it is known."""
    changes, out = job
    results = {}
    with tempfile.TemporaryDirectory(prefix="slotenv-changes-") as folder:
        copy = Copy(Path(folder))
        for change in changes:
            source = (copy.root / change.path).read_bytes()
            # The copy may be newer than the draw.
            again = {new.key: new for new in changes_of(change.path, source)}
            if change.key not in again:
                continue
            changed = again[change.key].apply(source)
            noticed = copy.notices(change.path, changed, tests_of(Path(change.path)))
            results[change.key] = noticed
            print("." if noticed else f"\n{_told(change)}\n", end="", flush=True, file=sys.stderr)
            if out is not None:
                row = json.dumps({"change": change.key, "noticed": noticed}) + "\n"
                with out.open("a") as file:
                    file.write(row)
    return results


def _read(out: Path | None) -> dict[str, bool]:
    if out is None or not out.exists():
        return {}
    rows: list[dict[str, Any]] = [json.loads(line) for line in out.read_text().splitlines()]
    return {row["change"]: row["noticed"] for row in rows}


def _told(change: Change) -> str:
    return f"{change.path}:{change.line} {change.text} | {change.old} -> {change.new}"


def _print_table(drawn: list[Change], results: dict[str, bool], harmless: set[str]) -> int:
    tried = [c for c in drawn if c.key in results and c.key not in harmless]
    missed = [change for change in tried if not results[change.key]]
    counts = Counter(change.path for change in tried)
    unnoticed = Counter(change.path for change in missed)
    print(f"\n{'file':<50}{'changes':>9}{'noticed':>9}")
    for path, count in counts.items():
        print(f"{path:<50}{count:>9}{count - unnoticed[path]:>9}")
    print(f"{'all':<50}{len(tried):>9}{len(tried) - len(missed):>9}")
    known = sum(change.key in harmless for change in drawn)
    print(f"Not counted: {known} drawn that are known to be harmless.")
    for change in missed:
        print(_told(change))
    share = 1 - len(missed) / len(tried) if tried else 1.0
    print(f"{share:.1%} noticed, at least {LEAST_NOTICED:.0%} are needed.")
    return int(share < LEAST_NOTICED)


if __name__ == "__main__":
    sys.exit(main())
