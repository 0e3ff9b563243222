"""Galleries: a picture of each game with its labels or slots on it, and all of them on one."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import moving_blocks
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from pretrain.cli import main
from pretrain.drawing.files import to_png
from pretrain.drawing.marked_frame import COLOURS, MARGIN
from pretrain.drawing.marks import TRAIL
from pretrain.upkeep import galleries
from slotenv import ready
from slotenv.encoders import ObjectEncoder, SlotMapEncoder
from slotenv.frames import plain


@pytest.fixture
def words(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is written on pictures during a test."""
    written: list[str] = []
    draw = ImageDraw.ImageDraw.text

    def record(self: ImageDraw.ImageDraw, where: object, text: str, **how: object) -> None:
        written.append(text)
        draw(self, where, text, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(ImageDraw.ImageDraw, "text", record)
    return written


def test_the_gallery_holds_every_picture_below_its_title(words: list[str]) -> None:
    colours = [(30 * i, 100, 200) for i in range(7)]
    pictures = {f"Game{i}": Image.new("RGB", (60, 50 + 10 * i), colours[i]) for i in range(7)}
    sheet = Image.open(io.BytesIO(to_png(galleries.gallery(pictures)))).convert("RGB")
    assert words == list(pictures)
    found = np.array(sheet)
    for i in range(7):
        assert (found == colours[i]).all(axis=-1).sum() == 60 * (50 + 10 * i)


@pytest.mark.parametrize(("count", "columns"), [(1, 1), (4, 4), (20, 5), (104, 10)])
def test_a_gallery_of_many_is_about_square(count: int, columns: int) -> None:
    pictures = {str(i): Image.new("RGB", (60, 60)) for i in range(count)}
    sheet = galleries.gallery(pictures)
    assert sheet.width == 16 + columns * 76
    assert sheet.height == 16 + -(-count // columns) * 110


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["draw"], "labels draw needs --out FOLDER"),
        (["check", "--out", "x"], "--out is for draw"),
        (["draw", "--out", "x", "--games", "Pnog"], "closest: pong"),
        (["draw", "--out", "x", "--games", "qbert"], "no 'pixel' labels for 'qbert'"),
        (["draw", "--out", "x", "--moments", "0"], "moments must be at least 1"),
        (["draw", "--out", "x", "--seed", "-1"], "seed must be at least 0"),
    ],
)
def test_user_errors_exit_2_and_write_nothing(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as done:
        main(["upkeep", "labels", *arguments])
    assert done.value.code == 2
    errors = " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert message in errors
    assert not list(tmp_path.iterdir())


@pytest.mark.ale
def test_pong_is_drawn_the_same_each_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    contents = []
    for name in ("a", "b"):
        out = tmp_path / name
        main(
            [
                "upkeep",
                "labels",
                "draw",
                "--games",
                "ALE/Pong-v5",
                "--out",
                str(out),
                "--moments",
                "8",
            ]
        )
        assert sorted(path.name for path in out.iterdir()) == ["gallery.png", "pong.png"]
        contents.append((out / "pong.png").read_bytes())
    assert contents[0] == contents[1]
    assert "3 of 3 objects present" in capsys.readouterr().out
    assert {"player", "enemy", "ball", "Pong"} <= set(words)
    picture = Image.open(io.BytesIO(contents[0])).convert("RGB")
    page = np.array(picture).astype(int)
    line = np.nonzero((page[:, 300:] == COLOURS[0]).all(axis=-1))[0].max()
    court = page[(34 + MARGIN) * 3 : (194 + MARGIN) * 3]
    paddle = np.nonzero((abs(court - (92, 186, 92)) < 12).all(axis=-1))[0].min()
    # The labels are those of the frame: the paddle begins right below its line.
    assert abs((34 + MARGIN) * 3 + paddle - line) <= 6


EDGE = ((0, 0), (24, 24), (20, 20), (0, 0))  # around blocks: what is at the border is no good view
HEIGHT, WIDTH = moving_blocks.HEIGHT + 48, moving_blocks.WIDTH + 40
FULL_FROM = 16


class Blocks(gym.Env[NDArray[np.uint8], Any]):
    """Blocks that glide, for 22 steps an episode; one of them comes in step 16."""

    def __init__(self) -> None:
        self.observation_space = gym.spaces.Box(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
        self.action_space = gym.spaces.Discrete(3)
        self.steps = 0

    def reset(self, **_: Any) -> tuple[NDArray[np.uint8], dict[str, Any]]:
        self.steps = 0
        return self.draw(), {}

    def step(self, action: Any) -> tuple[NDArray[np.uint8], float, bool, bool, dict[str, Any]]:
        self.steps += 1
        return self.draw(), 0.0, self.steps == 22, False, {}

    def draw(self) -> NDArray[np.uint8]:
        frames = moving_blocks.background(1)
        for block in moving_blocks.BLOCKS[: 4 if self.steps < FULL_FROM else 5]:
            size = block.height, block.width
            moving_blocks.paint(frames[0], block.colour, block.rows[0], 5 + self.steps, *size)
        return np.pad(frames, EDGE)[0]


@pytest.fixture(scope="module")
def encoder() -> ObjectEncoder:
    frames = np.pad(moving_blocks.scene(300).frames, EDGE)
    return ObjectEncoder.from_frames(frames, preprocess=plain(HEIGHT, WIDTH))


@pytest.fixture
def package(encoder: ObjectEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package with encoders of two games, which are played on blocks."""
    package = tmp_path / "package"
    for game in ("pong", "mspacman"):
        encoder.save_pretrained(package / game)
    monkeypatch.setattr(ready, "_HERE", package)
    monkeypatch.setattr(galleries, "make_env", lambda *_: Blocks())
    return package


@pytest.mark.usefixtures("package")
def test_each_game_is_drawn_and_all_of_them_in_the_gallery(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    contents = []
    for name in ("a", "b"):
        out = tmp_path / name
        main(["upkeep", "slots", "draw", "--out", str(out), "--moments", "4"])
        assert sorted(p.name for p in out.iterdir()) == ["gallery.png", "mspacman.png", "pong.png"]
        contents.append([path.read_bytes() for path in sorted(out.iterdir())])
    assert contents[0] == contents[1]
    assert "slots see an object" in capsys.readouterr().out
    gallery, one = (np.array(Image.open(io.BytesIO(contents[0][i]))) for i in (0, 1))
    assert gallery.shape[1] > one.shape[1]


@pytest.mark.usefixtures("package")
def test_the_moment_is_one_with_most_objects_and_a_whole_trail(
    encoder: ObjectEncoder,
) -> None:
    moments = galleries.slot_moments("pong", encoder, steps=60, seed=0)
    _, frame, marks = max(moments, key=lambda moment: moment[0])
    assert max(len(mark.trail) for mark in marks) == TRAIL + 1
    centres = [mark.trail[-1] for mark in marks]
    yellow = np.argwhere((frame == moving_blocks.GUEST.colour).all(axis=-1))
    row, column = yellow.mean(axis=0)
    assert min(np.hypot(x - column, y - row) for x, y in centres) < 1.5


def test_encoders_can_come_from_a_benchmark(
    package: Path, encoder: ObjectEncoder, tmp_path: Path
) -> None:
    bench, out = tmp_path / "bench", tmp_path / "out"
    encoder.save_pretrained(bench / "tennis" / "objects-s0" / "encoder")
    main(["upkeep", "slots", "draw", "--bench", str(bench), "--out", str(out), "--moments", "1"])
    assert sorted(path.name for path in out.iterdir()) == ["gallery.png", "tennis.png"]


@pytest.fixture
def refuse(package: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Return the message of a command that is refused and writes nothing."""

    def run(*arguments: str) -> str:
        out = tmp_path / "out"
        with pytest.raises(SystemExit) as done:
            main(["upkeep", "slots", "draw", "--out", str(out), *arguments])
        assert done.value.code == 2
        assert not out.exists()
        return " ".join(capsys.readouterr().err.replace("│", " ").split())

    return run


def test_what_cannot_be_drawn_is_refused(
    refuse: Callable[..., str],
    package: Path,
    tmp_path: Path,
    tiny_encoder: SlotMapEncoder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert "no ready-made encoder for 'Pnog'; closest: pong" in refuse("--games", "Pnog")
    assert "there is no encoder of method objects" in refuse("--bench", str(tmp_path / "none"))
    assert "moments must be at least 1" in refuse("--moments", "0")
    assert "seed must be at least 0" in refuse("--seed", "-1")
    tiny_encoder.save_pretrained(package / "boxing")
    assert "a SlotMapEncoder, whose slots have no boxes" in refuse()
    monkeypatch.setattr(ready, "_HERE", tmp_path / "nowhere")
    assert "there is no ready-made encoder in the package: give --bench" in refuse()
