"""How much of Atari's object slots is owed to its colours: the same encoder on grey frames.

    python -m pretrain bench --out runs/bench --methods objects --games pong breakout
    python examples/studies/grey_frames.py --data runs/bench --games pong breakout --out grey.jsonl

Two encoders a game, fitted to the same moments and probed on the same moments: one sees colours,
the other only how bright they are, three times over (``cv2.COLOR_RGB2GRAY``, as in the usual Atari
wrappers). Without ``--data``, frames are collected first.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from study_frames import Frames, SomeFrames, collected

from pretrain.config import MAX_SEED
from pretrain.data.store import FrameStore
from pretrain.drawing.estimate import number
from pretrain.runtime.resumable import Row
from pretrain.training.batches import pair_starts
from pretrain.training.sample import draw_sample
from slotenv import records
from slotenv.atomic import write_atomic
from slotenv.encoders import ObjectEncoder
from slotenv.environments import game_key
from slotenv.markdown import table as markdown_table
from slotenv.probe import ProbeReport, probe_features, read_features


def grey(frames: Frames) -> Frames:
    """Turn frames (B, H, W, 3) to grey, and keep three channels."""
    flat = cv2.cvtColor(frames.reshape(-1, frames.shape[2], 3), cv2.COLOR_RGB2GRAY)
    channel = np.asarray(flat, np.uint8).reshape(frames.shape[:3])
    return np.repeat(channel[..., None], 3, axis=-1)


def colour(frames: Frames) -> Frames:
    """Leave frames as they are."""
    return frames


GAMES = ("pong", "breakout", "freeway", "mspacman", "boxing", "seaquest")
LOOKS: dict[str, Callable[[Frames], Frames]] = {"colour": colour, "grey": grey}


def stores(game: str, options: argparse.Namespace, folder: Path) -> tuple[FrameStore, FrameStore]:
    """Return the data to fit on and to probe on: those given, or new ones."""
    if options.data:
        data = options.data / game / "data"
        return FrameStore(data / "pretrain-0"), FrameStore(data / "probe")
    return (
        collected(folder / "pretrain-0", game, options.fit_frames, seed=options.seed),
        collected(folder / "probe", game, options.probe_frames, seed=MAX_SEED),
    )


def rows_of(game: str, options: argparse.Namespace, folder: Path) -> Iterator[Row]:
    """Fit and probe one game; yield a row for each look and view of the labels."""
    fit, probe = stores(game, options, folder)
    sample = draw_sample(
        fit,
        pair_starts(fit.episode),
        options.fit_frames,
        pairs=min(ObjectEncoder.fit_pairs, options.fit_frames),
        seed=options.seed,
    )
    every = max(len(probe) // options.probe_frames, 1)
    rows = np.arange(0, len(probe), every)[: options.probe_frames]
    for look, filter_ in LOOKS.items():
        encoder = ObjectEncoder.from_frames(
            filter_(sample.frames),
            next_frames=filter_(sample.next_frames),
            preprocess=fit.preset,
            seed=options.seed,
        )
        seen = SomeFrames(probe, rows, filter_)
        features = read_features(encoder.encode, seen)
        for view in ("scn", "pixel"):
            report: ProbeReport = probe_features(features, seen, game=game, view=view)
            yield {
                "game": game,
                "look": look,
                "view": view,
                "seed": options.seed,
                "fit_frames": len(sample.frames),
                "probe_frames": len(seen),
                "num_slots": encoder.num_slots,
                "num_colours": encoder.num_colours,
                "accuracy": report.accuracy,
                "ridge_accuracy": report.ridge_accuracy,
                "accuracy_by_label": report.accuracy_by_label,
                "ridge_by_label": report.ridge_by_label,
                "presence_by_object": report.presence_by_object,
            }


def table(rows: list[Row]) -> str:
    """Return what ridge reads with colour and with grey, and what loses most, as Markdown.

    Ridge, because on few frames least squares may give a number that hardly varied in training any
    weight.
    """
    headings = ["", "K", "K, grey", "colours", "greys", "R2 (scn)", "grey", "R2 (pixel)", "grey"]
    lines = []
    by_key = {(row["game"], row["look"], row["view"]): row for row in rows}
    for game in dict.fromkeys(row["game"] for row in rows):
        scn, pixel = ([by_key[game, look, view] for look in LOOKS] for view in ("scn", "pixel"))
        cells = [str(row[key]) for key in ("num_slots", "num_colours") for row in scn]
        cells += [number(row["ridge_accuracy"]) for row in (*scn, *pixel)]
        before, after = (row["ridge_by_label"] for row in pixel)
        lost = sorted((after[label] - before[label], label) for label in before)[:3]
        losses = ", ".join(f"{label} {loss:+.2f}" for loss, label in lost if loss < -0.02)
        lines.append([game, *cells, losses or "-"])
    return "\n".join(markdown_table([*headings, "loses most"], lines))


def note(options: argparse.Namespace) -> str:
    """Say what the table shows and what made it."""
    return (
        f"R2 of ridge probes on {options.probe_frames:,} probe frames spread over the set, encoders"
        f" fitted to {options.fit_frames:,} frames of\nrandom play in colour and in grey; `python "
        f"examples/studies/grey_frames.py --probe-frames {options.probe_frames} --games "
        f"{' '.join(options.games)}`."
    )


def main() -> None:
    """Fit and probe with colour and with grey, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--games", nargs="+", default=list(GAMES))
    parser.add_argument("--data", type=Path, help="a bench's folder, for its frames")
    parser.add_argument("--fit-frames", type=int, default=ObjectEncoder.fit_frames)
    parser.add_argument("--probe-frames", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--out", type=Path, help="file for the rows; a table goes beside it, as .md"
    )
    parser.add_argument("--quick", action="store_true", help="few frames, of Pong only")
    options = parser.parse_args()
    if options.quick:
        options.games, options.fit_frames, options.probe_frames = ["Pong"], 200, 400
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        for name in options.games:
            game = game_key(name) or name
            rows += rows_of(game, options, Path(folder) / game)
    text = table(rows)
    print(text)
    if options.out:
        records.write_lines(options.out, rows)
        write_atomic(options.out.with_suffix(".md"), f"{text}\n\n{note(options)}\n")


if __name__ == "__main__":
    main()
