"""The command that makes the encoders of the package: what it writes, and that it goes on."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_envs import random_frames
from PIL import Image

from pretrain.cli import main
from pretrain.config import MAX_SEED
from pretrain.probe import read_slots
from pretrain.upkeep import ready as command
from pretrain.upkeep import ready_figures, ready_game
from pretrain.upkeep.plays import recorded_play
from slotenv import SlotEncoder, checkpoint, ready, records
from slotenv.environments import atari_games, make_env, preset_for
from slotenv.probe import METRICS, DetectionReport, probe_features, read_features

LABELLED, UNKNOWN = "pong", "blackjack"
FILES = {checkpoint.CONFIG, checkpoint.WEIGHTS, checkpoint.CARD, checkpoint.PICTURE}


def make(folder: Path, *more: str) -> None:
    sizes = ["--frames", "300", "--probe-frames", "300", "--workers", "1"]
    places = ["--out", str(folder / "out"), "--data", str(folder / "data")]
    found = ["--detection", str(folder / "detection")]
    main(["upkeep", "ready", *places, *found, *sizes, *more])


def contents(folder: Path) -> dict[Path, Any]:
    files = sorted((folder / "out").rglob("*.*"))
    return {
        path: json.loads(path.read_text()) if path.suffix == ".json" else path.read_bytes()
        for path in files
    }


@pytest.fixture(autouse=True)
def few_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ready_figures, "JUDGED_FRAMES", 80)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the command makes of a game with labels and of one that nobody has looked at."""
    folder = tmp_path_factory.mktemp("ready")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ready_figures, "JUDGED_FRAMES", 80)
        make(folder, "--games", "ALE/Pong-v5", UNKNOWN)
    return folder


def provenance(folder: Path, game: str) -> dict[str, Any]:
    found: dict[str, Any] = checkpoint.read_config(folder / "out" / game)["provenance"]
    return found


@pytest.mark.ale
def test_each_game_has_a_folder_and_all_are_in_the_gallery(made: Path) -> None:
    assert {path.name for path in (made / "out").iterdir()} == {LABELLED, UNKNOWN}
    for game in (LABELLED, UNKNOWN):
        folder = made / "out" / game
        assert {path.name for path in folder.iterdir()} == FILES
        content = (folder / checkpoint.PICTURE).read_bytes()
        picture = Image.open(io.BytesIO(content))
        assert len(content) <= 12_000
        assert picture.width == 2 * (160 + 2 * 4)
    gallery = Image.open(io.BytesIO((made / "data" / "gallery.png").read_bytes()))
    assert gallery.width > 2 * picture.width


@pytest.mark.ale
def test_an_encoder_is_for_single_frames_and_the_maximum_of_two_alike(made: Path) -> None:
    encoder = SlotEncoder.from_pretrained(made / "out" / LABELLED)
    assert encoder.preprocess.max_pool is None
    for preset in ("v5", "scn"):
        fitted = recorded_play(made / "data", "Pong", preset=preset, frames=150, seed=0)
        assert (fitted.preset.name, fitted.preset.max_pool) == (preset, preset == "scn")
        with make_env("Pong", preset_for("Pong", preset)) as env:
            frame, _ = env.reset(seed=5)
            assert np.isfinite(encoder.encode(frame[None])).all()
    what = provenance(made, LABELLED)
    v5 = recorded_play(made / "data", "Pong", frames=150, seed=0)
    assert (what["env_id"], what["method"], what["frames"]) == ("ALE/Pong-v5", "objects", 300)
    assert (what["data_checksum"], what["pooled_data_checksum"]) == (v5.checksum, fitted.checksum)


@pytest.mark.ale
def test_the_figures_are_those_of_frames_it_was_not_fitted_to(made: Path) -> None:
    encoder = SlotEncoder.from_pretrained(made / "out" / LABELLED)
    judged = provenance(made, LABELLED)["judged"]
    probed = recorded_play(made / "data", "Pong", frames=300, seed=MAX_SEED)
    features = read_slots(encoder, probed, hold=False)
    report = probe_features(features, probed, game="pong", view="pixel")
    assert judged["probe"]["plain"] == {name: getattr(report, name) for name in METRICS}
    held = read_slots(encoder, probed, hold=True)
    held_report = probe_features(held, probed, game="pong", view="pixel")
    assert judged["probe"]["held"] == {name: getattr(held_report, name) for name in METRICS}
    seen = recorded_play(made / "data", "Pong", frames=80, seed=MAX_SEED).frames(np.arange(80))
    present = (encoder.boxes(seen)[..., 0] > 0.5).sum() / 80
    assert judged["present_slots"] == pytest.approx(present, abs=0.01)
    described = encoder.describe(seen)
    assert [(slot["name"], slot["x"], slot["speed"]) for slot in judged["slots"]] == [
        (slot.name, round(slot.x, 1), round(slot.speed, 1))
        if slot.present
        else (slot.name, None, None)
        for slot in described
    ]
    assert judged["foreground"] == pytest.approx(encoder.foreground_share(seen).mean(), abs=1e-4)


