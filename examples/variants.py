"""Every variant of the encoder of objects, on the same frames: which ingredient buys what.

    python -m pretrain bench --out runs/bench --methods objects --games Pong ... (for its frames)
    python examples/variants.py --data runs/bench --out examples/results/variants.jsonl

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
from statistics import fmean, stdev
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from typing_extensions import TypedDict
from variant_fits import PAIRS, Frames, Sample
from variants_of_objects import UP, VARIANTS, WITHOUT, changed

from pretrain.bench.results.aggregate import budgets, is_variant, rows_of
from pretrain.bench.results.rows import read_rows
from pretrain.bench.results.sampling import repeats
from pretrain.data.store import FrameStore
from pretrain.run import collect_data
from slotenv import records
from slotenv.encoders import object_mixture
from slotenv.environments import game_key
from slotenv.probe import Features, probe_features, read_features

STILL = ("pong", "breakout", "freeway", "mspacman", "seaquest", "spaceinvaders")
CHANGING = ("riverraid", "privateeye")  # the background is not the same all the time
BENCH = Path(__file__).parent / "results" / "bench" / "rows.jsonl"
_WORST = -1.0  # R2 has no lower bound, and explodes where numbers that repeat get huge weights

NUMBERS = {  # of a row, and with how many digits the table shows it
    "scn_ridge": 3,
    "scn_accuracy": 3,
    "pixel_ridge": 3,
    "pixel_accuracy": 3,
    "presence": 3,
    "scn_modularity": 3,
    "scn_compactness": 3,
    "num_slots": 1,
    "fit_seconds": 1,
    "frames_per_second": 0,
}

Row = dict[str, Any]


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


Cells = dict[tuple[str, str], dict[str, float]]  # (variant, game) to numbers, means over seeds


class Validation:
    """Every few frames of the last part of a data set, as the probe reads them."""

    def __init__(self, store: FrameStore, first: int, every: int) -> None:
        self._store, self._rows = store, np.arange(first, len(store), every)
        self.ram, self.episode = store.ram[self._rows], store.episode[self._rows]

    def __len__(self) -> int:
        return len(self._rows)

    def frames(self, indices: NDArray[np.integer[Any]]) -> Frames:
        """Return frames by index."""
        return self._store.frames(self._rows[indices])


def draw(store: FrameStore, until: int, options: argparse.Namespace, seed: int) -> Sample:
    """Draw the moments to fit to, with the next frame of each."""
    rows = np.flatnonzero(store.episode[: until - 1] == store.episode[1:until])
    chosen = np.random.default_rng(seed).permutation(rows)[: options.fit_frames]
    chosen[:PAIRS].sort()  # reading in order is faster
    chosen[PAIRS:].sort()
    updates = 3 if options.quick else 150
    return Sample(store.frames(chosen), store.frames(chosen + 1), store.preset, seed, updates)


def measure(name: str, game: str, sample: Sample, data: Validation) -> Row:
    """Fit a variant, encode with it, and probe."""
    spent = 0.0

    def timed(frames: Frames) -> NDArray[np.float32]:
        nonlocal spent
        began = time.process_time()
        slots = encode(frames)
        spent += time.process_time() - began
        return slots

    with changed(VARIANTS[name]):
        began = time.process_time()
        encode = VARIANTS[name].fit(sample)
        fit_seconds = time.process_time() - began
        features = read_features(timed, data, batch_size=64)
    return {
        "num_slots": features.slots.shape[1],
        "slot_dim": features.slots.shape[2],
        "fit_seconds": round(fit_seconds, 2),
        "frames_per_second": round(len(data) / max(spent, 1e-6)),
        **probed(features, data, game),
    }


def probed(features: Features, data: Validation, game: str) -> Row:
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


def run(options: argparse.Namespace, folder: Path) -> list[Row]:
    """Measure what is missing; return the rows of all that was asked for."""
    sources = sorted(Path(object_mixture.__path__[0]).glob("*.py"))
    source = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]
    there: list[Any] = []
    if options.out.exists():
        there = records.read_lines(options.out, _Row, remedy="mend or delete that line")
    rows = []
    for game in options.games:
        store = data_of(game, options, folder)
        until = len(store) * 6 // 10
        data = Validation(store, until, options.every)
        for seed in options.seeds:
            sample = None
            for name in options.variants:
                key = {"variant": name, "game": game, "seed": seed, "data": store.checksum}
                key |= {"fit_frames": options.fit_frames, "probe_frames": len(data)}
                done = [row for row in there if key.items() <= row.items()]
                if not done:
                    sample = sample or draw(store, until, options, seed)
                    done = [key | {"source": source} | measure(name, game, sample, data)]
                    with open(options.out, "a", encoding="utf-8") as file:
                        file.write(records.dumps(done[0]) + "\n")
                    print(
                        f"{game} {seed} {name}: R2 {shown(done[0]['scn_ridge'])}, "
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
    collect_data(folder / game, env=game, preset="scn", frames=frames, seed=0, workers=1)
    return FrameStore(folder / game)


def quoted(path: Path, games: list[str]) -> tuple[dict[str, str], list[Row]]:
    """Return titles and rows of Slot Contrastive Networks, of a benchmark's first tables."""
    rows: dict[tuple[str, str, int], Row] = {}
    updates: dict[str, int] = {}
    every = read_rows([path]) if path.exists() else []
    shown = [budget for budget in budgets(every) if budget not in repeats(every, budgets(every))]
    for row in rows_of(every, shown[0]) if shown else []:
        name = row["method"]
        if name not in ("random", "scn") or row["game"] not in games or "failed" in row:
            continue
        if is_variant(row):
            continue
        updates[name] = max(updates.get(name, 0), row["updates"])
        kept = rows.setdefault(
            (name, row["game"], row["seed"]),
            {"variant": name, "game": row["game"], "num_slots": row["num_slots"]}
            | {"fit_seconds": row["train_seconds"]},
        )
        view = row["view"]
        kept |= {f"{view}_accuracy": row["accuracy"], f"{view}_ridge": row["ridge_accuracy"]}
        kept |= {f"{view}_{name}": row[name] for name in ("modularity", "compactness")}
        if view == "pixel":
            kept["presence"] = row["presence_accuracy"]
    titles = {
        name: f"SCN, {f'{number:,} updates' if number else 'untrained'} (benchmark's frames)"
        for name, number in sorted(updates.items())
    }
    return titles, list(rows.values())


