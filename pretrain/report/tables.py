"""The report's tables as text: the probe beside the paper, label by label, and the settings."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pretrain.data.run_files import ProbeRow
from pretrain.drawing.estimate import NONE, estimate, number, show
from pretrain.report.run_folder import RunFolder
from slotenv.labels import labels_for
from slotenv.probe import PAPER_ACCURACY, PAPER_DISENTANGLEMENT, Metric, metrics_of

PAPER_UPDATES = 62_500
_OF_UPDATES = (  # ends of settings' names
    "batch_size",
    "run_length",
    "learning_rate",
    "validate_every",
    "validation_share",
    "precision",
)
METRICS = metrics_of("scn")  # presence stands in a table of its own, by object
_PAPER_NAMES = {
    "scn": "Paper: SCN",
    "random": "Paper: random CNN",
    "cswm": "Paper: C-SWM",
    "supervised": "Paper: supervised",
}

Cells = list[str]
HEADINGS: Cells = ["", "updates", *(metric.title for metric in METRICS.values()), "probes"]
"""The columns of :func:`probe_table`."""


def probe_table(run: RunFolder) -> list[Cells]:
    """Return a line for each kind of probe row: mean and standard error over seeds."""
    groups: dict[tuple[str, int], list[ProbeRow]] = {}
    for row in run.rows:
        view = "" if row.report.view == "scn" else f" ({row.report.view} labels)"
        groups.setdefault((row.name + view, row.updates), []).append(row)
    lines = []
    for (name, updates), rows in groups.items():
        means = [
            show(estimate(getattr(row.report, field) for row in rows), metric.digits)
            for field, metric in METRICS.items()
        ]
        lines.append([name, f"{updates:,}", *means, str(len(rows))])
    return lines


class ShownProbe(NamedTuple):
    """The probe's table as the page shows it: without columns that would be empty.

    Attributes:
        headings: Of all columns but the first.
        rows: Lines of :func:`probe_table`.
        paper: Lines of :func:`paper_table`.
        metrics: Those that have a column.
        explained: Sentences about words that occur in the lines.
    """

    headings: Cells
    rows: list[Cells]
    paper: list[Cells]
    metrics: list[Metric]
    explained: list[str]


def shown_probe(run: RunFolder) -> ShownProbe:
    """Return the probe's and the paper's lines without columns in which no line says anything."""
    rows, paper = probe_table(run), paper_table(run)
    if not run.untrained_rows:
        rows = [row for row in rows if not row[0].startswith("untrained")]
    kept = [
        i
        for i in range(len(HEADINGS))
        if i == 0 or any(row[i] not in ("", "0", NONE) for row in rows)
    ]
    means = {
        "±": "Values after ± are standard errors over probes on differently seeded play.",
        "untrained": "“untrained”: the same network with its initial weights.",
        "shuffled labels": "“shuffled labels”: a control whose accuracy must be about 0 or below.",
    }
    words = " ".join(cell for row in rows for cell in row)
    titles = [HEADINGS[i] for i in kept[1:]]
    return ShownProbe(
        headings=titles,
        rows=[[row[i] for i in kept] for row in rows],
        paper=[[row[i] for i in kept] for row in paper],
        metrics=[metric for metric in METRICS.values() if metric.title in titles],
        explained=[sentence for word, sentence in means.items() if word in words],
    )


def paper_table(run: RunFolder) -> list[Cells]:
    """Return the paper's lines for the game in the same columns; none where they do not compare."""
    accuracies = paper_accuracy(run)
    if accuracies is None:
        return []
    lines = []
    for method, name in _PAPER_NAMES.items():
        cells = {metric: f"{n:.3f} *" for metric, n in PAPER_DISENTANGLEMENT[method].items()}
        cells["accuracy"] = number(accuracies[method], 2)
        updates = f"{PAPER_UPDATES:,}" if method == "scn" else ""
        lines.append([name, updates, *(cells.get(metric, NONE) for metric in METRICS), ""])
    return lines


