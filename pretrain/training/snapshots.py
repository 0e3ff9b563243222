"""The encoders that a training keeps on its way, for the curve of accuracy over updates."""

from __future__ import annotations

from pathlib import Path

from slotenv.checkpoint import is_saved

UPDATES = {0} | {factor * 2**power for factor in (250, 375) for power in range(1, 13)} | {250}
"""After which updates one is kept: more and more apart, as learning slows down."""


def snapshot_folder(folder: Path, update: int) -> Path:
    """Where a run folder keeps the encoder as it was after some updates."""
    return folder / "snapshots" / f"{update:06d}"


def has_snapshot(folder: Path, update: int) -> bool:
    """Whether it is there, whole."""
    return is_saved(snapshot_folder(folder, update))


def snapshots_of(folder: Path) -> dict[int, Path]:
    """Return the snapshots in a run folder, by updates, in order."""
    names = [path.name for path in (folder / "snapshots").glob("*") if path.name.isdecimal()]
    return {
        update: snapshot_folder(folder, update)
        for update in sorted(map(int, names))
        if has_snapshot(folder, update)
    }
