"""The command that takes encoders out of a benchmark, and whether what their cards say is so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pretrain.bench.cell import _facts, write_rows
from pretrain.bench.matrix import PAPER_GAMES, Cell
from pretrain.cli import main
from pretrain.config import MAX_SEED, BenchConfig
from pretrain.data.collect import collect_data
from pretrain.data.store import FrameStore
from slotenv import SlotEncoder, checkpoint, ready, records
from slotenv.encoders import SlotMapEncoder
from slotenv.probe import probe_features, read_features

SIZES = {"frames": 400, "probe_frames": 600}
FLAGS = ["--frames", "400", "--probe-frames", "600"]


def row(config: BenchConfig, cell: Cell, view: str, **changes: Any) -> dict[str, Any]:
    measured = {
        "snapshot": False,
        "view": view,
        "num_slots": 3,
        "accuracy": 0.9033 if view == "scn" else 0.9675,
        "ridge_accuracy": 0.9034,
        "modularity": 0.4729,
        "weighted_modularity": 0.3398,
        "compactness": 0.2797,
        "presence_accuracy": None if view == "scn" else 0.9966,
        "accuracy_by_label": {},
        "ridge_by_label": {},
        "train_seconds": 7.5,
    }
    return {**_facts(config, cell), **measured, **changes}


@pytest.fixture
def bench(tiny_encoder: SlotMapEncoder, tmp_path: Path) -> Path:
    """A benchmark with the finished cells of two games."""
    config = BenchConfig(out=tmp_path / "bench", **SIZES)
    tiny_encoder.provenance = {"env_id": "Pong", "frames": 400, "train_seconds": 7.5}
    for game in ("pong", "mspacman"):
        cell = Cell(game, "objects")
        write_rows(config, cell, [row(config, cell, view) for view in ("scn", "pixel")])
        tiny_encoder.save_pretrained(cell.folder(config) / "encoder")
    return config.out


def make(bench: Path, out: Path, *more: str) -> None:
    main(["upkeep", "ready", "--bench", str(bench), "--out", str(out), *FLAGS, *more])


def test_encoders_come_with_a_card_that_says_how_good_they_are(
    bench: Path, tiny_encoder: SlotMapEncoder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    make(bench, out, "--games", "ALE/Pong-v5", "mspacman")
    assert sorted(path.name for path in out.iterdir()) == ["mspacman", "pong"]
    assert "3 slots" in capsys.readouterr().out
    encoder = SlotEncoder.from_pretrained(out / "pong")
    for name, tensor in tiny_encoder.state_dict().items():
        assert encoder.state_dict()[name].equal(tensor)
    made = encoder.provenance
    assert made["frames"] == 400
    assert made["command"].startswith("python -m pretrain bench --games pong --methods objects")
    probe = made["probe"]
    assert (probe["frames"], probe["seed"]) == (600, MAX_SEED)
    assert probe["scn"]["accuracy"] == 0.9033
    assert probe["pixel"]["presence_accuracy"] == 0.9966
    card = (out / "mspacman" / checkpoint.CARD).read_text()
    assert "# MsPacman: 3 object slots" in card
    assert 'gym.make("ALE/MsPacman-v5"), "mspacman")' in card
    assert "(`scn`) | 0.903 | 0.903 | - | 0.473 | 0.340 | 0.280 |" in card
    assert "(`pixel`) | 0.968 | 0.903 | 0.997 |" in card
    assert "python -m pretrain bench --games mspacman" in card


def test_making_them_again_changes_nothing_and_others_stay(bench: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    contents = []
    for games in (["pong", "mspacman"], ["pong"]):
        make(bench, out, "--games", *games)
        contents.append({path: path.read_bytes() for path in sorted(out.rglob("*.*"))})
    assert contents[0] == contents[1]
    assert len(contents[0]) == 6


def test_what_is_made_is_found_by_name(
    bench: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make(bench, tmp_path / "out", "--games", "pong")
    monkeypatch.setattr(ready, "_HERE", tmp_path / "out")
    assert SlotEncoder.from_pretrained("pong").num_slots == 3


def error_of(capsys: pytest.CaptureFixture[str], *arguments: Any) -> str:
    with pytest.raises(SystemExit) as done:
        make(*arguments)
    assert done.value.code == 2
    return capsys.readouterr().err


def test_cells_that_are_missing_are_named_with_the_command_and_nothing_is_written(
    bench: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    told = error_of(capsys, bench, out, "--games", "pong", "tennis", "boxing")
    assert "no finished objects of tennis, boxing with 400 frames" in told
    assert f"bench --out {bench} --games tennis boxing --methods objects --seeds 0" in told
    assert told.endswith("--frames 400 --probe-frames 600\n")
    told = error_of(capsys, bench, out)  # all games
    assert all(game in told for game in PAPER_GAMES if game not in ("pong", "mspacman"))
    assert "of 401" in error_of(capsys, bench, out, "--games", "pong", "--probe-frames", "401")
    assert "closest: pong" in error_of(capsys, bench, out, "--games", "Pnog")
    assert not out.exists()


@pytest.mark.parametrize("change", [{"num_slots": 4}, {"train_seconds": 8.0}])
def test_rows_of_another_encoder_are_refused(
    change: dict[str, Any], bench: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = bench / "pong" / "objects-s0" / "rows.jsonl"
    records.write_lines(path, [json.loads(line) | change for line in path.read_text().splitlines()])
    told = error_of(capsys, bench, tmp_path / "out", "--games", "pong", "mspacman")
    assert "are not of the encoder there" in told
    assert not (tmp_path / "out").exists()


@pytest.mark.ale
@pytest.mark.parametrize("game", ["pong", "freeway"])
def test_a_shipped_encoder_is_as_accurate_as_its_card_says(game: str, tmp_path: Path) -> None:
    if game not in ready.names():
        pytest.skip(f"no encoder of {game} has been put into slotenv/ready yet")
    encoder = SlotEncoder.from_pretrained(game)
    preset, seed = encoder.preprocess.name, 2 * MAX_SEED  # neither training's nor its probe's
    collect_data(tmp_path, env=game, preset=preset, frames=4_000, seed=seed, workers=1)
    store = FrameStore(tmp_path)
    features = read_features(encoder.encode, store)
    for view in ("scn", "pixel"):
        report = probe_features(features, store, game=game, view=view)
        card = encoder.provenance["probe"][view]
        assert report.accuracy == pytest.approx(card["accuracy"], abs=0.06)
        assert report.ridge_accuracy == pytest.approx(card["ridge_accuracy"], abs=0.06)
