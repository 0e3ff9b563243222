"""How often the slot that holds an object changes: the verb ``upkeep identity``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any, get_type_hints

from typing_extensions import TypedDict

from pretrain.bench.matrix import frames_folder
from pretrain.data.store import FrameStore
from pretrain.runtime.resumable import MeasuredRows, Row
from pretrain.upkeep.galleries import encoder_folders
from slotenv import markdown, records
from slotenv.checkpoint import read_config
from slotenv.encoders import FittedEncoder
from slotenv.probe import Identity, IdentityReport, run_identity
from slotenv.records import Text

_FIELDS = get_type_hints(Identity, include_extras=True)
_RATIOS = {"share": float | None, "changes_per_thousand": float | None}
_Kept: Any = TypedDict("_Kept", _FIELDS | _RATIOS)  # type: ignore[misc]
_OBJECTS = {"objects": dict[Text, _Kept], "overall": _Kept}
_REPORT = get_type_hints(IdentityReport, include_extras=True) | _OBJECTS
_Report: Any = TypedDict("_Report", _REPORT)  # type: ignore[misc]
_ROW = {"game": Text, **_REPORT, "followed": _Report, "key": Text}
IdentityRow: Any = TypedDict("IdentityRow", _ROW)  # type: ignore[misc]
"""A line of ``identity.jsonl``: an :class:`slotenv.probe.IdentityReport` as its dict, of each frame
by itself, and of slots whose things are followed."""
_Kept.__pydantic_config__ = _Report.__pydantic_config__ = records.STRICT  # type: ignore[attr-defined]
IdentityRow.__pydantic_config__ = records.STRICT  # type: ignore[attr-defined]


def measure_identity(
    *, bench: Path, out: Path, games: Sequence[str] = (), frames: int = 5_000
) -> Path:
    """Measure game by game, write rows and table; return the table's path."""
    out.mkdir(parents=True, exist_ok=True)
    known = MeasuredRows(out / "identity.jsonl", IdentityRow, by="game")
    # Other games stay as they were measured; another number of frames is another measurement.
    known.rows = [row for row in known.rows if row["key"].endswith(f" {frames}")]
    for game, folder in encoder_folders(games, bench=bench).items():
        store = FrameStore(frames_folder(bench, game))
        key = f"{read_config(folder)['weights_sha256']} {store.checksum} {frames}"
        if not known.having(game=game, key=key):
            encoder = FittedEncoder.from_pretrained(folder)
            alone, followed = (
                run_identity(
                    encoder, store, game, follow=follow, max_frames=frames, still_axes=True
                )
                for follow in (False, True)
            )
            row = {"game": game, **alone.to_dict(), "followed": followed.to_dict(), "key": key}
            known.put([row])
            changes = [report.overall.changes_per_thousand for report in (alone, followed)]
            print(
                f"{game}: {changes[0]} changes per 1,000 frames, {changes[1]} followed", flush=True
            )
    return known.write_table(identity_table(known.rows))


def identity_table(rows: list[Row]) -> str:
    """Return the Markdown table of rows of :func:`measure_identity`."""
    headings = ["game", "slots", "objects", "share with a slot"]
    headings += ["changes per 1,000", "without doubles", "followed"]
    lines: list[list[object]] = []
    means: list[list[float]] = []
    for row in rows:
        overall = row["overall"]
        followed = row["followed"]["overall"]["changes_per_thousand"]
        numbers = [overall["share"], overall["changes_per_thousand"], None, followed]
        if overall["assigned"]:
            numbers[2] = 1000 * (overall["changes"] - overall["doubles"]) / overall["assigned"]
            means.append(numbers)
        lines.append([row["game"], row["num_slots"], len(row["objects"]), *_shown(numbers)])
    if means:
        average = _shown(map(fmean, zip(*means, strict=True)))
        lines.append([f"**mean of {len(means)} games**", "", "", *average])
    return "\n".join(markdown.table(headings, lines)) + "\n"


def _shown(numbers: Iterable[float | None]) -> list[str]:
    return ["-" if n is None else f"{n:.{d}f}" for n, d in zip(numbers, (3, 1, 1, 1), strict=True)]
