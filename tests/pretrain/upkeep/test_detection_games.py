"""Detection in many games: which are measured, what becomes of one that fails, and the rivals."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pretrain.cli import main
from pretrain.upkeep import detection as measured
from pretrain.upkeep.ocatari import CannotRead, OcatariBoxes
from slotenv import ready
from slotenv.encoders import SlotAttentionEncoder
from slotenv.frames import V5
from slotenv.labels import labelled_games, labels_for

COMMAND = ["upkeep", "detection", "--frames", "40"]


def rows_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "detection.jsonl").read_text().splitlines()]


def test_by_default_games_have_an_encoder_and_a_truth(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(
        measured, "ocatari_games", lambda folder: {"pong", "asterix_old", folder.name}
    )
    monkeypatch.setattr(ready, "names", lambda: ("boxing", "pong", "surround"))
    assert measured.games_with("ocatari", tmp_path / "boxing") == ["boxing", "pong"]
    assert measured.games_with("labels", tmp_path) == ["boxing", "pong"]
    assert "surround" not in labelled_games("pixel")


@pytest.fixture
def ocatari(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Stands for OCAtari, which finds the players of two games; returns those it fails on."""
    fails: set[str] = set()

    def read(game: str, ram: np.ndarray, *_: Any) -> OcatariBoxes:
        if game in fails:
            raise CannotRead(f"cannot read {game} (IndexError: 3)")
        labels = labels_for(game, "pixel")
        values = dict(zip(labels.names, labels.read(ram).values.T.astype(int), strict=True))
        left = values.get("player_x", np.full(len(ram), 140))
        places = zip(left, values["player_y"], strict=True)
        rows = [(t, 0, 0, x, y, 4, 16) for t, (x, y) in enumerate(places)]
        return OcatariBoxes(np.array(rows), ("Player",), np.array([False]))

    monkeypatch.setattr("pretrain.upkeep.truth.read_ocatari", read)
    return fails


@pytest.mark.ale
def test_a_game_that_fails_is_named_and_tried_again(
    tmp_path: Path, ocatari: set[str], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [*COMMAND, "--out", str(tmp_path), "--games", "boxing", "pong"]
    ocatari.add("boxing")
    main(arguments)
    said = capsys.readouterr()
    assert "detection: boxing: cannot read boxing (IndexError: 3)" in said.err
    assert "pong: F1" in said.out
    folder = tmp_path / "ocatari"
    failed, *others = rows_of(folder)
    assert (failed["game"], failed["failed"]) == ("boxing", "cannot read boxing (IndexError: 3)")
    assert [row["game"] for row in others] == ["pong"] * 3
    assert (
        "| boxing | cannot read boxing (IndexError: 3) |" in (folder / "detection.md").read_text()
    )
    ocatari.clear()
    main(arguments)
    assert "pong: F1" not in capsys.readouterr().out
    assert [row["method"] for row in rows_of(folder)] == ["slots", "difference", "mean"] * 2
    assert "not measured" not in (folder / "detection.md").read_text()


@pytest.mark.ale
def test_if_all_fail_the_command_does(
    tmp_path: Path, ocatari: set[str], capsys: pytest.CaptureFixture[str]
) -> None:
    ocatari.add("pong")
    with pytest.raises(SystemExit):
        main([*COMMAND, "--out", str(tmp_path), "--games", "pong"])
    assert "cannot read pong (IndexError: 3)" in capsys.readouterr().err
    assert "| pong | cannot read pong" in (tmp_path / "ocatari" / "detection.md").read_text()


@pytest.mark.ale
def test_a_game_without_anything_that_moves_is_not_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It would have F1 0 whatever slots find."""

    def read(game: str, ram: np.ndarray, *_: Any) -> OcatariBoxes:
        rows = [(t, 0, 0, 20, 30, 4, 16) for t in range(len(ram))]
        return OcatariBoxes(np.array(rows), ("Girlfriend",), np.array([False]))

    monkeypatch.setattr("pretrain.upkeep.truth.read_ocatari", read)
    with pytest.raises(SystemExit):
        main([*COMMAND, "--out", str(tmp_path), "--games", "pong"])
    assert "pong: nothing that moves is known" in capsys.readouterr().err


@pytest.mark.ale
def test_all_encoders_must_be_there_before_anything_is_measured(
    tmp_path: Path, ocatari: set[str], capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(ready.folder("pong"), tmp_path / "mine" / "pong")
    encoders = str(tmp_path / "mine" / "{game}")
    arguments = [*COMMAND, "--out", str(tmp_path), "--encoder", encoders]
    with pytest.raises(SystemExit):
        main([*arguments, "--games", "pong", "surround"])
    assert not list(tmp_path.glob("frames/*"))
    assert "surround" in capsys.readouterr().err


@pytest.mark.ale
def test_pooled_frames_are_kept_apart(tmp_path: Path, ocatari: set[str]) -> None:
    arguments = [*COMMAND, "--out", str(tmp_path), "--games", "pong"]
    main(arguments)
    before = (tmp_path / "ocatari" / "detection.jsonl").read_bytes()
    main([*arguments, "--preset", "scn"])
    assert (tmp_path / "ocatari" / "detection.jsonl").read_bytes() == before
    assert {row["preset"] for row in rows_of(tmp_path / "ocatari-scn")} == {"scn"}
    assert all("preset" not in row for row in rows_of(tmp_path / "ocatari"))
    assert sorted(path.name for path in (tmp_path / "frames").iterdir()) == [
        "pong-40-s1000000",
        "pong-scn-40-s1000000",
    ]


@pytest.mark.ale
def test_a_rival_stands_beside_where_there_is_one(
    tmp_path: Path, ocatari: set[str], capsys: pytest.CaptureFixture[str]
) -> None:
    torch.manual_seed(0)
    rival = SlotAttentionEncoder(num_slots=3, slot_dim=4, preprocess=V5)
    rival.save_pretrained(tmp_path / "contrast" / "pong")
    arguments = [*COMMAND, "--out", str(tmp_path / "out"), "--games", "boxing", "pong"]
    main(arguments)
    main([*arguments, "--rival", str(tmp_path / "contrast" / "{game}")])
    said = capsys.readouterr().out
    assert said.count("boxing: F1") == 1  # has no rival, and is not measured again
    assert said.count("pong: F1") == 2
    methods = ["slots", "difference", "mean"]
    assert [row["method"] for row in rows_of(tmp_path / "out" / "ocatari")] == [
        *methods,
        *methods,
        "attention",
    ]
    with pytest.raises(SystemExit):
        main([*arguments, "--rival", str(tmp_path / "nothing" / "{game}")])
    assert "no game has an encoder in" in capsys.readouterr().err


def test_a_rival_of_one_game_needs_one_game(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([*COMMAND, "--out", str(tmp_path / "out"), "--rival", "runs/mine"])
    assert "rival 'runs/mine' is one game's" in " ".join(capsys.readouterr().err.split())
