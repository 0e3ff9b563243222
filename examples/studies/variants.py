"""Every variant of the encoder of objects, on the same frames: which ingredient buys what.

    python -m pretrain bench --out runs/bench --methods objects --games Pong ... (for its frames)
    python examples/studies/variants.py --data runs/bench --out examples/results/variants.jsonl

Goes up from colour centroids to the final form, one ingredient at a time, then leaves single
ingredients out of it; ``variants_of_objects.py`` has them all. Every variant of a game is fitted
to the same 2,000 random moments of the first 60 % of a pretraining set and probed on every eighth
frame of the rest. Those are validation frames: the benchmark's probe frames, which results are
reported on, take no part in choosing among variants.

Rows are appended to ``--out``, a table is written beside it; a variant that is done for a game is
skipped. Rows of Slot Contrastive Networks are quoted from the benchmark, where they were probed on
its own frames. The default games are of several kinds: few things on a still screen (Pong,
Breakout), lanes (Freeway, Seaquest), a maze (Ms. Pac-Man), a swarm (Space Invaders), a scrolling
world (Riverraid), several rooms (Private Eye).
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from study_frames import Frames, SomeFrames, collected
from typing_extensions import TypedDict
from variant_fits import PAIRS, Sample
from variants_of_objects import VARIANTS
from variants_table import cells_of, notes_on, quoted, tables

from pretrain.data.store import FrameStore
from pretrain.drawing.estimate import number
from pretrain.runtime.resumable import MeasuredRows, Row
from slotenv import records
from slotenv.encoders import object_mixture
from slotenv.environments import game_key
from slotenv.probe import Features, probe_features, read_features

STILL = ("pong", "breakout", "freeway", "mspacman", "seaquest", "spaceinvaders")
CHANGING = ("riverraid", "privateeye")  # the background is not the same all the time
BENCH = Path(__file__).parents[1] / "results" / "bench" / "rows.jsonl"


class _Row(TypedDict):
    """What is needed of a row that was written before."""

    __pydantic_config__ = records.OPEN  # type: ignore[misc]

    variant: str
    game: str
    seed: records.Count
    data: str
    fit_frames: records.Count
    probe_frames: records.Count
    num_slots: records.Count
    fit_seconds: float
    scn_ridge: float | None


def draw(store: FrameStore, until: int, options: argparse.Namespace, seed: int) -> Sample:
    """Draw the moments to fit to, with the next frame of each."""
    rows = np.flatnonzero(store.episode[: until - 1] == store.episode[1:until])
    chosen = np.random.default_rng(seed).permutation(rows)[: options.fit_frames]
    chosen[:PAIRS].sort()  # reading in order is faster
    chosen[PAIRS:].sort()
    updates = 3 if options.quick else 150
    return Sample(store.frames(chosen), store.frames(chosen + 1), store.preset, seed, updates)


def measure(name: str, game: str, sample: Sample, data: SomeFrames) -> Row:
    """Fit a variant, encode with it, and probe."""
    spent = 0.0

    def timed(frames: Frames) -> NDArray[np.float32]:
        nonlocal spent
        began = time.process_time()
        slots = encode(frames)
        spent += time.process_time() - began
        return slots

    began = time.process_time()
    encode = VARIANTS[name].encoder(sample)
    fit_seconds = time.process_time() - began
    features = read_features(timed, data, batch_size=64)
    return {
        "num_slots": features.slots.shape[1],
        "slot_dim": features.slots.shape[2],
        "fit_seconds": round(fit_seconds, 2),
        "frames_per_second": round(len(data) / max(spent, 1e-6)),
        **probed(features, data, game),
    }


def probed(features: Features, data: SomeFrames, game: str) -> Row:
    """Probe under both views."""
    found: Row = {"slots": hashlib.sha256(features.slots.tobytes()).hexdigest()[:16]}
    for view in ("scn", "pixel"):
        report = probe_features(features, data, game=game, view=view)
        found |= {
            f"{view}_accuracy": report.accuracy,
            f"{view}_ridge": report.ridge_accuracy,
            f"{view}_modularity": report.modularity,
            f"{view}_compactness": report.compactness,
        }
    return found | {"presence": report.presence_accuracy}


def run(options: argparse.Namespace, known: MeasuredRows, folder: Path) -> list[Row]:
    """Measure what is missing; return the rows of all that was asked for."""
    sources = sorted(Path(object_mixture.__path__[0]).glob("*.py"))
    source = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]
    rows = []
    for game in options.games:
        store = data_of(game, options, folder)
        until = len(store) * 6 // 10
        data = SomeFrames(store, np.arange(until, len(store), options.every))
        for seed in options.seeds:
            sample = None
            for name in options.variants:
                key = {"variant": name, "game": game, "seed": seed, "data": store.checksum}
                key |= {"fit_frames": options.fit_frames, "probe_frames": len(data)}
                done = known.having(**key)
                if not done:
                    sample = sample or draw(store, until, options, seed)
                    done = [key | {"source": source} | measure(name, game, sample, data)]
                    known.put(done)
                    print(
                        f"{game} {seed} {name}: R2 {number(done[0]['scn_ridge'])}, "
                        f"K {done[0]['num_slots']}, {done[0]['fit_seconds']} s",
                        flush=True,
                    )
                rows.append(done[-1])
    return rows


def data_of(game: str, options: argparse.Namespace, folder: Path) -> FrameStore:
    """Return the pretraining set of a game: that of a benchmark, or a new one."""
    if options.data:
        return FrameStore(options.data / game / "data" / "pretrain-0")
    frames = 600 if options.quick else 100_000
    return collected(folder / game, game, frames, seed=0)


def main() -> None:
    """Measure all variants in all games, and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--games", nargs="+", default=[*STILL, *CHANGING])
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS), choices=list(VARIANTS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0], help="of sample and starts")
    parser.add_argument("--data", type=Path, help="a bench's folder, for its frames")
    parser.add_argument("--bench", type=Path, default=BENCH, help="rows to quote SCN from")
    parser.add_argument("--fit-frames", type=int, default=2_000)
    parser.add_argument("--every", type=int, default=8, help="probe one frame in so many")
    parser.add_argument("--out", type=Path, default=Path("variants.jsonl"), help="rows")
    parser.add_argument("--quick", action="store_true", help="few frames, of Pong only")
    options = parser.parse_args()
    if options.quick:
        options.games, options.fit_frames, options.every = ["pong"], 40, 1
    options.games = [game_key(name) or name for name in options.games]
    torch.set_num_threads(1)  # what is timed is one core
    torch.optim.Adam([torch.zeros(1, requires_grad=True)])  # loads half of PyTorch: not while timed
    try:
        known = MeasuredRows(options.out, _Row)
    except records.Damaged as error:
        parser.error(str(error))
    with tempfile.TemporaryDirectory() as folder:
        rows = run(options, known, Path(folder))
    titles, quotes = quoted(options.bench, options.games)
    text = tables(cells_of([*quotes, *rows]), titles, options.games, notes_on(rows))
    known.write_table(text + "\n")
    print("\n" + text)


if __name__ == "__main__":
    main()
