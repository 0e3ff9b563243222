"""The page of a detection measurement: numbers by game, means by method, recall by kind."""

from collections.abc import Sequence

from pretrain.drawing.estimate import mean, number
from pretrain.runtime.resumable import Row
from slotenv import markdown

_SHARES = {
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "strict_f1": "F1 at IoU 0.5",
    "doubles": "doubles",
    "on_nothing": "on nothing",
}
_TITLES = {
    "slots": "slots",
    "difference": "background difference, connected pieces, tracker",
    "mean": "every object at its mean box",
}
_ABOUT = {
    "ocatari": "True boxes are OCAtari's, read from RAM.",
    "labels": "True boxes are those of the `pixel` labels, with each object's usual size. Few "
    "objects have labels: a slot on another counts as one on nothing, so precision is too low.",
}


def detection_table(rows: Sequence[Row], truth: str) -> str:
    """Return a page in Markdown.

    Args:
        rows: Those of :func:`pretrain.upkeep.detection.measure_detection`, all of one truth.
        truth: ``"ocatari"`` or ``"labels"``.
    """
    by_method = {m: [row for row in rows if row["method"] == m] for m in _TITLES}
    ours, rivals = by_method["slots"], [by_method[m] for m in _TITLES if m != "slots"]
    lines = [
        f"{_ABOUT[truth]} The methods learn from the first half of the frames, and are judged on "
        "the second. The mean box of an object that is there in more than half of the frames is "
        "taken from the truth.",
        "",
        *_by_game(ours, rivals),
        "",
        *_by_method(by_method),
        "",
        *_by_kind(ours),
    ]
    return "\n".join(lines) + "\n"


def _by_game(ours: list[Row], rivals: list[list[Row]]) -> list[str]:
    headings = ["game", "objects", "slots", *_SHARES.values(), "F1 of difference", "F1 of mean"]
    lines: list[list[object]] = []
    for row, *others in zip(ours, *rivals, strict=True):
        report = row["report"]
        a_frame = [f"{n / report.frames:.1f}" for n in (report.objects, report.slots)]
        shares = [number(getattr(report, name)) for name in _SHARES]
        lines.append([row["game"], *a_frame, *shares, *(number(o["report"].f1) for o in others)])
    return markdown.table(headings, lines)


def _by_method(by_method: dict[str, list[Row]]) -> list[str]:
    lines = []
    for method, rows in by_method.items():
        means = (mean(getattr(row["report"], name) for row in rows) for name in _SHARES)
        lines.append([_TITLES[method], *map(number, means)])
    games = len(by_method["slots"])
    return markdown.table([f"mean of {games} games", *_SHARES.values()], lines)


def _by_kind(ours: list[Row]) -> list[str]:
    lines = []
    for row in ours:
        found = row["report"].recall_by_kind.items()
        recall = ", ".join(f"{kind} {share:.2f}" for kind, share in found)
        left_out = "; ".join(f"{kind}: {why}" for kind, why in row["left_out"].items())
        lines.append([row["game"], recall, left_out])
    return markdown.table(["game", "recall of slots by kind", "not counted"], lines, words=3)
