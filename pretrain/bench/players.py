"""How accurate encoders that were made on random play are on a better player's frames.

Every finished encoder of a benchmark is probed three times: on random play, on a scripted player's
frames, and with the probe of random play on the player's frames. All under the ``pixel`` view, and
all anew, so that the three numbers are of the same weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pretrain.bench.cell import features_of, now
from pretrain.bench.matrix import check_name, collect_frames
from pretrain.bench.references import REFERENCES
from pretrain.bench.results.aggregate import Scores
from pretrain.bench.results.rows import (
    ROWS_FILE,
    Cell,
    Measured,
    Row,
    budgets,
    measured,
    read_rows,
    rows_of,
)
from pretrain.data.players import RULES
from pretrain.data.store import FrameStore
from pretrain.drawing.estimate import NONE, mean, number, show
from pretrain.runtime.resumable import MeasuredRows
from slotenv import __version__, markdown
from slotenv.checkpoint import read_config
from slotenv.labels import find_game
from slotenv.probe import probe_features, probe_transfer
from slotenv.records import Count, Text

VIEW = "pixel"
_INTRODUCTION = """\
# On a better player's frames

Encoders were trained on random play. Accuracy is the mean test R2 of linear probes of screen
coordinates, as in tables.md, fitted and tested on random play (*random*), fitted and tested on a
scripted player's frames (*player*), and fitted on random play but tested on the player's frames
(*transfer*). *change* is player less random. R2 is relative to how much a coordinate varies, and
play changes that: *transfer* is to be compared with *player*, which has the same test frames.
Least squares explodes on nearly collinear features, ridge does not. Presence is balanced accuracy
(0.5 is chance). Means are over the labels that all three have."""
_HEADINGS = (
    *("game", "method", "random", "player", "change", "transfer"),
    *("transfer, ridge", "player, ridge", "presence: random, player, transfer"),
)
MEASURES = (("random", "random"), ("scripted", "scripted"), ("scripted", "random"))
"""Who played the tested frames, and who those that the probe was fitted on."""


class PlayersRow(Cell, Measured):
    """A line of ``players.jsonl``."""

    cell: Text
    player: Text
    fitted_on: Text
    player_frames: Count
    score_per_1000: float
    left_out: dict[Text, Text]
    key: Text


def probe_players(
    *,
    out: Path,
    games: Sequence[str] = (),
    methods: Sequence[str] = (),
    frames: int = 50_000,
    workers: int | None = None,
    device: str = "auto",
) -> Path:
    """Probe what is missing, cell by cell, and write rows and table; return the table's path.

    Raises:
        ValueError: If a game has no scripted player, a method is unknown, nothing is finished, or
            the player's frames there are of another number.
        RuntimeError: At the end, if an encoder could not be loaded or probed.
    """
    keys = dict.fromkeys(find_game(name, RULES, what="scripted player") for name in games or RULES)
    for name in methods:
        check_name(name)
    finished = {game: found for game in keys if (found := _finished(out / game, methods))}
    if not finished:
        raise ValueError(
            f"{out} has no finished cell of these games and methods: make some with "
            f"python -m pretrain bench --out {out}"
        )
    known = MeasuredRows(out / "players.jsonl", PlayersRow, by="cell")
    failed = []
    for game, found in finished.items():
        probe_frames = next(iter(found.values()))["probe_frames"]
        plays = {
            player: FrameStore(collect_frames(out, game, count, workers, player=player))
            for player, count in (("random", probe_frames), ("scripted", frames))
        }
        for folder, made in found.items():
            name = f"{game}/{folder.name}"
            try:
                weights = made["method"]
                if weights not in REFERENCES:
                    weights = read_config(folder / "encoder")["weights_sha256"]
                key = " ".join([weights, *(play.checksum for play in plays.values())])
                if not known.having(cell=name, key=key):
                    rows = _probe(folder, made, plays, device)
                    known.put([{"cell": name, **row, "key": key} for row in rows])
                    known.write_table(players_table(known.rows))
                    own, theirs, transfer = (number(row["accuracy"]) for row in rows)
                    print(
                        f"players: {name}: accuracy {own} on random play, {theirs} on the player's "
                        f"frames, {transfer} there with the probe of random play",
                        flush=True,
                    )
            except (ValueError, OSError) as error:  # one encoder of another version stops no other
                failed.append(f"{name} ({error})")
    table = known.write_table(players_table(known.rows))
    if failed:
        raise RuntimeError(f"{table} lacks what could not be probed: {'; '.join(failed)}")
    return table


def _finished(folder: Path, methods: Sequence[str]) -> dict[Path, Row]:
    """Return what ``bench`` has probed: the folder of each cell, and the row that it has."""
    return {
        path.parent: row
        for path in sorted(folder.glob(f"*/{ROWS_FILE}"))
        for row in read_rows([path])
        if not methods or row["method"] in methods
        if "failed" not in row and row["view"] == VIEW and not row["snapshot"]
    }


def _probe(folder: Path, made: Row, plays: dict[str, FrameStore], device: str) -> list[Row]:
    """Return a row of each measurement: who played, and on whose frames the probe was fitted."""
    game, stores = made["game"], plays.values()
    found, _ = features_of(made["method"], game, folder / "encoder", stores, device)
    features = dict(zip(plays, found, strict=True))
    rows = []
    for player, fitted_on in MEASURES:
        play = plays[player]
        if player == fitted_on:
            report = probe_features(features[player], play, game=game, view=VIEW)
        else:
            report = probe_transfer(
                features[player],
                play,
                fit_features=features[fitted_on],
                fit_dataset=plays[fitted_on],
                game=game,
                view=VIEW,
            )
        rows.append(
            {
                **{name: made[name] for name in Cell.__annotations__ if name in made},
                "player": player,
                "fitted_on": fitted_on,
                "player_frames": len(play),
                "score_per_1000": round(1000 * float(play.rewards.mean()), 2),
                **measured(report),
                "left_out": report.left_out,
                "slotenv": __version__,
                "time": now(),
            }
        )
    return rows


def players_table(rows: Sequence[Row]) -> str:
    """Return the Markdown of rows of :func:`probe_players`: a table for each budget."""
    lines = [_INTRODUCTION]
    for budget in budgets(rows):
        lines += ["", f"## {str(budget).capitalize()}", "", *_table(rows_of(rows, budget))]
    return "\n".join([*lines, "", *_notes(rows)]) + "\n"


def _table(rows: Sequence[Row]) -> list[str]:
    fields = ("accuracy_by_label", "ridge_by_label", "presence_by_object")
    accuracy, ridge, presence = (scores_by_measure(rows, field) for field in fields)
    lines = []
    for game in accuracy[0].games:
        for title in accuracy[0].values:
            random, player, transfer = (scores.estimate(title, game) for scores in accuracy)
            if random is None or player is None:
                continue
            numbers = [random, player, transfer]
            numbers += [scores.estimate(title, game) for scores in (ridge[2], ridge[1])]
            cells = [show(found) for found in numbers]
            cells.insert(2, f"{player.mean - random.mean:+.3f}")
            there = [scores.estimate(title, game) for scores in presence]
            cells.append(", ".join(map(show, there)) if any(there) else NONE)
            lines.append([game, title, *cells])
    return markdown.table(_HEADINGS, lines)


def scores_by_measure(rows: Sequence[Row], field: str) -> list[Scores]:
    """Return each measurement's means over what all three of a cell have scored.

    Args:
        rows: Those of :func:`probe_players`.
        field: ``accuracy_by_label``, ``ridge_by_label`` or ``presence_by_object``.

    Returns:
        Scores in the order of :data:`MEASURES`.
    """
    shared: dict[str, set[str]] = {}
    for row in rows:
        shared[row["cell"]] = shared.get(row["cell"], set(row[field])) & set(row[field])

    def average(row: Row) -> float | None:
        return mean(row[field][name] for name in row[field] if name in shared[row["cell"]])

    return [
        Scores([r for r in rows if (r["player"], r["fitted_on"]) == measure], "pixel", average)
        for measure in MEASURES
    ]


def _notes(rows: Sequence[Row]) -> list[str]:
    """Say how much better the player is, and what could not be scored."""
    scores: dict[str, dict[str, float]] = {}
    missing: dict[str, set[str]] = {}
    for row in rows:
        scores.setdefault(row["game"], {})[row["player"]] = row["score_per_1000"]
        coordinates = (name for name in row["left_out"] if not name.endswith("(presence)"))
        missing.setdefault(row["game"], set()).update(coordinates)
    text = "; ".join(
        f"{game} {by['random']:+.1f} and {by['scripted']:+.1f}" for game, by in scores.items()
    )
    return [
        f"Score in 1,000 frames of random play and of the player: {text}.",
        *(f"Not scored in {game}: {', '.join(sorted(n))}." for game, n in missing.items() if n),
    ]