def cells_of(rows: list[Row]) -> Cells:
    """Average rows over seeds; R2 is clipped first."""
    cells: Cells = {}
    for row in rows:
        same = [r for r in rows if (r["variant"], r["game"]) == (row["variant"], row["game"])]
        cell = cells[row["variant"], row["game"]] = {}
        for number in NUMBERS:
            values = [float(r[number]) for r in same if r.get(number) is not None]
            if values:
                cell[number] = fmean(max(value, _WORST) for value in values)
    return cells


def mean(cells: Cells, variant: str, number: str) -> str:
    """Return the mean of a number over the games that have it."""
    own = [cell for (name, _), cell in cells.items() if name == variant and number in cell]
    return f"{fmean(cell[number] for cell in own):,.{NUMBERS[number]}f}" if own else "-"


def difference(cells: Cells, variant: str, number: str) -> str:
    """Return how far a variant is from the final form in the games of both, with standard error."""
    values = [
        cell[number] - cells["final", game][number]
        for (name, game), cell in cells.items()
        if name == variant and number in cell and number in cells.get(("final", game), {})
    ]
    if variant == "final" or not values:
        return "-"
    error = f" ± {stdev(values) / len(values) ** 0.5:.3f}" if len(values) > 1 else ""
    return f"{fmean(values):+.3f}{error}"


def tables(cells: Cells, quotes: dict[str, str], games: list[str], notes: list[str]) -> str:
    """Return both tables as Markdown: means over games, and accuracy by game."""
    heads = ["variant", "games", "R2 (scn)", "to the final form", "least squares", "R2 (pixel)"]
    heads += ["to the final form", "least squares", "presence", "modularity", "compactness"]
    heads += ["K", "fit s", "frames/s"]
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    by_game = ["| variant | " + " | ".join(games) + " |", "|---" * (len(games) + 1) + "|"]
    parts = {
        "from simple to final": quotes | {name: one.title for name, one in UP.items()},
        "final form with one change": {name: one.title for name, one in WITHOUT.items()},
    }
    for part, titles in parts.items():
        lines.append(f"| *{part}* |" + " |" * (len(heads) - 1))
        by_game.append(f"| *{part}* |" + " |" * len(games))
        for name, title in titles.items():
            own = [game for variant, game in cells if variant == name]
            if not own:
                continue
            shown_ = [title, str(len(own)), *(mean(cells, name, number) for number in NUMBERS)]
            shown_.insert(3, difference(cells, name, "scn_ridge"))
            shown_.insert(6, difference(cells, name, "pixel_ridge"))
            lines.append("| " + " | ".join(shown_) + " |")
            pairs = [cells.get((name, game), {}) for game in games]
            each = [
                f"{shown(cell.get('scn_ridge'))} / {shown(cell.get('scn_accuracy'))}"
                for cell in pairs
            ]
            by_game.append("| " + " | ".join([title, *each]) + " |")
    notes = [
        f"R2 is that of ridge regression, except where it says least squares. Either is clipped at "
        f"{_WORST:g} in each game: where slots are collinear, least squares explodes. Modularity "
        "and compactness are those of the scn labels. Seconds and frames/s are of one CPU core. "
        "± is the standard error over games.",
        *notes,
    ]
    second = "R2 by game under the scn labels, ridge / least squares:"
    return "\n".join([*lines, "", second, "", *by_game, "", "\n\n".join(notes)])


def notes_on(rows: list[Row]) -> list[str]:
    """Say what a reader of the table should know of these rows."""
    notes = []
    final = {(row["game"], row["seed"]): row["slots"] for row in rows if row["variant"] == "final"}
    for name in dict.fromkeys(row["variant"] for row in rows if row["variant"] != "final"):
        own = [row for row in rows if row["variant"] == name]
        if all(final.get((row["game"], row["seed"])) == row["slots"] for row in own):
            notes.append(f"The slots of {VARIANTS[name].title!r} are those of the final form.")
    if len({row["source"] for row in rows}) > 1:
        notes.append("These rows come from more than one version of the encoder.")
    return notes


def shown(score: float | None) -> str:
    """Return a score with three digits."""
    return "-" if score is None else f"{score:.3f}"


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
    with tempfile.TemporaryDirectory() as folder:
        rows = run(options, Path(folder))
    titles, quotes = quoted(options.bench, options.games)
    text = tables(cells_of([*quotes, *rows]), titles, options.games, notes_on(rows))
    options.out.with_suffix(".md").write_text(text + "\n", encoding="utf-8")
    print("\n" + text)


if __name__ == "__main__":
    main()
