"""Detection measured by one command: its page, its pictures, and that it goes on after a stop."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import recorded_frames

from pretrain.cli import main
from pretrain.drawing.marked_frame import COLOURS, MARGIN
from pretrain.upkeep import detection as measured
from pretrain.upkeep.detection_picture import draw_detection, true_marks
from pretrain.upkeep.detection_table import detection_table
from pretrain.upkeep.ocatari import OcatariBoxes
from slotenv import ready
from slotenv.encoders import SlotMapEncoder
from slotenv.probe import DetectionReport, TrueObjects


def report(paired: int, objects: int, slots: int, **kinds: float) -> DetectionReport:
    return DetectionReport(
        frames=10,
        objects=objects,
        slots=slots,
        precision=paired / slots if slots else None,
        recall=paired / objects,
        f1=2 * paired / (objects + slots),
        strict_f1=0.25,
        f1_of_all=0.375,
        elsewhere=0.0625,
        doubles=0.0,
        on_nothing=0.125,
        recall_by_kind=kinds,
    )


def test_the_page_has_games_means_of_methods_and_kinds() -> None:
    rows: list[dict[str, Any]] = []
    for game, scale in (("boxing", 1), ("pong", 2)):
        left_out = {} if game == "boxing" else {"Score": "a display", "Fog": "too tall"}
        rows += [
            {"game": game, "method": "slots", "report": report(10, 20, 25 * scale, Ball=0.5)},
            {"game": game, "method": "difference", "report": report(5, 20, 20 * scale)},
            {"game": game, "method": "mean", "report": report(2, 20, 0)},
        ]
        for row in rows:
            row.setdefault("left_out", left_out)
    rows.append({"game": "surround", "failed": "OCAtari cannot read surround (KeyError)"})
    page = detection_table(rows, "ocatari", "v5")
    assert (
        "| boxing | 2.0 | 2.5 | 0.400 | 0.500 | 0.444 | 0.250 | 0.375 | 0.062 | 0.000 | 0.125 "
        "| 0.250 | 0.200 |"
    ) in page
    assert "| mean of 2 games | precision | recall | F1 | F1 at IoU 0.5 | F1 of all slots |" in page
    assert "| slots | 0.300 | 0.500 | 0.365 | 0.250 | 0.375 | 0.062 | 0.000 | 0.125 |" in page
    assert "| every object at its mean box | – | 0.100 | 0.200 |" in page  # noqa: RUF001
    assert "| pong | Ball 0.50 | Score: a display; Fog: too tall |" in page
    assert page.endswith("| surround | OCAtari cannot read surround (KeyError) |\n")
    assert "True boxes are OCAtari's" in page
    assert "Frames are single frames, as `gym.make` gives them" in page
    assert "so precision is too low" in detection_table(rows, "labels", "v5")


def test_a_rival_of_one_game_has_means_of_its_own() -> None:
    rows: list[dict[str, Any]] = []
    for game in ("boxing", "pong"):
        for method, paired in (("slots", 10), ("difference", 5), ("mean", 2), ("attention", 4)):
            if (game, method) != ("boxing", "attention"):
                found = report(paired + (game == "pong"), 20, 20)
                rows.append({"game": game, "method": method, "report": found, "left_out": {}})
    page = detection_table(rows, "ocatari", "scn")
    assert "the maximum of two frames each" in page
    of = {line.split(" |")[0]: line for line in page.splitlines()[::-1]}  # the first of each game
    assert of["| boxing"].endswith("| 0.250 | 0.100 | – |")  # noqa: RUF001
    assert of["| pong"].endswith("| 0.300 | 0.150 | 0.250 |")
    every, alone = page.split("| mean of 2 games |")[1].split("| mean of 1 game |")
    assert "| slots | 0.525 |" in every
    assert "Slot Attention" not in every
    assert "| slots | 0.550 |" in alone
    assert "| Slot Attention's masks | 0.250 |" in alone


def truth(*rows: tuple[float, ...]) -> TrueObjects:
    """Rows of frame, kind, x, y, width, height; of two kinds, the second does not count."""
    table = np.array(rows)
    frame, kind = table[:, 0].astype(int), table[:, 1].astype(int)
    counted = np.array([True, False])
    return TrueObjects(frame, kind, table[:, 2:], ("ball", "score"), counted)


def test_true_boxes_are_white_and_the_first_of_a_kind_has_its_name() -> None:
    true = truth((3, 0, 10.5, 20, 4, 3), (3, 0, 30, 5, 1, 1), (3, 1, 9, 9, 4, 4))
    first, second = true_marks(true, 3)
    assert first[:5] == ("ball", 9, 19, 13, 22)
    assert second[:5] == ("", 30, 5, 31, 6)
    assert COLOURS[first.colour] == COLOURS[second.colour] == (255, 255, 255)
    assert true_marks(true, 2) == []


def test_the_frame_with_the_most_counted_objects_is_drawn() -> None:
    frames = np.zeros((4, 60, 80, 3), np.uint8)
    frames[3] = 20
    true = truth(
        (0, 0, 9, 9, 4, 4), (0, 1, 30, 9, 4, 4), (1, 0, 10, 20, 6, 6), (1, 0, 50, 20, 6, 6)
    )
    found = np.zeros((2, 9, 5), np.float32)
    found[1, 5] = 1, 40, 45, 8, 8  # of a slot whose usual colour is white
    page = np.array(draw_detection(recorded_frames.Recorded(frames), true, found).convert("RGB"))
    assert (page[(5 + MARGIN) * 3, (75 + MARGIN) * 3] == 20).all()  # frame 1 after the second one

    def drawn(colour: tuple[int, int, int]) -> np.ndarray:
        places = np.argwhere((page == colour).all(axis=-1))
        return np.array([places.min(axis=0), places.max(axis=0)]) / 3 - MARGIN

    (_, left), (_, right) = drawn((255, 255, 255))
    assert left == pytest.approx(7, abs=1)
    assert right == pytest.approx(54, abs=1)
    (_, left), (_, right) = drawn(COLOURS[6])
    assert left == pytest.approx(35, abs=1)
    assert right == pytest.approx(45, abs=1)


ARGUMENTS = ["upkeep", "detection", "--games", "pong", "--frames", "80"]


@pytest.mark.ale
def test_pong_is_measured_once_against_its_labels(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out, arguments = tmp_path / "labels", [*ARGUMENTS, "--truth", "labels", "--out", str(tmp_path)]
    main(arguments)
    assert "pong: F1 slots " in capsys.readouterr().out
    assert sorted(p.name for p in out.iterdir()) == [
        *("detection.jsonl", "detection.md", "gallery.png", "pong.png")
    ]
    rows = [json.loads(line) for line in (out / "detection.jsonl").read_text().splitlines()]
    assert [row["method"] for row in rows] == ["slots", "difference", "mean"]
    reports = {row["method"]: row["report"] for row in rows}
    assert all(report["frames"] == 40 for report in reports.values())
    assert reports["slots"]["recall"] > 0.8 > reports["mean"]["recall"]
    assert reports["slots"]["on_nothing"] < 0.5
    before = (out / "detection.md").read_text()
    assert before.count("| pong |") == 2
    with monkeypatch.context() as patch:  # what is there is not measured again
        patch.setattr(measured, "find_boxes", None)
        main(arguments)
    assert "F1" not in capsys.readouterr().out
    assert (out / "detection.md").read_text() == before
    (out / "pong.png").unlink()
    main(arguments)
    assert (out / "pong.png").exists()
    assert len((out / "detection.jsonl").read_text().splitlines()) == 3
    # Other frames are another measurement.
    main([*arguments, "--seed", "3"])
    assert len((out / "detection.jsonl").read_text().splitlines()) == 3
    assert (tmp_path / "frames" / "pong-80-s3").is_dir()


@pytest.mark.ale
def test_boxes_of_ocatari_are_a_truth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[Any, ...]] = []

    def read(game: str, ram: np.ndarray, episode: np.ndarray, folder: Path) -> OcatariBoxes:
        asked.append((game, ram.shape, len(episode), folder))
        rows = [(t, 0, 0, 140, int(state[51]) - 13, 4, 16) for t, state in enumerate(ram)]
        return OcatariBoxes(np.array(rows), ("Player",), np.array([False]))

    monkeypatch.setattr("pretrain.upkeep.truth.read_ocatari", read)
    main([*ARGUMENTS, "--out", str(tmp_path), "--environment", str(tmp_path / "env")])
    assert asked == [("pong", (80, 128), 80, tmp_path / "env")]
    page = (tmp_path / "ocatari" / "detection.md").read_text()
    assert "| pong | Player 1.00 |" in page


@pytest.fixture
def refuse(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Returns the message of a command that is refused and writes no rows."""

    def run(*arguments: str) -> str:
        out = tmp_path / "out"
        with pytest.raises(SystemExit) as done:
            main(["upkeep", "detection", "--out", str(out), *arguments])
        assert done.value.code == 2
        assert not list(out.glob("*/detection.*"))
        return " ".join(capsys.readouterr().err.split())

    return run


def test_what_cannot_be_measured_is_refused(refuse: Callable[..., str]) -> None:
    assert "frames must be at least 2" in refuse("--frames", "1")
    assert "Closest: Pong" in refuse("--games", "ALE/Pnog-v5")
    assert "CartPole-v1 is no Atari game" in refuse("--games", "CartPole-v1")
    message = refuse("--encoder", "runs/mine")
    assert "'runs/mine' is one game's: give --games that game, or put {game}" in message
    assert "runs/mine" in refuse("--encoder", "runs/mine", "--games", "pong", "boxing")
    assert "no encoder" in refuse("--encoder", "runs/{game}/none", "--games", "pong").lower()


@pytest.mark.ale
def test_encoders_without_boxes_are_refused(
    refuse: Callable[..., str],
    tiny_encoder: SlotMapEncoder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tiny_encoder.save_pretrained(tmp_path / "package" / "pong")
    monkeypatch.setattr(ready, "_HERE", tmp_path / "package")
    message = refuse("--frames", "80", "--truth", "labels")
    assert "a SlotMapEncoder, whose slots have no boxes" in message
