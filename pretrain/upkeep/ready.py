"""Encoders for the package: taken out of a finished benchmark, each with a card of its accuracy."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any, NamedTuple

from pretrain.bench.cell import cell_folder, finished_rows
from pretrain.bench.matrix import Cell, cells_of
from pretrain.bench.results.row import Row
from pretrain.verbs.bench import BenchConfig
from slotenv import SlotEncoder, markdown
from slotenv.encoders.saving import save
from slotenv.environments import atari_game
from slotenv.probe import METRICS

if TYPE_CHECKING:
    from pretrain.verbs.ready import ReadyConfig

METHOD = "objects"
"""The method whose encoders are small, quick to make, and say what their numbers mean."""

_VIEWS = {"scn": "bytes in RAM, as the paper has them (`scn`)", "pixel": "pixels (`pixel`)"}


class _Finished(NamedTuple):
    """A game's encoder and what the benchmark measured of it."""

    game: str
    encoder: SlotEncoder
    rows: list[Row]


def make_ready(config: ReadyConfig) -> None:
    """Write an encoder folder for each game.

    Raises:
        FileNotFoundError: If cells are not finished; the message has the command that does them.
        ValueError: If a game is unknown, or rows and encoder are not of the same training.
    """
    bench = BenchConfig(
        out=config.bench,
        games=config.games,
        methods=(METHOD,),
        seeds=(config.seed,),
        frames=config.frames,
        probe_frames=config.probe_frames,
    )
    for done in _finished(bench):
        done.encoder.provenance = {
            **done.encoder.provenance,
            "command": done.rows[0]["command"],
            "probe": measured(done.rows),
        }
        folder = save(done.encoder, config.out / done.game, card=card(done.game, done.encoder))
        size = sum(path.stat().st_size for path in folder.iterdir())
        print(f"{folder}: {done.encoder.num_slots} slots, {size / 1000:.0f} kB", flush=True)


def measured(rows: list[Row]) -> dict[str, Any]:
    """Return what an encoder's config keeps of its rows: one a label view, of the same probe."""
    return {
        "frames": rows[0]["probe_frames"],
        "seed": rows[0]["probe_seed"],
        **{row["view"]: {name: row.get(name) for name in METRICS} for row in rows},
    }


def card(game: str, encoder: SlotEncoder) -> str:
    """Return the README of a ready-made encoder.

    Args:
        game: Its key.
        encoder: With the ``command`` and the ``probe`` of its provenance.
    """
    made, frames = encoder.provenance, encoder.preprocess
    probe, name = made["probe"], atari_game(game)
    fields = "" if encoder.slot_fields is None else f": {', '.join(encoder.slot_fields)}"
    headings = ["labels", *(metric.replace("_", " ") for metric in METRICS)]
    lines = [
        [_VIEWS[view], *(_number(probe[view].get(metric)) for metric in METRICS)]
        for view in _VIEWS
        if view in probe
    ]
    return "\n".join(
        [
            "---",
            "library_name: slotenv",
            "license: mit",
            "tags: [reinforcement-learning, object-centric, slots, atari]",
            "---",
            "",
            f"# {name}: {encoder.num_slots} object slots",
            "",
            f"Fitted without labels to {encoder.fit_frames:,} of {made['frames']:,} frames of a "
            f"random agent. A slot is {encoder.slot_dim} numbers{fields}.",
            "",
            "```python",
            "import ale_py  # registers the games",
            "import gymnasium as gym",
            "import slotenv",
            "",
            f'env = slotenv.ObjectSlotObservation(gym.make("ALE/{name}-v5"), "{game}")',
            "",
            f'encoder = slotenv.SlotEncoder.from_pretrained("{game}")',
            f'env = slotenv.make_env("{name}", encoder.preprocess)  # the frames it was made on',
            "```",
            "",
            f"Frames are {frames.height} x {frames.width}, of preset `{frames.name}`.",
            "",
            f"A linear probe of the slots against the true coordinates, {probe['frames']:,} frames "
            f"of seed {probe['seed']:,} (R2 on test frames):",
            "",
            *markdown.table(headings, lines),
            "",
            "Made and measured by",
            "",
            "```",
            made["command"],
            "```",
            "",
        ]
    )


def _finished(bench: BenchConfig) -> list[_Finished]:
    found, missing = [], []
    for cell in cells_of(bench):
        rows = finished_rows(bench, cell)
        if rows:
            found.append(_open(bench, cell, rows))
        else:
            missing.append(cell.game)
    if missing:
        sizes = {"--frames": bench.frames, "--probe-frames": bench.probe_frames}
        arguments = ["--out", str(bench.out), "--games", *missing, "--methods", METHOD]
        arguments += ["--seeds", str(bench.seeds[0])]
        arguments += [text for flag, size in sizes.items() for text in (flag, str(size))]
        raise FileNotFoundError(
            f"{bench.out} has no finished {METHOD} of {', '.join(missing)} with "
            f"{bench.frames:,} frames and a probe of {bench.probe_frames:,}. Make it with: "
            f"python -m pretrain bench {shlex.join(arguments)}"
        )
    return found


def _open(bench: BenchConfig, cell: Cell, rows: list[Row]) -> _Finished:
    folder = cell_folder(bench, cell)
    encoder = SlotEncoder.from_pretrained(folder / "encoder")
    rows = [row for row in rows if not row["snapshot"]]
    for name, there in {
        "num_slots": encoder.num_slots,
        "train_seconds": encoder.provenance.get("train_seconds"),
    }.items():
        if any(row[name] != there for row in rows):
            raise ValueError(
                f"the rows in {folder} are not of the encoder there ({name} is {there} in the "
                f"encoder, {rows[0][name]} in the rows): delete the folder and run bench again"
            )
    return _Finished(cell.game, encoder, rows)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
