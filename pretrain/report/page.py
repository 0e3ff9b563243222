"""From a run and its pictures to one HTML page that needs nothing else."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import Any

import jinja2
from PIL import Image

from pretrain.drawing.charts import DPI
from pretrain.report import tables
from pretrain.report.pictures import PICTURES, Pictures
from pretrain.report.run_folder import RunFolder
from slotenv.probe import ProbeReport

_FIGURE_ZOOM = DPI / 96  # the charts' dots per inch over the page's


@dataclass(frozen=True)
class _Image:
    """An image as the page embeds it: a data URI and the width to show it at, in CSS pixels."""

    uri: str
    width: int


def render(run: RunFolder, pictures: Pictures) -> str:
    """Return the page; everything that comes from the run is escaped.

    Args:
        run: What the folder holds.
        pictures: What :func:`pretrain.report.pictures.draw` made of it.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("pretrain.report", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("page.html.j2").render(_context(run, pictures))
    # A path need not be text: bytes that are none were read as lone surrogates.
    return page.encode(errors="backslashreplace").decode()


def _context(run: RunFolder, pictures: Pictures) -> dict[str, Any]:
    report = run.best_rows[0].report if run.best_rows else None
    encoder = run.encoder
    return {
        "title": f"Object slots for {run.env_id}",
        "run": run,
        "facts": _facts(run),
        "preset": encoder.preprocess,
        "num_slots": encoder.num_slots,
        "slot_dim": encoder.slot_dim,
        "slot_fields": encoder.slot_fields,
        "method": encoder.provenance.get("title", "unknown"),
        "warnings": encoder.provenance.get("warnings", []),
        "untrained": encoder.provenance.get("updates") == 0,
        "report": report,
        "tiles": _tiles(run),
        "headings": tables.headings(),
        "metrics": tables.METRICS.values(),
        "probe_rows": tables.probe_table(run),
        "paper_rows": tables.paper_table(run),
        "notes": tables.comparison_notes(run),
        "probe_frames": _probe_frames(report),
        "label_rows": tables.label_table(run),
        "presence_rows": tables.presence_table(run),
        "left_out": tables.left_out(run),
        "settings": tables.settings_table(run),
        "versions": tables.flattened(run.config.get("versions") or {}),
        "command": run.config.get("command"),
        **{name: _image(getattr(pictures, name)) for name in PICTURES},
        "constant_slots": pictures.constant_slots,
    }


def _facts(run: RunFolder) -> list[str]:
    """Return what was trained on, how long and where, as far as the encoder's folder says."""
    preset, known = run.encoder.preprocess, run.encoder.provenance
    facts = [f"Frames of {preset.height} × {preset.width} pixels (preset “{preset.name}”)"]  # noqa: RUF001
    if known.get("frames"):
        facts.append(f"{known['frames']:,} of them to learn from")
    if known.get("updates"):
        facts.append(f"{known['updates']:,} updates")
    if known.get("train_seconds"):
        seconds = known["train_seconds"]
        spent = f"{seconds / 60:.0f} minutes" if seconds >= 60 else f"{seconds:.0f} seconds"
        facts.append(f"made in {spent}")
    if known.get("device"):
        facts.append(f"on {known['device']}")
    if run.game:
        facts.append(f"game: {run.game}")
    return facts


def _tiles(run: RunFolder) -> list[tuple[str, str]]:
    """Return the page's first numbers: value and what it is."""
    paper = tables.paper_accuracy(run) or {}
    found = [
        (tables.mean_of(run.best_rows, "accuracy"), "slot accuracy of this encoder"),
        (tables.mean_of(tables.untrained_rows(run), "accuracy"), "the same network, untrained"),
        (paper.get("scn") if run.rows else None, "the paper's SCN in this game"),
        (paper.get("supervised") if run.rows else None, "the paper's supervised network"),
    ]
    return [(f"{value:.2f}", name) for value, name in found if value is not None]


def _probe_frames(report: ProbeReport | None) -> str | None:
    if report is None:
        return None
    counts = report.counts
    return (
        f"{counts.train:,} frames to fit, {counts.validation:,} to choose the ridge strength, "
        f"{counts.test:,} to score, from {counts.episodes:,} episodes; {counts.duplicates:,} test "
        "frames were dropped because the same picture occurs among the others."
    )


def _image(content: bytes | None) -> _Image | None:
    if not content:
        return None
    with Image.open(io.BytesIO(content)) as picture:
        kind, width = str(picture.format).lower(), picture.width
    uri = f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
    return _Image(uri, round(width / _FIGURE_ZOOM) if kind == "png" else width)
