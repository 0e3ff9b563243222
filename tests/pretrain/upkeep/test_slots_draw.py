"""Slots drawn on frames: boxes are where the objects are, and numbers can be read."""

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
from pretrain.drawing.canvas import MARGIN, Box
from pretrain.drawing.slot_boxes import TRAIL, SlotBox, slot_boxes
from pretrain.drawing.slot_frame import SLOT_COLOURS, draw_slots, outlines_of, place_numbers
from pretrain.upkeep import slots_draw
from slotenv import ready
from slotenv.encoders import ObjectMixtureEncoder, SlotMapEncoder
from slotenv.frames import plain

ZOOM, GREY = 3, 77
SHAPE = (90, 80, 3)


def boxes_at(*places: tuple[float, ...]) -> NDArray[np.float64]:
    return np.array(places, np.float64)


@pytest.fixture
def frame() -> NDArray[np.uint8]:
    return np.full(SHAPE, GREY, np.uint8)


@pytest.fixture
def words(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is written on pictures during a test, in place of writing it."""
    written: list[str] = []

    def record(self: ImageDraw.ImageDraw, where: object, text: str, **how: object) -> None:
        written.append(text)

    monkeypatch.setattr(ImageDraw.ImageDraw, "text", record)
    return written


def test_a_box_holds_the_very_pixels_of_a_rectangle() -> None:
    for first, after in ((20, 21), (20, 22), (33, 40)):
        columns = np.arange(first, after)
        extent = columns.std() * 12**0.5  # as encoders measure it
        boxes = boxes_at((1, columns.mean(), 45, extent, 4))
        (box,) = slot_boxes([boxes], SHAPE)
        assert (box.left, box.right) == (first, after)


def test_boxes_stay_in_the_frame_and_absent_slots_have_none() -> None:
    boxes = boxes_at((1, -3, 95, 4, 4), (0.4, 40, 40, 5, 5), (0.6, 79, 0, 9, 9))
    found = slot_boxes([boxes], SHAPE)
    assert [box.slot for box in found] == [0, 2]
    for box in found:
        assert 0 <= box.left < box.right <= 80
        assert 0 <= box.top < box.bottom <= 90


def test_a_trail_goes_back_to_where_the_object_came_from() -> None:
    def trail(*steps: tuple[float, ...]) -> tuple[tuple[float, float], ...]:
        return slot_boxes([boxes_at(step) for step in steps], SHAPE)[0].trail

    here, before = (1, 40, 50, 4, 4), (1, 37, 48, 4, 4)
    assert trail(before, here) == ((37, 48), (40, 50))
    assert trail(before, (0, 38, 49, 4, 4), here) == ((40, 50),)  # it was gone
    assert trail((1, 4, 8, 4, 4), before, here) == ((37, 48), (40, 50))  # another object
    assert len(trail(*[here] * 40)) == TRAIL + 1


def test_lines_lie_around_the_object_and_hide_nothing_of_it(
    frame: NDArray[np.uint8], words: list[str]
) -> None:
    frame[40:46, 20:28] = 250
    trail = ((60.0, 42.5), (40.0, 42.5), (23.5, 42.5))
    picture = np.array(draw_slots(frame, [SlotBox(3, 20, 40, 28, 46, trail)], zoom=ZOOM))
    assert words == ["3"]
    content = picture[MARGIN * ZOOM : -MARGIN * ZOOM, MARGIN * ZOOM : -MARGIN * ZOOM]
    assert (content[40 * ZOOM : 46 * ZOOM, 20 * ZOOM : 28 * ZOOM] == 250).all()
    line = (content == SLOT_COLOURS[3]).all(axis=-1)
    rows, columns = np.nonzero(line[:, : 30 * ZOOM])
    assert (rows.min() // ZOOM, rows.max() // ZOOM) == (39, 46)
    assert columns.min() // ZOOM == 19
    assert np.nonzero(line)[1].max() // ZOOM == 60  # the trail


def test_lines_of_slots_on_one_object_are_all_seen(
    frame: NDArray[np.uint8], words: list[str]
) -> None:
    boxes = [SlotBox(slot, 20, 40, 28, 46, ()) for slot in (0, 1, 2)]
    picture = np.array(draw_slots(frame, boxes, zoom=ZOOM))
    counts = [(picture == colour).all(axis=-1).sum() for colour in SLOT_COLOURS[:3]]
    assert 0 < counts[0] < counts[1] < counts[2]
    apart = outlines_of([SlotBox(0, 20, 40, 28, 46, ()), SlotBox(1, 30, 40, 38, 46, ())], ZOOM)
    assert len({box.bottom - box.top for box in apart}) == 1


def test_numbers_avoid_each_other_and_the_boxes() -> None:
    page = Box(0, 0, 480, 540)
    outlines = [Box(x, y, x + 24, y + 30) for x in (0, 60, 456) for y in (0, 100, 132, 510)]
    places = place_numbers(outlines, [(18, 16)] * len(outlines), page)
    for i, place in enumerate(places):
        assert place.shared(page) == place.area
        assert not any(place.shared(other) for other in places[:i])
        assert not any(place.shared(outline) for outline in outlines)


def test_colours_differ() -> None:
    assert len(set(SLOT_COLOURS)) == len(SLOT_COLOURS) == 24


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
def encoder() -> ObjectMixtureEncoder:
    frames = np.pad(moving_blocks.scene(300).frames, EDGE)
    return ObjectMixtureEncoder.from_frames(frames, preprocess=plain(HEIGHT, WIDTH))


@pytest.fixture
def package(encoder: ObjectMixtureEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package with encoders of two games, which are played on blocks."""
    package = tmp_path / "package"
    for game in ("pong", "mspacman"):
        encoder.save_pretrained(package / game)
    monkeypatch.setattr(ready, "_HERE", package)
    monkeypatch.setattr(slots_draw, "make_env", lambda *_: Blocks())
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
    encoder: ObjectMixtureEncoder,
) -> None:
    moment = slots_draw.fullest_moment("pong", encoder, moments=4, seed=0)
    assert moment.steps == TRAIL + 1
    centres = [((box.left + box.right) / 2, (box.top + box.bottom) / 2) for box in moment.boxes]
    yellow = np.argwhere((moment.frame == moving_blocks.GUEST.colour).all(axis=-1))
    row, column = yellow.mean(axis=0) + 0.5
    assert min(np.hypot(x - column, y - row) for x, y in centres) < 1.5


def test_encoders_can_come_from_a_benchmark(
    package: Path, encoder: ObjectMixtureEncoder, tmp_path: Path
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
