"""The verb ``identity``: does the slot that holds an object stay the same over time?"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class IdentityConfig:
    """Count how often the slot that holds an object changes, on a benchmark's probe frames.

    Objects are where the console's RAM says; each is given the slot nearest to it. Writes
    identity.jsonl and identity.md. A change is a double where the object lies in two slots and the
    other one is nearer now.
    """

    bench: Path = Path("runs/bench")
    """Folder of a benchmark with probe frames and encoders of method objects."""
    out: Path = Path("runs/identity")
    """Folder for rows and table."""
    games: tuple[str, ...] = ()
    """Games, by key or Atari id. Default: all of the benchmark that have an encoder."""
    frames: int = 5_000
    """Frames of each game, the first of its probe frames."""

    def __post_init__(self) -> None:
        if self.frames < 1:
            raise ValueError(f"frames must be at least 1, got {self.frames}")


def measure_identity(config: IdentityConfig) -> Path:
    """Measure game by game, write rows and table; return the table's path.

    Raises:
        FileNotFoundError: If there are no encoders, or no probe frames.
        ValueError: If a game has no encoder or no labels.
    """
    # Imported here: the command line reads this file for every verb.
    from pretrain.bench.data import probe_folder
    from pretrain.slots_draw import encoder_folders
    from pretrain.store import FrameStore
    from slotenv.atomic import write_atomic
    from slotenv.checkpoint import read_config
    from slotenv.encoders import ObjectMixtureEncoder
    from slotenv.probe import run_identity

    config.out.mkdir(parents=True, exist_ok=True)
    path = config.out / "identity.jsonl"
    known = {row["key"]: row for row in map(json.loads, _lines(path)) if "key" in row}
    rows: list[dict[str, Any]] = []
    for game, folder in encoder_folders(config.games, bench=config.bench).items():
        store = FrameStore(probe_folder(config.bench, game))
        key = f"{read_config(folder)['weights_sha256']} {store.checksum} {config.frames}"
        if key not in known:
            encoder = ObjectMixtureEncoder.from_pretrained(folder)
            report = run_identity(encoder, store, game, max_frames=config.frames, still_axes=True)
            known[key] = {"game": game, **report.to_dict(), "key": key}
            # All that is known is kept until the end, so that the same call goes on after a stop.
            write_atomic(path, "".join(json.dumps(row) + "\n" for row in known.values()))
            changes = report.overall.changes_per_thousand
            print(f"{game}: {changes} changes per 1,000 frames", flush=True)
        rows.append(known[key])
    write_atomic(path, "".join(json.dumps(row) + "\n" for row in rows))
    write_atomic(config.out / "identity.md", identity_table(rows))
    return config.out / "identity.md"


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def identity_table(rows: list[dict[str, Any]]) -> str:
    """Return the Markdown table of rows of :func:`measure_identity`."""
    lines = [
        "| game | slots | objects | share with a slot | changes per 1,000 | without doubles |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    means: list[list[float]] = []
    for row in rows:
        overall = row["overall"]
        numbers = [overall["share"], overall["changes_per_thousand"]]
        if overall["assigned"]:
            real = 1000 * (overall["changes"] - overall["doubles"]) / overall["assigned"]
            numbers.append(real)
            means.append([float(number) for number in numbers])
        lines.append(_line([row["game"], row["num_slots"], len(row["objects"])], numbers))
    if means:
        average = [sum(column) / len(means) for column in zip(*means, strict=True)]
        lines.append(_line([f"**mean of {len(means)} games**", "", ""], average))
    return "\n".join(lines) + "\n"


def _line(cells: list[Any], numbers: list[Any]) -> str:
    digits = ["-" if n is None else f"{n:.{d}f}" for n, d in zip(numbers, (3, 1, 1), strict=False)]
    digits += ["-"] * (3 - len(digits))
    return f"| {' | '.join([*map(str, cells), *digits])} |"