@pytest.mark.ale
def test_the_card_says_what_was_measured_or_that_nothing_was(made: Path) -> None:
    card, unknown = (
        (made / "out" / game / checkpoint.CARD).read_text() for game in (LABELLED, UNKNOWN)
    )
    judged = provenance(made, LABELLED)["judged"]
    slots = SlotEncoder.from_pretrained(made / "out" / LABELLED).num_slots
    assert f"# Pong: {slots} object slots" in card
    assert "to 300 of 300 frames" in card
    assert 'slotenv.ObjectSlotObservation(gym.make("ALE/Pong-v5"))' in card
    assert f"{judged['present_slots']:.1f} of the {slots} slots" in card
    for number, slot in enumerate(judged["slots"]):
        assert f"| {number} | {slot['name']} | {slot['present']:.0%} |" in card
    assert f"| pixel labels | {judged['probe']['plain']['accuracy']:.3f} |" in card
    assert f"(`hold=True`) | {judged['probe']['held']['accuracy']:.3f} |" in card
    assert "was not measured" in unknown
    assert "was not measured" not in card
    for text, game in ((card, LABELLED), (unknown, UNKNOWN)):
        assert f"({checkpoint.PICTURE})" in text
        assert f"upkeep ready --out slotenv/ready --games {game} --frames 300" in text


