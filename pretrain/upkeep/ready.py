"""Encoders for the package: taken out of a finished benchmark, each with a card of its accuracy."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from pretrain.bench.cell import finished_rows
from pretrain.bench.matrix import Cell, cells_of
from pretrain.bench.results.rows import Row
from pretrain.config import BenchConfig
from slotenv import SlotEncoder, markdown
from slotenv.encoders.saving import save
from slotenv.environments import atari_game
from slotenv.probe import METRICS

METHOD = "objects"
"""The method whose encoders are small, quick to make, and say what their numbers mean."""

_VIEWS = {"scn": "bytes in RAM, as the paper has them (`scn`)", "pixel": "pixels (`pixel`)"}

_CARD = """\
---
library_name: slotenv
license: mit
tags: [reinforcement-learning, object-centric, slots, atari]
---

# {name}: {encoder.num_slots} object slots

Fitted without labels to {encoder.fit_frames:,} of {made[frames]:,} frames of a random agent. \
A slot is {encoder.slot_dim} numbers{fields}.

```python
import ale_py  # registers the games
import gymnasium as gym
import slotenv

env = slotenv.ObjectSlotObservation(gym.make("ALE/{name}-v5"), "{game}")

encoder = slotenv.SlotEncoder.from_pretrained("{game}")
env = slotenv.make_env("{name}", encoder.preprocess)  # the frames it was made on
```

Frames are {frames.height} x {frames.width}, of preset `{frames.name}`.

A linear probe of the slots against the true coordinates, {probe[frames]:,} frames of seed \
{probe[seed]:,} (R2 on test frames):

{table}

Made and measured by

```
{made[command]}
```
"""


def make_ready(
    *, out: Path, bench: Path, games: tuple[str, ...], seed: int, frames: int, probe_frames: int
) -> None:
    """Write an encoder folder for each game.

    Raises:
        FileNotFoundError: If cells are not finished; the message has the command that does them.
        ValueError: If a game is unknown, or rows and encoder are not of the same training.
    """
    config = BenchConfig(
        out=bench,
        games=games,
        methods=(METHOD,),
        seeds=(seed,),
        frames=frames,
        probe_frames=probe_frames,
    )
    rows_of = {cell: finished_rows(config, cell) for cell in cells_of(config)}
    if missing := [cell.game for cell, rows in rows_of.items() if not rows]:
        raise FileNotFoundError(
            f"{bench} has no finished {METHOD} of {', '.join(missing)} with "
            f"{frames:,} frames and a probe of {probe_frames:,}. Make it with: "
            f"python -m pretrain bench --out {shlex.quote(str(bench))} --games "
            f"{' '.join(missing)} --methods {METHOD} --seeds {seed} "
            f"--frames {frames} --probe-frames {probe_frames}"
        )
    encoders = {cell.game: _open(config, cell, rows or []) for cell, rows in rows_of.items()}
    for game, encoder in encoders.items():
        folder = save(encoder, out / game, card=card(game, encoder))
        size = sum(path.stat().st_size for path in folder.iterdir())
        print(f"{folder}: {encoder.num_slots} slots, {size / 1000:.0f} kB", flush=True)


def card(game: str, encoder: SlotEncoder) -> str:
    """Return the README of a game's encoder, with ``command`` and ``probe`` in its provenance."""
    probe = encoder.provenance["probe"]
    lines = []
    for view in (view for view in _VIEWS if view in probe):
        scores = [probe[view].get(metric) for metric in METRICS]
        shown = ("-" if score is None else f"{score:.3f}" for score in scores)
        lines.append([_VIEWS[view], *shown])
    headings = ["labels", *(metric.replace("_", " ") for metric in METRICS)]
    return _CARD.format(
        game=game,
        name=atari_game(game),
        encoder=encoder,
        fields="" if encoder.slot_fields is None else f": {', '.join(encoder.slot_fields)}",
        frames=encoder.preprocess,
        made=encoder.provenance,
        probe=probe,
        table="\n".join(markdown.table(headings, lines)),
    )


def _open(bench: BenchConfig, cell: Cell, rows: list[Row]) -> SlotEncoder:
    """Return the encoder of a cell, with what was measured of it in its provenance."""
    folder = cell.folder(bench)
    encoder = SlotEncoder.from_pretrained(folder / "encoder")
    rows = [row for row in rows if not row["snapshot"]]
    made = encoder.provenance
    for name, there in {
        "num_slots": encoder.num_slots,
        "train_seconds": made.get("train_seconds"),
    }.items():
        if any(row[name] != there for row in rows):
            raise ValueError(
                f"the rows in {folder} are not of the encoder there ({name} is {there} in the "
                f"encoder, {rows[0][name]} in the rows): delete the folder and run bench again"
            )
    probe: dict[str, Any] = {"frames": rows[0]["probe_frames"], "seed": rows[0]["probe_seed"]}
    for row in rows:
        probe[row["view"]] = {name: row.get(name) for name in METRICS}
    encoder.provenance = {**made, "command": rows[0]["command"], "probe": probe}
    return encoder
