"""The verb ``players``: its table by hand, the whole on Pong at toy size."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pretrain.bench import players
from pretrain.bench.players import PlayersRow, players_table, probe_players
from pretrain.bench.results.rows import Row, read_rows
from pretrain.bench.run import bench
from pretrain.cli import main
from pretrain.config import BenchConfig
from pretrain.runtime.resumable import MeasuredRows
from pretrain.verbs.players import PlayersConfig

Toy = Callable[..., BenchConfig]
MakeRow = Callable[..., Row]


def rows_of(out: Path) -> list[Row]:
    return [json.loads(line) for line in (out / "players.jsonl").read_text().splitlines()]


def measured(row: MakeRow, game: str, by_measure: dict[str, dict[str, float]]) -> list[Row]:
    """The three rows of a cell, with these accuracies by label."""
    pairs = {"random": ("random", "random"), "player": ("scripted", "scripted")}
    pairs["transfer"] = ("scripted", "random")
    return [
        row("random", game, None, view="pixel")
        | {
            "cell": f"{game}/random-s0",
            "player": pairs[name][0],
            "fitted_on": pairs[name][1],
            "accuracy_by_label": labels,
            "ridge_by_label": labels,
            "left_out": {} if "b" in labels else {"b": "constant", "ball (presence)": "always"},
            "score_per_1000": -20.0 if name == "random" else 1.5,
        }
        for name, labels in by_measure.items()
    ]


def test_means_are_over_the_labels_that_all_three_have(row: MakeRow) -> None:
    rows = measured(
        row,
        "pong",
        {
            "random": {"a": 0.9, "b": 0.1, "c": 0.7},
            "player": {"a": 0.8, "c": 0.4},
            "transfer": {"a": 0.5, "b": 0.9, "c": 0.3},
        },
    )
    text = players_table(rows)
    cells = next(line for line in text.splitlines() if line.startswith("| pong")).split(" | ")
    assert cells[2:6] == ["0.800", "0.600", "-0.200", "0.400"]
    assert "random play and of the player: pong -20.0 and +1.5." in text
    assert "Not scored in pong: b." in text


def test_each_game_has_its_lines(row: MakeRow) -> None:
    same = {name: {"a": 1.0} for name in ("random", "player", "transfer")}
    text = players_table([*measured(row, "pong", same), *measured(row, "boxing", same)])
    games = [line.split(" ")[1] for line in text.splitlines() if "Random-CNN" in line]
    assert games == ["boxing", "pong"]


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"games": ("Tennis",)}, "no scripted player for 'Tennis'"),
        ({"methods": ("snc",)}, "no method named 'snc'; there are random, scn"),
        ({}, "has no finished cell of these games and methods"),
    ],
)
def test_what_cannot_be_done_is_said_before_frames_are_collected(
    tmp_path: Path, changes: dict[str, Any], text: str
) -> None:
    with pytest.raises(ValueError, match=text):
        probe_players(out=tmp_path, **changes)
    assert list(tmp_path.iterdir()) == []


def test_flags_are_checked() -> None:
    with pytest.raises(ValueError, match="frames must be at least 1, got 0"):
        PlayersConfig(frames=0)


def test_damaged_rows_are_named(tmp_path: Path) -> None:
    (tmp_path / "players.jsonl").write_text('{"cell": "pong/random-s0"}\n')
    with pytest.raises(
        ValueError, match=r"players\.jsonl, line 1: field .* is missing.*delete that line"
    ):
        MeasuredRows(tmp_path / "players.jsonl", PlayersRow, by="cell")


@pytest.mark.ale
def test_finished_cells_are_probed_once(
    toy: Toy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = toy(methods=("random", "coordinates"))
    bench(config)
    before = (config.out / "rows.jsonl").read_bytes()
    command = ["upkeep", "players", "--out", str(config.out), "--frames", "600", "--workers", "1"]
    main(command)
    rows = rows_of(config.out)
    measures = [("random", "random"), ("scripted", "scripted"), ("scripted", "random")]
    assert [(r["cell"], r["player"], r["fitted_on"]) for r in rows] == [
        (f"pong/{cell}-s0", *measure) for cell in ("coordinates", "random") for measure in measures
    ]
    assert [r["accuracy"] for r in rows[:3]] == pytest.approx([1.0] * 3, abs=1e-6)
    # The bench's own probe of random play, measured again.
    (own,) = (
        r
        for r in read_rows([config.out / "rows.jsonl"])
        if (r["method"], r["view"]) == ("random", "pixel")
    )
    assert rows[3]["accuracy_by_label"] == pytest.approx(own["accuracy_by_label"])
    assert rows[4]["score_per_1000"] > rows[3]["score_per_1000"]
    table = (config.out / "players.md").read_text()
    assert "| pong | True coordinates | 1.000 | 1.000 |" in table
    assert "coordinates-s0: accuracy 1.000 on random play" in capsys.readouterr().out

    monkeypatch.setattr(players, "_probe", lambda *more: pytest.fail("probed again"))
    main(command)
    assert rows_of(config.out) == rows
    assert (config.out / "rows.jsonl").read_bytes() == before
    # They are no rows of the bench: tables says so instead of mixing them.
    with pytest.raises(ValueError, match="there is no field 'cell'"):
        read_rows([config.out / "players.jsonl"])


@pytest.mark.ale
def test_an_encoder_that_cannot_be_loaded_stops_no_other(toy: Toy) -> None:
    config = toy(methods=("random", "mean"))
    bench(config)
    shutil.copytree(config.out / "pong" / "random-s0", config.out / "pong" / "also-random-s0")
    (config.out / "pong" / "also-random-s0" / "encoder" / "model.safetensors").unlink()
    with pytest.raises(RuntimeError, match=r"lacks what could not be probed: pong/also-random-s0"):
        probe_players(out=config.out, frames=600, workers=1)
    assert {r["cell"] for r in rows_of(config.out)} == {"pong/random-s0", "pong/mean-s0"}


@pytest.mark.ale
def test_probe_fits_on_another_play(toy: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    config = toy(methods=("random",))
    bench(config)
    data = config.out / "pong" / "data"
    play = ["--env", "Pong", "--frames", "600", "--seed", "1000000", "--workers", "1"]
    main(["collect", *play, "--player", "scripted", "--out", str(data / "scripted")])
    probe = ["probe", "--encoder", str(config.out / "pong" / "random-s0"), "--view", "pixel"]
    probe += ["--data", str(data / "scripted"), "--fit-on"]
    capsys.readouterr()
    main([*probe, str(data / "probe")])
    assert "pong (pixel labels): slot accuracy" in capsys.readouterr().out
    for more, text in (
        ([str(data / "probe"), "--shuffle-labels"], "leave out fit_on"),
        ([str(data / "nowhere")], "nowhere is no data set"),
    ):
        with pytest.raises(SystemExit) as stopped:
            main([*probe, *more])
        assert stopped.value.code == 2
        assert text in capsys.readouterr().err