@pytest.mark.ale
def test_what_is_made_is_not_made_again(
    made: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(made)
    with monkeypatch.context() as patch:
        patch.setattr(command, "make_game", None)
        make(made, "--games", LABELLED, UNKNOWN)
    assert "slots" not in capsys.readouterr().out.replace("slots.png", "")
    (made / "out" / LABELLED / checkpoint.PICTURE).unlink()
    monkeypatch.setattr(ready_game, "_fit", None)  # judged, but not fitted
    make(made, "--games", LABELLED, UNKNOWN)
    assert "pong: " in (said := capsys.readouterr().out)
    assert "blackjack: " not in said
    assert contents(made) == before
    (made / "out" / UNKNOWN / checkpoint.CARD).write_text("# An older card")
    monkeypatch.setattr(ready_game, "judge", None)  # only its card is written
    make(made, "--games", LABELLED, UNKNOWN)
    assert "pong: " not in capsys.readouterr().out
    assert contents(made) == before


@pytest.mark.ale
def test_detection_that_was_measured_of_these_weights_goes_into_the_card(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for what in ("_fit", "judge"):  # neither is done again
        monkeypatch.setattr(ready_game, what, None)
    weights = checkpoint.read_config(made / "out" / LABELLED)["weights_sha256"]
    before = contents(made)
    for key, shown in (("0" * 64, False), (weights, True)):
        report = DetectionReport(
            **dict.fromkeys(("frames", "objects", "slots"), 10),
            **dict.fromkeys(("precision", "recall", "strict_f1", "f1_of_all"), 0.5),
            **dict.fromkeys(("elsewhere", "doubles", "on_nothing"), 0.25),
            f1=0.8125,
            recall_by_kind={},
        )
        fields = {"left_out": {}, "encoder": "{game}", "frames": 10, "seed": 1, "key": f"{key} x"}
        rows = [
            {"game": LABELLED, "method": method, "report": report.to_dict(), **fields}
            for method in ("slots", "mean")
        ]
        folder = made / "detection" / "ocatari"
        folder.mkdir(parents=True, exist_ok=True)
        records.write_lines(folder / "detection.jsonl", rows)
        make(made, "--games", LABELLED)
        card = (made / "out" / LABELLED / checkpoint.CARD).read_text()
        assert ("F1: 0.812 (OCAtari's boxes)" in card) == shown
    (folder / "detection.jsonl").unlink()
    make(made, "--games", LABELLED)
    assert contents(made) == before


@pytest.mark.ale
@pytest.mark.parametrize("change", ["code", "frames"])
def test_other_code_or_frames_make_another_encoder(
    change: str, made: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = []
    monkeypatch.setattr(command, "make_game", lambda game, threads: asked.append(game) or "done")
    if change == "code":
        monkeypatch.setattr(command, "code_digest", lambda: "other")
    make(made, "--games", LABELLED, *(["--frames", "301"] if change == "frames" else []))
    assert [game.key for game in asked] == [LABELLED]
    assert not asked[0].is_fitted()
    assert "pong: done" in capsys.readouterr().out


def test_one_game_that_fails_is_told_at_the_end_and_the_others_are_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(game: ready_game.Game, threads: int | None) -> str:
        if game.name == "Boxing":
            raise ValueError("no frames")
        return "3 slots"

    monkeypatch.setattr(command, "make_game", fails)
    with pytest.raises(SystemExit) as done:
        make(tmp_path)
    assert done.value.code == 1
    told = capsys.readouterr()
    assert told.out.count(": 3 slots") == len(atari_games()) - 1 == 103
    assert "boxing: failed: ValueError: no frames" in told.out
    assert "1 of 104 games failed" in told.err
    assert "Boxing: ValueError: no frames" in told.err


def test_a_name_that_is_no_game_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for asked, message in {"Pnog": "Closest: Pong", "CartPole-v1": "is no Atari game"}.items():
        with pytest.raises(SystemExit) as done:
            make(tmp_path, "--games", "pong", asked)
        assert done.value.code == 2
        assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_only_what_python_runs_counts_as_code() -> None:
    source = '"""A."""\nx = 1  # one\n\n\ndef f():\n    """B."""\n    return "C."\n'
    same = source.replace("A.", "Z.").replace("B.", "Z.").replace("  # one", "")
    assert ready_game.bare_code(source) == ready_game.bare_code(same)
    for changed in (source.replace("1", "2"), source.replace("C.", "Z.")):
        assert ready_game.bare_code(source) != ready_game.bare_code(changed)


def test_only_the_modules_that_fit_count_as_code() -> None:
    files = ready_game.fitting_files()
    assert all(path.is_file() for path in files)
    names = {f"{path.parent.name}/{path.stem}" for path in files}
    assert {f"encoders/{name}" for name in ("diagnosis", "palette", "readout")} <= names
    assert {f"objects/{name}" for name in ("fit", "background", "looks", "sharing")} <= names
    assert not {name for name in names if name.startswith("object_mixture/")}
    assert not {path.name for path in files} & {"__init__.py", "encoder.py", "fitted.py"}


def test_encoders_that_are_shipped_are_of_this_code() -> None:
    code = ready_game.code_digest()
    for game in ready.names():
        made = checkpoint.read_config(ready.folder(game))["provenance"]["made"]
        assert made["code"] == code, f"{game}: python -m pretrain upkeep ready fits it again"


def test_a_picture_is_small_with_as_many_colours_as_fit() -> None:
    flat = Image.fromarray(np.kron(random_frames(1, 9, 9)[0], np.ones((9, 9, 1), np.uint8)))
    kept = Image.open(io.BytesIO(ready_game.small_png(flat))).convert("RGB")
    assert (np.array(kept) == np.array(flat)).all()
    noise = ready_game.small_png(Image.fromarray(random_frames(1, 100, 150)[0]))
    assert 6_000 < len(noise) <= 12_000
    assert len(ready_game.small_png(Image.fromarray(random_frames(1, 400, 400)[0]))) > 12_000


@pytest.mark.ale
@pytest.mark.parametrize("game", ["pong", "freeway"])
def test_a_shipped_encoder_is_as_accurate_as_its_card_says(game: str, tmp_path: Path) -> None:
    if game not in ready.names():
        pytest.skip(f"no encoder of {game} has been put into slotenv/ready yet")
    encoder = SlotEncoder.from_pretrained(game)
    seed = 2 * MAX_SEED  # neither training's nor its probe's
    store = recorded_play(tmp_path, game.capitalize(), frames=4_000, seed=seed)
    report = probe_features(read_features(encoder.encode, store), store, game=game, view="pixel")
    card = encoder.provenance["judged"]["probe"]["plain"]
    assert report.accuracy == pytest.approx(card["accuracy"], abs=0.06)
    assert report.ridge_accuracy == pytest.approx(card["ridge_accuracy"], abs=0.06)
