"""Strange places: full and read-only disks, no home, links and mounts, others at work beside.

python tests/campaign/places.py
python tests/campaign/places.py --only "two writers"
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from pathlib import Path

import prepare
from children import Child, Send
from places_beside import BESIDE
from places_disk import DISKS
from places_names import NAMES
from standing import Place, Skipped, Standing
from tally import Tally, arguments, end

HANG = 300.0  # seconds for one place: some run several commands
_SPRITES, _GAMES = {"sprites", "objects", "maps", "more"}, {"pong", "probe", "bench"}
_WITH_GAMES = {*DISKS, "not UTF-8"}
PLACES: dict[str, Place] = DISKS | NAMES | BESIDE


def main() -> int:
    """Run the part."""
    parser = arguments(__doc__, count=len(PLACES), seconds=900)
    parser.add_argument("--only", choices=PLACES, help="one place alone")
    args = parser.parse_args()
    names = [args.only] if args.only else list(PLACES)[: args.count]
    return end(run(names, args.folder))


def run(names: list[str], folder: Path | None = None) -> Tally:
    """Try the places; return their counts."""
    root = prepare.working_folder(folder)
    prepare.warm()
    inputs = prepare.inputs(root, _SPRITES | (_GAMES if _WITH_GAMES & set(names) else set()))
    tally = Tally("places")
    for number, name in enumerate(names):
        work = root / f"place-{number}"

        def live(send: Send, name: str = name, work: Path = work) -> None:
            shutil.rmtree(work, ignore_errors=True)
            work.mkdir()
            os.chdir(work)
            standing = Standing(work, inputs)
            try:
                PLACES[name](standing)
            except Skipped as why:
                send(str(why))
            else:
                send("")
            finally:
                standing.leave()

        ended = Child(live, log=root / f"place-{number}.txt").finish(HANG)
        skipped = ended.answers[0] if ended.answers else ""
        failed = None if ended.answers else f"{name}: ended with {ended.code}: {ended.text[-600:]}"
        outcome = f"skipped: {skipped}" if skipped else "well"
        tally.add(name, outcome, failed=failed, repeat=f'--only "{name}"')
    return tally


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        sys.exit(main())
