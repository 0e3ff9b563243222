"""The report of a run: one HTML file that opens anywhere, offline."""

from __future__ import annotations

from pathlib import Path

from pretrain.report.page import render
from pretrain.report.pictures import draw
from pretrain.report.run_folder import read_run
from pretrain.report.tables import comparison_notes, headings, paper_table, probe_table
from slotenv.atomic import write_atomic

__all__ = ["probe_summary", "write_report"]


def write_report(folder: Path) -> Path:
    """Write ``report.html`` into a run folder, from what is there.

    Args:
        folder: Holds ``encoder/``; and, each optional, ``config.json``, ``metrics.jsonl``,
            ``probe.json``, ``data/probe`` and ``data/pretrain``.

    Returns:
        Path of the report.

    Raises:
        ValueError: If there is no encoder, or a file is damaged; the message says which.
    """
    run = read_run(folder)
    path = folder / "report.html"
    write_atomic(path, render(run, draw(run)))
    return path


def probe_summary(folder: Path) -> tuple[list[list[str]], list[str]]:
    """Return the report's probe table beside the paper's rows, and the notes below it.

    Returns:
        Lines of cells, headings first (no other lines where nothing was probed), and sentences.
    """
    run = read_run(folder)
    if not run.rows:
        return [headings()], []
    return [headings(), *probe_table(run), *paper_table(run)], comparison_notes(run)
