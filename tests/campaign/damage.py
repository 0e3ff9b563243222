"""Damages every kind of file that is read, and reads it.

What may come of it: one line that says which file is damaged ("refused"), or the same result as
without damage ("no change"). Where nothing could tell, because every digest was made to fit, only a
crash, a raw error or a hang is a failure ("forged, read").

    python tests/campaign/damage.py --count 10000
    python tests/campaign/damage.py --only "store shard" --try 17
"""

from __future__ import annotations

import contextlib
import os
import resource
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import prepare
from children import Child, Send, in_lanes
from contents import differences
from forge import seal, seal_store
from mutate import copy_folder, damage_bytes, damage_text, forge_text, replace_file
from readers import QUICK, SOURCES, SUBJECTS, Subject
from tally import Tally, arguments, end

from pretrain.training.validation import TrainingDiverged

HANG = 20.0
BATCH = 50  # inputs that one child reads; a crash ends it
LONGEST = 1_000  # characters of an error: more is no line
_MEMORY = 4 << 30  # bytes that a child may take beyond those of its parent
_OF_ROWS = {"rows", "table"}
_NAMED = (ValueError, TypeError, OSError)
_RAW = (UnicodeError, TimeoutError)


class Input(NamedTuple):
    """One damaged file; ``number`` counts those of a subject."""

    subject: Subject
    seed: int
    number: int

    def repeat(self) -> str:
        """The arguments that repeat it."""
        return f'--only "{self.subject.name}" --seed {self.seed} --try {self.number}'


class Damage(NamedTuple):
    """What was done to a file.

    Attributes:
        said: In words.
        kind: One word.
        forged: Whether the digests fit.
        other: Whether another result is well, as nothing could tell.
    """

    said: str
    kind: str
    forged: bool = False
    other: bool = False


def main() -> int:
    """Run the part."""
    parser = arguments(__doc__, count=10_000, seconds=1200)
    parser.add_argument("--only", help="one kind of file alone", choices=[s.name for s in SUBJECTS])
    parser.add_argument("--try", dest="number", type=int, help="one input alone")
    args = parser.parse_args()
    subjects = [s for s in SUBJECTS if args.only in (None, s.name)]
    return end(
        run(args.count, args.seconds, args.seed, args.lanes, args.folder, subjects, args.number)
    )


def run(
    count: int,
    seconds: float,
    seed: int,
    lanes: int,
    folder: Path | None = None,
    subjects: list[Subject] = SUBJECTS,
    number: int | None = None,
) -> Tally:
    """Damage and read; return the counts."""
    root = prepare.working_folder(folder)
    prepare.warm()
    needed = SOURCES if any(s.source not in QUICK for s in subjects) else QUICK
    inputs = prepare.inputs(root, needed)
    expected = dict(_expected(subjects, root, inputs))
    tries = (
        [Input(subjects[0], seed, number)] if number is not None else _spread(subjects, count, seed)
    )
    batches = [tries[i : i + BATCH] for i in range(0, len(tries), BATCH)]
    tally = Tally("damage")

    def work(batch: list[Input]) -> list[tuple[Input, str, str | None]]:
        return list(_batch(batch, expected, root / f"lane-{os.getpid()}", inputs))

    log = root / "log.txt"
    for _, results in in_lanes(batches, work, lanes=lanes, log=log, seconds=seconds):
        for one, outcome, failed in results:
            where = f"{one.subject.name}: {failed}" if failed else None
            tally.add(one.subject.name, outcome, failed=where, repeat=one.repeat())
    return tally


def _spread(subjects: list[Subject], count: int, seed: int) -> list[Input]:
    total = sum(subject.share for subject in subjects)
    given: Counter[str] = Counter()
    tries = []
    for index in range(count):
        one = max(subjects, key=lambda s: s.share / total * (index + 1) - given[s.name])
        tries.append(Input(one, seed, given[one.name]))
        given[one.name] += 1
    return tries


def _expected(subjects: list[Subject], root: Path, inputs: Path) -> Iterator[tuple[str, Any]]:
    """Read everything undamaged, in a child: it may train."""
    for subject in subjects:
        folder = root / "expected"
        folder.mkdir(exist_ok=True)
        one = Input(subject, 0, 0)

        def live(send: Send, one: Input = one, folder: Path = folder) -> None:
            send(one.subject.read(_fresh(one, folder, inputs)))

        ended = Child(live, log=folder / "printed.txt").finish(120)
        if not ended.answers:
            raise RuntimeError(f"{subject.name} cannot be read undamaged:\n{ended.text}")
        yield subject.name, ended.answers[0]


def _batch(
    batch: list[Input], expected: dict[str, Any], folder: Path, inputs: Path
) -> Iterator[tuple[Input, str, str | None]]:
    """Read a batch in children: a new one after each crash or hang."""
    folder.mkdir(exist_ok=True)
    left = list(batch)
    while left:

        def live(send: Send, todo: tuple[Input, ...] = tuple(left)) -> None:
            _limit_memory()
            for one in todo:
                send(_one(one, expected[one.subject.name], folder, inputs, send))

        (folder / "printed.txt").unlink(missing_ok=True)
        child = Child(live, log=folder / "printed.txt")
        said = "?"
        while left:
            try:
                answer = child.receive(HANG)
            except TimeoutError:
                yield left.pop(0), "", f"({said}) hung"
                break
            except EOFError:
                ended = child.finish(5)
                yield left.pop(0), "", f"({said}) ended the process with {ended.code}"
                break
            if isinstance(answer, str):  # what is being done
                said = answer
            else:
                yield left.pop(0), *answer
        child.finish(0.5)


