"""Do encoders that saw random play hold on a better player's frames?

Every finished encoder of a benchmark is probed three times: on random play, on a scripted player's
frames, and with the probe of random play on the player's frames. All under the ``pixel`` view, and
all anew, so that the three numbers are of the same weights.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pretrain.bench.data import PRESET, PROBE_SEED, player_folder, probe_folder
from pretrain.bench.references import REFERENCES
from pretrain.bench.results.players_table import players_table
from pretrain.bench.results.row import ROWS_FILE as CELL_ROWS_FILE
from pretrain.bench.results.row import Cell, Row, Scores, measured
from pretrain.bench.results.rows import read_rows
from pretrain.data.collect import collect_data
from pretrain.data.players import RULES
from pretrain.data.store import FrameStore
from pretrain.methods import HELD, METHODS
from pretrain.probe import read_slots
from pretrain.runtime.resumable import MeasuredRows
from pretrain.training.step import choose_device
from slotenv import SlotEncoder, __version__
from slotenv.atomic import write_atomic
from slotenv.checkpoint import read_config
from slotenv.environments import atari_game
from slotenv.labels.tables import find_game
from slotenv.probe import Features, ProbeReport, probe_features, probe_transfer
from slotenv.records import Count, Text

if TYPE_CHECKING:
    from pretrain.verbs.players import PlayersConfig

PLAYERS_FILE, TABLE_FILE = "players.jsonl", "players.md"
VIEW = "pixel"
_CELL = (  # of the bench's row: how the encoder was made
    *("method", "title", "settings", "game", "seed", "frames", "frames_preset", "updates"),
    *("batch_size", "run_length", "probe_frames", "num_slots", "identity"),
)


class PlayersRow(Cell, Scores):  # type: ignore[misc]
    """A line of ``players.jsonl``."""

    cell: Text
    player: Text
    fitted_on: Text
    player_frames: Count
    score_per_1000: float
    left_out: dict[Text, Text]
    key: Text


class _Subject(NamedTuple):
    """A finished cell: its folder and the row that says how it was made."""

    folder: Path
    made: Row

    @property
    def name(self) -> str:
        """Game and folder."""
        return f"{self.folder.parent.name}/{self.folder.name}"


class _Plays(NamedTuple):
    """The probe frames of both players in one game."""

    random: FrameStore
    scripted: FrameStore


def probe_players(config: PlayersConfig) -> Path:
    """Probe what is missing, cell by cell, and write rows and table.

    Returns:
        Path of the table.

    Raises:
        ValueError: If a game has no scripted player, a method is unknown, nothing is finished, or
            the player's frames there are of another number.
        RuntimeError: At the end, if an encoder could not be loaded or probed.
        KeyboardInterrupt: On Ctrl-C; the same call goes on from there.
    """
    games = dict.fromkeys(
        find_game(name, RULES, what="scripted player") for name in config.games or RULES
    )
    unknown = [name for name in config.methods if name not in METHODS | HELD | REFERENCES]
    if unknown:
        raise ValueError(
            f"no method named {unknown[0]!r}; there are {', '.join(METHODS | HELD | REFERENCES)}"
        )
    subjects = {game: found for game in games if (found := _finished(config, game))}
    if not subjects:
        raise ValueError(
            f"{config.out} has no finished cell of these games and methods: make some with "
            f"python -m pretrain bench --out {config.out}"
        )
    table = config.out / TABLE_FILE
    known = MeasuredRows(config.out / PLAYERS_FILE, PlayersRow, by="cell")
    failed = []
    for game, found in subjects.items():
        plays = _collected(config, game, found[0].made["probe_frames"])
        for subject in found:
            try:
                key = f"{_weights(subject)} {plays.random.checksum} {plays.scripted.checksum}"
                if not known.has(subject.name, key):
                    rows = _probe(config, subject, plays, key)
                    known.put(subject.name, rows)
                    write_atomic(table, players_table(known.all()))
                    print(_said(subject, rows), flush=True)
            except (ValueError, OSError) as error:  # one encoder of another version stops no other
                failed.append(f"{subject.name} ({error})")
    write_atomic(table, players_table(known.all()))
    if failed:
        raise RuntimeError(f"{table} lacks what could not be probed: {'; '.join(failed)}")
    return table


def _finished(config: PlayersConfig, game: str) -> list[_Subject]:
    """Return the cells of a game that were probed by ``bench``."""
    found = []
    for path in sorted((config.out / game).glob(f"*/{CELL_ROWS_FILE}")):
        for row in read_rows([path]):
            wanted = not config.methods or row.get("method") in config.methods
            if wanted and "failed" not in row and row["view"] == VIEW and not row["snapshot"]:
                found.append(_Subject(path.parent, row))
    return found


def _collected(config: PlayersConfig, game: str, probe_frames: int) -> _Plays:
    def collected(folder: Path, frames: int, player: str) -> FrameStore:
        collect_data(
            folder,
            env=str(atari_game(game)),
            preset=PRESET,
            frames=frames,
            seed=PROBE_SEED,
            player=player,
            workers=config.workers,
        )
        return FrameStore(folder)

    return _Plays(
        collected(probe_folder(config.out, game), probe_frames, "random"),
        collected(player_folder(config.out, game, "scripted"), config.frames, "scripted"),
    )


def _weights(subject: _Subject) -> str:
    """Return what tells an encoder's weights from others'."""
    if subject.made["method"] in REFERENCES:
        return str(subject.made["method"])
    return str(read_config(subject.folder / "encoder")["weights_sha256"])


def _features(config: PlayersConfig, subject: _Subject, plays: _Plays) -> list[Features]:
    method, game = subject.made["method"], subject.made["game"]
    if method in REFERENCES:
        return [REFERENCES[method].features(store, game) for store in plays]
    device = choose_device(config.device)
    encoder = SlotEncoder.from_pretrained(subject.folder / "encoder", device=device)
    return [read_slots(encoder, store, hold=method in HELD) for store in plays]


def _probe(config: PlayersConfig, subject: _Subject, plays: _Plays, key: str) -> list[Row]:
    """Return a row of each measurement: who played, and on whose frames the probe was fitted."""
    random, scripted = _features(config, subject, plays)
    game = subject.made["game"]
    reports: dict[tuple[str, str], ProbeReport] = {
        ("random", "random"): probe_features(random, plays.random, game=game, view=VIEW),
        ("scripted", "scripted"): probe_features(scripted, plays.scripted, game=game, view=VIEW),
        ("scripted", "random"): probe_transfer(
            scripted,
            plays.scripted,
            fit_features=random,
            fit_dataset=plays.random,
            game=game,
            view=VIEW,
        ),
    }
    rows = []
    for (player, fitted_on), report in reports.items():
        store: FrameStore = getattr(plays, player)
        rows.append(
            {
                "cell": subject.name,
                **{name: subject.made[name] for name in _CELL},
                "player": player,
                "fitted_on": fitted_on,
                "player_frames": len(store),
                "score_per_1000": round(1000 * float(store.rewards.mean()), 2),
                **measured(report),
                "left_out": report.left_out,
                "slotenv": __version__,
                "key": key,
                "time": datetime.now(UTC).isoformat(timespec="seconds"),
            }
        )
    return rows


def _said(subject: _Subject, rows: list[Row]) -> str:
    numbers = [
        "-" if row["accuracy"] is None else f"{row['accuracy']:.3f}"
        for row in rows  # in the order that _probe makes
    ]
    return (
        f"players: {subject.name}: accuracy {numbers[0]} on random play, {numbers[1]} on the "
        f"player's frames, {numbers[2]} there with the probe of random play"
    )
