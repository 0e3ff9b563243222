"""Does the slot that holds an object stay the same over time?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from typing_extensions import TypedDict

from pretrain.bench.data import probe_folder
from pretrain.data.store import FrameStore
from pretrain.runtime.resumable import MeasuredRows
from pretrain.upkeep.slots_draw import encoder_folders
from slotenv import markdown, records
from slotenv.atomic import write_atomic
from slotenv.checkpoint import read_config
from slotenv.encoders import ObjectMixtureEncoder
from slotenv.probe import run_identity
from slotenv.records import Count, Text

if TYPE_CHECKING:
    from pretrain.verbs.identity import IdentityConfig


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


def measure_identity(config: IdentityConfig) -> Path:
    """Measure game by game, write rows and table; return the table's path.

    Raises:
        FileNotFoundError: If there are no encoders, or no probe frames.
        ValueError: If a game has no encoder or no labels.
    """
    config.out.mkdir(parents=True, exist_ok=True)
    # Other games stay as they were measured; another number of frames is another measurement.
    known = MeasuredRows(
        config.out / "identity.jsonl",
        IdentityRow,
        by="game",
        keep=lambda row: row["key"].endswith(f" {config.frames}"),
    )
    for game, folder in encoder_folders(config.games, bench=config.bench).items():
        store = FrameStore(probe_folder(config.bench, game))
        key = f"{read_config(folder)['weights_sha256']} {store.checksum} {config.frames}"
        if not known.has(game, key):
            encoder = ObjectMixtureEncoder.from_pretrained(folder)
            report = run_identity(encoder, store, game, max_frames=config.frames, still_axes=True)
            known.put(game, [{"game": game, **report.to_dict(), "key": key}])
            changes = report.overall.changes_per_thousand
            print(f"{game}: {changes} changes per 1,000 frames", flush=True)
    table = config.out / "identity.md"
    write_atomic(table, identity_table(known.all()))
    return table


def identity_table(rows: list[dict[str, Any]]) -> str:
    """Return the Markdown table of rows of :func:`measure_identity`."""
    headings = ["game", "slots", "objects", "share with a slot"]
    headings += ["changes per 1,000", "without doubles"]
    lines: list[list[object]] = []
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
    return "\n".join(markdown.table(headings, lines)) + "\n"


def _line(cells: list[object], numbers: list[Any]) -> list[object]:
    digits = ["-" if n is None else f"{n:.{d}f}" for n, d in zip(numbers, (3, 1, 1), strict=False)]
    digits += ["-"] * (3 - len(digits))
    return [*cells, *digits]
