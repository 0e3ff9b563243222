"""The report's tables as text: the probe beside the paper, label by label, and the settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pretrain.data.probe_file import ProbeRow
from pretrain.drawing.estimate import NONE, estimate, mean, number, show
from pretrain.report.run_folder import UNTRAINED, RunFolder
from slotenv.labels import labels_for
from slotenv.probe import PAPER_DISENTANGLEMENT, metrics_of, paper_row

PAPER_UPDATES = 62_500
METRICS = metrics_of("scn")  # presence stands in a table of its own, by object
_PAPER_NAMES = {
    "scn": "Paper: SCN",
    "random": "Paper: random CNN",
    "cswm": "Paper: C-SWM",
    "supervised": "Paper: supervised",
}

Cells = list[str]


def headings() -> Cells:
    """Return the columns of :func:`probe_table`."""
    return ["", "updates", *(metric.title for metric in METRICS.values()), "probes"]


def probe_table(run: RunFolder) -> list[Cells]:
    """Return a line for each kind of probe row: mean and standard error over seeds."""
    groups: dict[tuple[str, int], list[ProbeRow]] = {}
    for row in run.rows:
        view = "" if row.report.view == "scn" else f" ({row.report.view} labels)"
        groups.setdefault((row.name + view, row.updates), []).append(row)
    return [
        [
            name,
            f"{updates:,}",
            *(
                show(estimate(getattr(row.report, field) for row in rows), metric.digits)
                for field, metric in METRICS.items()
            ),
            str(len(rows)),
        ]
        for (name, updates), rows in groups.items()
    ]


def paper_table(run: RunFolder) -> list[Cells]:
    """Return the paper's lines for the game in the same columns; none where they do not compare."""
    accuracies = paper_accuracy(run)
    if accuracies is None:
        return []
    lines = []
    for method, name in _PAPER_NAMES.items():
        means = PAPER_DISENTANGLEMENT[method]
        cells = {
            "accuracy": number(accuracies[method], 2),
            "modularity": f"{means['modularity']:.3f} *",
            "compactness": f"{means['compactness']:.3f} *",
        }
        updates = f"{PAPER_UPDATES:,}" if method == "scn" else ""
        lines.append([name, updates, *(cells.get(field, NONE) for field in METRICS), ""])
    return lines


def paper_accuracy(run: RunFolder) -> dict[str, float | None] | None:
    """Return the paper's accuracies in the game; None without any, or under labels not its own."""
    if not run.game or any(row.report.view != "scn" for row in run.best_rows):
        return None
    try:
        return paper_row(run.game)
    except ValueError:
        return None


def comparison_notes(run: RunFolder) -> list[str]:
    """Say in sentences what makes this run and the paper's numbers less than comparable."""
    if paper_accuracy(run) is None:
        if any(row.report.view != "scn" for row in run.best_rows):
            return [
                "The paper's numbers are not shown: they are about its own labels (the view "
                "“scn”), those here are about others."
            ]
        return ["The paper has no numbers for this environment."]
    notes = ["* The paper gives modularity and compactness only as means over its 20 games."]
    preset, encoder = run.encoder.preprocess.name, run.encoder
    if preset != "scn":
        notes.append(
            f"The frames here come from the preset “{preset}”, not from the paper's stack of "
            "wrappers: the scores are not measured on the same frames."
        )
    updates = encoder.provenance.get("updates")
    if updates != PAPER_UPDATES:
        ours = {None: "an unknown number", 0: "none"}.get(updates, f"{updates or 0:,}")
        notes.append(
            f"The paper's encoders were trained for {PAPER_UPDATES:,} updates, this one for {ours}."
        )
    objects = labels_for(run.game or "", "scn").num_objects
    if encoder.num_slots != objects:
        notes.append(
            f"The paper uses as many slots as there are labelled objects, {objects} in this game; "
            f"here there are {encoder.num_slots}."
        )
    return notes


def label_table(run: RunFolder) -> list[Cells]:
    """Return a line for each scored label: label, object, accuracy, with ridge, untrained."""
    rows, fresh = run.best_rows, untrained_rows(run)
    objects = {k: v for row in rows for k, v in row.report.object_by_label.items()}
    return [
        [
            label,
            name,
            show(estimate(row.report.accuracy_by_label.get(label) for row in rows)),
            show(estimate(row.report.ridge_by_label.get(label) for row in rows)),
            show(estimate(row.report.accuracy_by_label.get(label) for row in fresh)),
        ]
        for label, name in objects.items()
    ]


def left_out(run: RunFolder) -> dict[str, str]:
    """Return what is not scored or not defined, and why."""
    reasons: dict[str, str] = {}
    for row in run.best_rows:
        reasons |= row.report.left_out
        reasons |= {name.replace("_", " "): reason for name, reason in row.report.undefined.items()}
    return reasons


def presence_table(run: RunFolder) -> list[Cells]:
    """Return a line for each object whose presence was scored: object, balanced accuracy."""
    rows = run.best_rows
    names = dict.fromkeys(name for row in rows for name in row.report.presence_by_object)
    return [
        [name, show(estimate(row.report.presence_by_object.get(name) for row in rows))]
        for name in names
    ]


def settings_table(run: RunFolder) -> list[Cells]:
    """Return name and value of every setting: arguments, frames, origin of the weights."""
    return [
        *flattened(run.config.get("arguments") or {}),
        *flattened(run.encoder.preprocess.to_dict(), prefix="frames: "),
        *flattened(run.encoder.provenance, prefix="encoder: "),
    ]


def flattened(values: Mapping[str, Any], *, prefix: str = "") -> list[Cells]:
    """Return name and value of each entry, nested entries by dotted names."""
    lines: list[Cells] = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            lines += flattened(value, prefix=f"{prefix}{name}.")
        else:
            lines.append([f"{prefix}{name}", NONE if value is None else str(value)])
    return lines


def untrained_rows(run: RunFolder) -> list[ProbeRow]:
    """Return the probe rows of the encoder before any update."""
    return [row for row in run.rows if row.name == UNTRAINED]


def mean_of(rows: Sequence[ProbeRow], field: str) -> float | None:
    """Return the mean of a field of the reports over rows where it is defined, None if nowhere."""
    return mean(getattr(row.report, field) for row in rows)
