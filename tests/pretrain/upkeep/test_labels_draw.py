"""Labels drawn on frames: marks are where the labels say, and every object is named."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from pretrain.cli import main
from pretrain.drawing.canvas import MARGIN, Box, to_png
from pretrain.drawing.labelled_frame import COLOURS, draw_marks, place_names
from pretrain.drawing.marks import Mark, fullness, marks_of
from pretrain.upkeep.labels_draw import gallery
from slotenv.labels import ByteWithin, GameLabels, Label

ZOOM, HEIGHT, WIDTH = 3, 90, 80
GREY = 77


def label(name: str, axis: str, byte: int) -> Label:
    """A coordinate that is its byte, and absent while that is 0."""
    return Label(
        name=f"{name}_{axis}", object=name, axis=axis, byte=byte, presence=ByteWithin(byte, 1, 255)
    )


LABELS = GameLabels(
    game="made_up",
    view="pixel",
    labels=(
        label("ball", "x", 0),
        label("ball", "y", 1),
        label("car", "x", 2),
        label("paddle", "y", 3),
        label("far_away", "x", 4),
    ),
    num_objects=4,
)


@pytest.fixture
def ram() -> NDArray[np.uint8]:
    content = np.zeros(128, np.uint8)
    content[:4] = 20, 40, 60, 10
    return content


@pytest.fixture
def frame() -> NDArray[np.uint8]:
    return np.full((HEIGHT, WIDTH, 3), GREY, np.uint8)


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


def coloured(picture: Image.Image, colour: tuple[int, int, int]) -> Box:
    """Bounds of a colour, in pixels of the game; those of the frame begin at 0."""
    rows, columns = np.nonzero((np.array(picture) == colour).all(axis=-1))
    near = [
        n / ZOOM - MARGIN for n in (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    ]
    return Box(*(int(np.floor(n)) for n in near[:2]), *(int(np.ceil(n)) for n in near[2:]))


def without_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImageDraw.ImageDraw, "text", lambda *_, **__: None)


def test_marks_are_what_the_labels_say(ram: NDArray[np.uint8]) -> None:
    assert marks_of(LABELS, ram) == [
        Mark("ball", 20, 40),
        Mark("car", 60, None),
        Mark("paddle", None, 10),
        Mark("far_away", None, None),
    ]


def test_a_mark_lies_at_the_edges_and_hides_nothing_of_the_object(
    frame: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    without_names(monkeypatch)
    frame[40:43, 20:22] = 250  # the object
    picture = draw_marks(frame, [Mark("ball", 20, 40)], zoom=ZOOM)
    box = coloured(picture, COLOURS[0])
    assert (box.left, box.top) == (17, 37)
    content = np.array(picture)[MARGIN * ZOOM :, MARGIN * ZOOM :]
    assert (content[40 * ZOOM :, 20 * ZOOM :][: 50 * ZOOM, : 60 * ZOOM] >= GREY).all()
    assert (content[40 * ZOOM : 43 * ZOOM, 20 * ZOOM : 22 * ZOOM] == 250).all()
    # The pixels of the game beside the left edge and above the top edge are the mark's.
    assert (content[40 * ZOOM : 43 * ZOOM, 19 * ZOOM : 20 * ZOOM] == COLOURS[0]).all()
    assert (content[39 * ZOOM : 40 * ZOOM, 20 * ZOOM : 22 * ZOOM] == COLOURS[0]).all()


def test_one_axis_is_a_line_on_it(
    frame: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    without_names(monkeypatch)
    picture = draw_marks(frame, [Mark("car", 60, None), Mark("paddle", None, 10)], zoom=ZOOM)
    car, paddle = (coloured(picture, colour) for colour in COLOURS[:2])
    assert (car.left, car.right) == (59, 60)
    assert car.bottom - car.top >= HEIGHT
    assert (paddle.top, paddle.bottom) == (9, 10)
    assert paddle.right - paddle.left >= WIDTH


def test_lines_in_the_same_place_are_all_seen(
    frame: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    without_names(monkeypatch)
    picture = np.array(draw_marks(frame, [Mark(n, 30, None) for n in "abc"], zoom=ZOOM))
    counts = [(picture == colour).all(axis=-1).sum() for colour in COLOURS[:3]]
    assert min(counts) > 0.7 * max(counts)


def test_marks_beyond_the_frame_are_drawn_at_its_border(frame: NDArray[np.uint8]) -> None:
    marks = [Mark("left", -40, 30), Mark("below", 30, 500)]
    assert draw_marks(frame, marks).size == draw_marks(frame, marks[:1]).size
    assert coloured(draw_marks(frame, marks[:1], zoom=ZOOM), COLOURS[0]).left >= -MARGIN


def test_all_objects_are_named_and_absent_ones_listed_below(
    frame: NDArray[np.uint8], ram: NDArray[np.uint8], words: list[str]
) -> None:
    marks = marks_of(LABELS, ram)
    picture = draw_marks(frame, marks, zoom=ZOOM)
    assert words == ["ball", "car", "paddle", "absent: far away"]
    assert picture.height > draw_marks(frame, marks[:3], zoom=ZOOM).height


def test_names_avoid_each_other_and_the_objects() -> None:
    page = Box(0, 0, 480, 630)
    marks = [Mark(str(i), 70 + 3 * (i % 2), 60 + 4 * i) for i in range(5)]
    marks += [Mark("a", 80, None), Mark("b", 80, None), Mark("c", None, 60)]
    boxes = place_names(marks, [(90, 16)] * len(marks), page, ZOOM)
    for i, box in enumerate(boxes):
        assert box.shared(page) == box.area
        assert not any(box.shared(other) for other in boxes[:i])
        assert not any(
            box.shared(Box(m.x * ZOOM, m.y * ZOOM, (m.x + 4) * ZOOM, (m.y + 4) * ZOOM))
            for m in marks[:5]
            if m.x is not None and m.y is not None
        )


def test_the_fullest_moment_has_most_objects_in_plain_view() -> None:
    shape = (210, 160, 3)
    one = [Mark("a", 80, 100), Mark("b", None, None)]
    close = [Mark("a", 80, 100), Mark("b", 82, 101)]
    spread = [Mark("a", 50, 100), Mark("b", 110, 100)]
    clipped = [Mark("a", 80, 100), Mark("b", 158, 100)]
    ordered = sorted([spread, close, one, clipped], key=lambda marks: fullness(marks, shape))
    assert ordered[2:] == [close, spread]
    assert fullness([], shape) == (0, 0.0)


def test_the_gallery_holds_every_picture_below_its_title(words: list[str]) -> None:
    colours = [(30 * i, 100, 200) for i in range(7)]
    pictures = {f"Game{i}": Image.new("RGB", (60, 50 + 10 * i), colours[i]) for i in range(7)}
    sheet = Image.open(io.BytesIO(to_png(gallery(pictures)))).convert("RGB")
    assert words == list(pictures)
    found = np.array(sheet)
    for i in range(7):
        assert (found == colours[i]).all(axis=-1).sum() == 60 * (50 + 10 * i)


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
    line = coloured(picture.crop((300, 0, *picture.size)), COLOURS[0])
    court = np.array(picture)[(34 + MARGIN) * ZOOM : (194 + MARGIN) * ZOOM]
    paddle = np.nonzero((abs(court.astype(int) - (92, 186, 92)) < 12).all(axis=-1))[0].min() / ZOOM
    # The labels are those of the frame: the paddle begins right below its line.
    assert abs(34 + paddle - line.bottom) <= 2