def paper_accuracy(run: RunFolder) -> dict[str, float | None] | None:
    """Return the paper's accuracies in the game; None without any, or under labels not its own."""
    return None if _of_other_labels(run) else PAPER_ACCURACY.get(run.game or "")


def comparison_notes(run: RunFolder) -> list[str]:
    """Say in sentences what makes this run and the paper's numbers less than comparable."""
    if PAPER_ACCURACY.get(run.game or "") is None:
        return []
    if _of_other_labels(run):
        return [
            "The paper's numbers are not shown: they are about its own labels (the view “scn”), "
            "those here are about others."
        ]
    notes = ["* The paper gives modularity and compactness only as means over its 20 games."]
    preset, slots = run.encoder.preprocess.name, run.encoder.num_slots
    if preset != "scn":
        notes.append(
            f"The frames here come from the preset “{preset}”, not from the paper's stack of "
            "wrappers: the scores are not measured on the same frames."
        )
    updates = run.encoder.provenance.get("updates")
    if updates != PAPER_UPDATES:
        ours = {None: "an unknown number", 0: "none"}.get(updates, f"{updates or 0:,}")
        notes.append(
            f"The paper's encoders were trained for {PAPER_UPDATES:,} updates, this one for {ours}."
        )
    objects = labels_for(run.game or "", "scn").num_objects
    if slots != objects:
        notes.append(
            f"The paper uses as many slots as there are labelled objects, {objects} in this game; "
            f"here there are {slots}."
        )
    return notes


def label_table(run: RunFolder) -> list[Cells]:
    """Return a line for each scored label: label, object, accuracy, with ridge, untrained."""
    reports = [row.report for row in run.best_rows]
    columns = [
        [report.accuracy_by_label for report in reports],
        [report.ridge_by_label for report in reports],
        [row.report.accuracy_by_label for row in run.untrained_rows],
    ]
    objects = {k: v for report in reports for k, v in report.object_by_label.items()}
    return [[label, objects[label], *_means(label, *columns)] for label in objects]


def left_out(run: RunFolder) -> dict[str, str]:
    """Return what is not scored or not defined, and why."""
    reasons: dict[str, str] = {}
    for row in run.best_rows:
        reasons |= row.report.left_out
        reasons |= {name.replace("_", " "): reason for name, reason in row.report.undefined.items()}
    return reasons


def presence_table(run: RunFolder) -> list[Cells]:
    """Return a line for each object whose presence was scored: object, balanced accuracy."""
    found = [row.report.presence_by_object for row in run.best_rows]
    names = dict.fromkeys(name for scores in found for name in scores)
    return [[name, *_means(name, found)] for name in names]


def settings_table(run: RunFolder) -> list[Cells]:
    """Return name and value of every setting: arguments, frames, origin of the weights.

    Settings without a value are left out, and those of updates where the method takes none.
    """
    lines = [
        *flattened(run.config.get("arguments") or {}),
        *flattened(run.encoder.preprocess.to_dict(), prefix="frames: "),
        *flattened(run.encoder.provenance, prefix="encoder: "),
    ]
    unused = _OF_UPDATES if run.encoder.provenance.get("updates") == 0 else ()
    return [[name, value] for name, value in lines if value != NONE and not name.endswith(unused)]


def flattened(values: Mapping[str, Any], *, prefix: str = "") -> list[Cells]:
    """Return name and value of each entry, nested entries by dotted names."""
    lines: list[Cells] = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            lines += flattened(value, prefix=f"{prefix}{name}.")
        else:
            lines.append([f"{prefix}{name}", NONE if value is None else str(value)])
    return lines


def _means(name: str, *columns: Sequence[Mapping[str, float]]) -> Cells:
    return [show(estimate(scores.get(name) for scores in column)) for column in columns]


def _of_other_labels(run: RunFolder) -> bool:
    return any(row.report.view != "scn" for row in run.best_rows)