def _one(
    one: Input, expected: Any, folder: Path, inputs: Path, send: Send
) -> tuple[str, str | None]:
    """Damage and read one file; return the outcome, and what failed."""
    subject = one.subject
    copied = _fresh(one, folder, inputs)
    rng = np.random.default_rng([one.seed, one.number, *subject.name.encode()])
    paths = sorted(copied.glob(subject.files))
    path = paths[int(rng.integers(len(paths)))]
    before = path.read_bytes()
    damage = _damage(rng, subject, path)
    send(damage.said)
    left = path.read_bytes() if path.is_file() and not path.is_symlink() else None
    state = _state(copied)
    try:
        found = subject.read(copied)
    except BaseException as error:
        return _judged(error, path, copied, damage)
    if not subject.writes and _state(copied) != state:
        return "", f"({damage.said}) the reader changed the folder"
    different = differences(expected, found, rel=0)
    if not different:
        return "no change", None
    if damage.other or _may_be_fewer(subject, damage, before, left, expected, found):
        return "forged, read" if damage.forged else "fewer lines", None
    return "", f"({damage.said}) accepted with another result: {'; '.join(different[:2])[:300]}"


def _fresh(one: Input, folder: Path, inputs: Path) -> Path:
    copied = folder / "damaged"
    copy_folder(inputs / one.subject.source, copied)
    with contextlib.suppress(FileExistsError):
        os.symlink(inputs, folder / "in")
    return copied


def _damage(rng: np.random.Generator, subject: Subject, path: Path) -> Damage:
    """Do one thing to a file."""
    data = path.read_bytes()
    if rng.random() < 0.08:
        kind = replace_file(rng, path)
        return Damage(kind, kind)
    if subject.forge is not None and rng.random() < 0.5:
        said, other = subject.forge(rng, path)
        return Damage(said, "forged", forged=True, other=other)
    if path.suffix not in (".json", ".jsonl") or rng.random() < 0.3:
        said, changed = damage_bytes(rng, data)
        path.write_bytes(changed)
        return Damage(said, said.split()[0])
    lines = data.decode().splitlines() if path.suffix == ".jsonl" else [data.decode()]
    at = int(rng.integers(len(lines)))
    sealed = None
    if rng.random() < 0.5 and "old" not in subject.name:
        sealed = forge_text(rng, lines[at], seal)
    said, changed = sealed or damage_text(rng, lines[at])
    parts = [line.encode() for line in lines]
    parts[at] = changed.strip() if path.suffix == ".jsonl" else changed
    path.write_bytes(b"\n".join(parts) + b"\n")
    if sealed and path.name == "data.json":
        seal_store(path.parent)
    return Damage(said, "text", forged=bool(sealed))


def _judged(
    error: BaseException, path: Path, folder: Path, damage: Damage
) -> tuple[str, str | None]:
    text = str(error)
    kind = type(error).__name__
    said = f"({damage.said}) {kind}: {text[:300]}"
    if damage.other and isinstance(error, (TrainingDiverged, *_NAMED)) and "\n" not in text:
        return "forged, read", None
    if not isinstance(error, _NAMED) or isinstance(error, _RAW):
        return "", f"raw error {said}"
    if path.name not in text and str(folder) not in text:
        return "", f"an error that names no file {said}"
    if "\n" in text.strip() or len(text) > LONGEST:
        return "", f"an error of {len(text.splitlines())} lines, {len(text)} characters {said}"
    return "refused", None


def _may_be_fewer(
    subject: Subject, damage: Damage, before: bytes, left: bytes | None, expected: Any, found: Any
) -> bool:
    """Tell whether lines that are gone are all that differs, and nothing could tell."""
    if damage.kind in ("missing", "nowhere", "loop"):
        return subject.optional
    if damage.kind == "empty":
        return subject.growing
    if left is None or not subject.lines:
        return False
    at_end = left.endswith(b"\n") or before[len(left) : len(left) + 1] == b"\n"
    torn = subject.growing and not left.endswith(b"\n")
    if not torn and not (damage.kind == "cut" and at_end):
        return False
    rows = iter(expected["rows"])
    fewer = all(any(not differences(row, other, rel=0) for other in rows) for row in found["rows"])
    others = [{k: v for k, v in one.items() if k not in _OF_ROWS} for one in (expected, found)]
    return fewer and not differences(*others, rel=0)


def _state(folder: Path) -> list[Any]:
    stats = [(path, path.lstat()) for path in sorted(folder.rglob("*"))]
    return [(str(path), s.st_size, s.st_mtime_ns, s.st_ino) for path, s in stats]


def _limit_memory() -> None:
    """A damaged size must end in an error, not in the end of the machine."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + _MEMORY, used + _MEMORY))


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        sys.exit(main())
