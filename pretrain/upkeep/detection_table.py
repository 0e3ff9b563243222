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
    "f1_of_all": "F1 of all slots",
    "elsewhere": "elsewhere",
    "doubles": "doubles",
    "on_nothing": "on nothing",
}
_TITLES = {
    "slots": "slots",
    "difference": "background difference, connected pieces, tracker",
    "mean": "every object at its mean box",
    "attention": "Slot Attention's masks",
}
_ABOUT = {
    "ocatari": "True boxes are OCAtari's, read from RAM.",
    "labels": "True boxes are those of the `pixel` labels, with each object's usual size. Few "
    "objects have labels: a slot on another counts as one on nothing, so precision is too low.",
}


_PRESETS = {
    "v5": "single frames, as `gym.make` gives them",
    "scn": "the maximum of two frames each, of preset `scn`",
}


def detection_table(rows: Sequence[Row], truth: str, preset: str) -> str:
    """Return a page in Markdown.

    Args:
        rows: Those of :func:`pretrain.upkeep.detection.measure_detection`, all of one truth.
        truth: ``"ocatari"`` or ``"labels"``.
        preset: ``"v5"`` or ``"scn"``: what the frames are.
    """
    measured = [row for row in rows if "failed" not in row]
    by_method = {
        method: {row["game"]: row for row in measured if row["method"] == method}
        for method in _TITLES
    }
    lines = [
        f"{_ABOUT[truth]} Frames are {_PRESETS[preset]}. The methods learn from the first half of "
        "the frames, and are judged on the second. The mean box of an object that is there in more "
        "than half of the frames is taken from the truth.",
        "",
        *_by_game(by_method),
        "",
        *_by_method(by_method),
        "",
        *_by_kind(by_method["slots"]),
    ]
    if failed := [[row["game"], row["failed"]] for row in rows if "failed" in row]:
        lines += ["", *markdown.table(["game", "not measured"], failed, words=2)]
    return "\n".join(lines) + "\n"


def _by_game(by_method: dict[str, dict[str, Row]]) -> list[str]:
    rivals = {name: by_game for name, by_game in by_method.items() if name != "slots" and by_game}
    headings = ["game", "objects", "slots", *_SHARES.values(), *(f"F1 of {r}" for r in rivals)]
    lines: list[list[object]] = []
    for game, row in by_method["slots"].items():
        report = row["report"]
        a_frame = [f"{n / report.frames:.1f}" for n in (report.objects, report.slots)]
        shares = [number(getattr(report, name)) for name in _SHARES]
        others = (found[game]["report"].f1 if game in found else None for found in rivals.values())
        lines.append([game, *a_frame, *shares, *map(number, others)])
    return markdown.table(headings, lines)


def _by_method(by_method: dict[str, dict[str, Row]]) -> list[str]:
    """Return means over all games, and again over those that a rival of a few games has."""
    every = set(by_method["slots"])
    sets = {frozenset(by_game) for by_game in by_method.values() if by_game} | {frozenset(every)}
    lines: list[str] = []
    for games in sorted(sets, key=len, reverse=True):
        cells = []
        for method, by_game in by_method.items():
            if games <= set(by_game):
                reports = [by_game[game]["report"] for game in sorted(games)]
                means = (mean(getattr(report, name) for report in reports) for name in _SHARES)
                cells.append([_TITLES[method], *map(number, means)])
        heading = f"mean of {len(games)} game{'s' * (len(games) != 1)}"
        lines += ["", *markdown.table([heading, *_SHARES.values()], cells)]
    return lines[1:]


def _by_kind(ours: dict[str, Row]) -> list[str]:
    lines = []
    for game, row in ours.items():
        found = row["report"].recall_by_kind.items()
        recall = ", ".join(f"{kind} {share:.2f}" for kind, share in found)
        left_out = "; ".join(f"{kind}: {why}" for kind, why in row["left_out"].items())
        lines.append([game, recall, left_out])
    return markdown.table(["game", "recall of slots by kind", "not counted"], lines, words=3)
