"""The verb ``identity``: does the slot that holds an object stay the same over time?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from typing_extensions import TypedDict

from slotenv import records
from slotenv.records import Count, Text


class _Kept(TypedDict):
    """How well slots keep one object, as :class:`slotenv.probe.Identity` says."""

    __pydantic_config__ = records.STRICT  # type: ignore[misc]

    present: Count
    assigned: Count
    changes: Count
    doubles: Count
    offset: list[float | None]
    share: float | None
    changes_per_thousand: float | None


class IdentityRow(TypedDict):
    """A line of ``identity.jsonl``."""

    __pydantic_config__ = records.STRICT  # type: ignore[misc]

    game: Text
    objects: dict[Text, _Kept]
    overall: _Kept
    num_slots: Count
    frames: Count
    episodes: Count
    radius: float
    still_axes: bool
    key: Text


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
    from pretrain.data.store import FrameStore
    from pretrain.upkeep.slots_draw import encoder_folders
    from slotenv.atomic import write_atomic
    from slotenv.checkpoint import read_config
    from slotenv.encoders import ObjectMixtureEncoder
    from slotenv.probe import run_identity

    config.out.mkdir(parents=True, exist_ok=True)
    path = config.out / "identity.jsonl"
    # Other games stay as they were measured; another number of frames is another measurement.
    known = {
        game: row for game, row in _read_known(path).items() if _asked_of(row) == config.frames
    }
    for game, folder in encoder_folders(config.games, bench=config.bench).items():
        store = FrameStore(probe_folder(config.bench, game))
        key = f"{read_config(folder)['weights_sha256']} {store.checksum} {config.frames}"
        if known.get(game, {}).get("key") != key:
            encoder = ObjectMixtureEncoder.from_pretrained(folder)
            report = run_identity(encoder, store, game, max_frames=config.frames, still_axes=True)
            known[game] = {"game": game, **report.to_dict(), "key": key}
            records.write_lines(path, [known[name] for name in sorted(known)])
            changes = report.overall.changes_per_thousand
            print(f"{game}: {changes} changes per 1,000 frames", flush=True)
    write_atomic(
        config.out / "identity.md", identity_table([known[name] for name in sorted(known)])
    )
    return config.out / "identity.md"


def _read_known(path: Path) -> dict[str, dict[str, Any]]:
    """Return the rows that are there, by game."""
    if not path.exists():
        return {}
    remedy = "delete that line and run again for what it held"
    rows = records.read_lines(path, IdentityRow, remedy=remedy)
    return {row["game"]: cast(dict[str, Any], row) for row in rows}


def _asked_of(row: dict[str, Any]) -> int | None:
    """Return for how many frames a row was asked, the last part of its key."""
    asked = str(row.get("key", "")).rpartition(" ")[2]
    return int(asked) if asked.isdigit() else None


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
