"""What the encoders that come with the package read of ``gym.make("ALE/<Game>-v5")``'s frames.

    python examples/studies/single_frames.py --games pong mspacman --out single_frames.jsonl

Agents of the ``NoFrameskip-v4`` form get frames that are the maximum of two emulator frames.
``ALE/<Game>-v5`` gives single ones, in which a sprite that is drawn in every other emulator frame
is there or not. Ready-made encoders were fitted to both. Random play of both kinds is collected
and probed, as it is and with hidden objects held where they were last seen. With ``--out``, games
that are done are not done again; ``--data`` keeps the frames.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean

from study_frames import collected
from typing_extensions import TypedDict

from pretrain.config import MAX_SEED
from pretrain.drawing.estimate import number
from pretrain.probe import read_slots
from pretrain.runtime.resumable import MeasuredRows, Row
from slotenv import SlotEncoder, records
from slotenv.environments import game_key
from slotenv.labels import labelled_games
from slotenv.markdown import table as markdown_table
from slotenv.probe import probe_features

PRESETS = {"pooled": "scn", "single": "v5"}


class _Row(TypedDict):
    """What is needed of a row that was written before."""

    __pydantic_config__ = records.OPEN  # type: ignore[misc]

    game: str
    kind: str
    hold: bool
    probe_frames: records.Count
    ridge_accuracy: float
    ridge_by_label: dict[str, float]


def rows_of(game: str, frames: int, folder: Path) -> Iterator[Row]:
    """Collect and probe one game; yield a row for each kind of frames, held or not."""
    encoder = SlotEncoder.from_pretrained(game)
    for kind, preset in PRESETS.items():
        store = collected(folder / game / kind, game, frames, seed=MAX_SEED, preset=preset)
        for hold in (False, True):
            slots = read_slots(encoder, store, hold=hold)
            report = probe_features(slots, store, game=game, view="pixel")
            yield {
                "game": game,
                "kind": kind,
                "hold": hold,
                "probe_frames": frames,
                "num_slots": report.num_slots,
                "accuracy": report.accuracy,
                "ridge_accuracy": report.ridge_accuracy,
                "ridge_by_label": report.ridge_by_label,
                "presence_accuracy": report.presence_accuracy,
            }


def table(rows: list[Row]) -> str:
    """Return what ridge reads of both kinds of frames, and what single ones lose, as Markdown."""
    headings = ["", "pooled", "held", "single", "held", "single frames lose most"]
    lines = []
    by_key = {(row["game"], row["kind"], row["hold"]): row for row in rows}
    columns = [(kind, hold) for kind in PRESETS for hold in (False, True)]
    games = list(dict.fromkeys(row["game"] for row in rows))
    for game in games:
        cells = [number(by_key[game, *column]["ridge_accuracy"]) for column in columns]
        pooled, single = (by_key[game, kind, False]["ridge_by_label"] for kind in PRESETS)
        lost = sorted((single[label] - pooled[label], label) for label in pooled if label in single)
        losses = ", ".join(f"{label} {loss:+.2f}" for loss, label in lost[:3] if loss < -0.02)
        lines.append([game, *cells, losses or "-"])
    means = [fmean(by_key[game, *column]["ridge_accuracy"] for game in games) for column in columns]
    lines.append(["**mean**", *map(number, means), ""])
    return "\n".join(markdown_table(headings, lines))


def main() -> None:
    """Probe both kinds of frames of some games, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--games", nargs="+", default=list(labelled_games("pixel")))
    parser.add_argument("--frames", type=int, default=50_000, help="of each kind and game")
    parser.add_argument("--out", type=Path, help="file for the rows; a table goes beside it, .md")
    parser.add_argument("--data", type=Path, help="folder where the frames are kept")
    parser.add_argument("--quick", action="store_true", help="few frames, of Pong only")
    options = parser.parse_args()
    if options.quick:
        options.games, options.frames = ["Pong"], 400
    with tempfile.TemporaryDirectory() as folder:
        try:
            known = MeasuredRows(options.out or Path(folder) / "rows.jsonl", _Row, by="game")
        except records.Damaged as error:
            parser.error(str(error))
        if others := {row["probe_frames"] for row in known.rows} - {options.frames}:
            parser.error(
                f"{options.out} has rows of {others.pop():,} frames, these would be of "
                f"{options.frames:,}: take another --out, or the same --frames"
            )
        for game in (game_key(name) or name for name in options.games):
            if not known.having(game=game):
                known.put(list(rows_of(game, options.frames, options.data or Path(folder))))
        text = table(known.rows)
        print(text)
        known.write_table(
            f"{text}\n\nR2 of ridge probes of the ready-made encoders under the pixel labels, on "
            f"{options.frames:,} frames of random play of\neither kind; `python "
            "examples/studies/single_frames.py`.\n"
        )


if __name__ == "__main__":
    main()
